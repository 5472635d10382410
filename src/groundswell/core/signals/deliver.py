"""Delivery of signals after commit: at least once, up to 500 per call, bad ones out of the way.

Polled rather than notified: NOTIFY takes a lock at every commit, and that would be paid by
orders and events.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog

from groundswell.core import clock
from groundswell.core.db.postgres import Transaction
from groundswell.core.errors import UnavailableError
from groundswell.core.jobs.errors import sentence
from groundswell.core.metrics import SIGNALS_DELIVERED, SIGNALS_FAILED
from groundswell.core.platform import Platform
from groundswell.core.signals.types import Signal, SignalHandler

BATCH = 500
ATTEMPTS = 10
"""After so many failures a signal is dead: kept, shown, run again only when asked."""

_CONCURRENT = 2
_TIMEOUT = 60.0  # seconds for one call of a handler
_BASE, _CAP = 2.0, 3_600.0  # seconds of back-off: first, longest

_log = structlog.get_logger(__name__)

# A loose index scan: one probe per tenant and name, however many signals wait.
_GROUPS = """
with recursive g as (
  (select tenant_id, name from signals where attempts < 10 order by tenant_id, name limit 1)
  union all
  select n.tenant_id, n.name from g, lateral (
    select s.tenant_id, s.name from signals s
    where s.attempts < 10 and (s.tenant_id, s.name) > (g.tenant_id, g.name)
    order by s.tenant_id, s.name limit 1) n
)
select tenant_id, name from g
where exists (select from signals s where s.tenant_id = g.tenant_id and s.name = g.name
              and s.attempts < 10 and s.next_attempt_at <= clock_timestamp())
"""
_CLAIM = """
select tenant_id, signal_id, name, payload, attempts, done from signals
where tenant_id = %s and name = %s and attempts < 10 and next_attempt_at <= clock_timestamp()
order by next_attempt_at limit %s for update skip locked
"""
_DELETE = "delete from signals where tenant_id = %s and signal_id = any(%s)"
_FAILED = """
update signals s set attempts = s.attempts + f.counted, next_attempt_at = f.at,
  last_error = f.error, done = coalesce(string_to_array(nullif(f.done, ''), ','), '{}')
from unnest(%s::uuid[], %s::int[], %s::timestamptz[], %s::text[], %s::text[])
     as f(signal_id, counted, at, error, done)
where s.tenant_id = %s and s.signal_id = f.signal_id
"""


class _Claimed(Signal, frozen=True):
    attempts: int
    done: list[str] | None


class _Failure(msgspec.Struct, frozen=True):
    error: str
    counts: bool


class Delivery:
    """Delivers to the handlers of all features; one per worker process."""

    def __init__(self, platform: Platform, handlers: Sequence[SignalHandler]) -> None:
        self._platform = platform
        self._handlers: dict[str, list[SignalHandler]] = {}
        for handler in sorted(handlers, key=lambda each: each.name):
            self._handlers.setdefault(handler.signal, []).append(handler)

    async def deliver_due(self) -> int:
        """One batch of every tenant and name with something due; returns signals handled.

        Round by round, so that one tenant's thousand batches don't keep others waiting.
        """
        async with self._platform.postgres.across_tenants("signals") as tx:
            groups = await tx.rows(_GROUPS)
        gate = asyncio.Semaphore(_CONCURRENT)

        async def one(tenant_id: UUID, name: str) -> int:
            async with gate:
                return await self._deliver(tenant_id, name)

        results = await asyncio.gather(*(one(*group) for group in groups), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(result for result in results if isinstance(result, int))

    async def _deliver(self, tenant_id: UUID, name: str) -> int:
        # The claim is the row lock of this transaction: a killed worker lets go of it at once.
        async with self._platform.postgres.across_tenants("signals") as tx:
            claimed = await tx.fetch(_Claimed, _CLAIM, (tenant_id, name, BATCH))
            if not claimed:
                return 0
            claimed.sort(key=lambda signal: signal.signal_id)
            done: dict[UUID, set[str]] = {s.signal_id: set(s.done or ()) for s in claimed}
            failures: dict[UUID, _Failure] = {}
            for handler in self._handlers.get(name, ()):
                todo = [s for s in claimed if handler.name not in done[s.signal_id]]
                failed = await self._handle(handler, tenant_id, todo)
                failures.update(failed)
                for signal in todo:
                    if signal.signal_id not in failed:
                        done[signal.signal_id].add(handler.name)
            await _settle(tx, tenant_id, claimed, failures, done)
        SIGNALS_DELIVERED.inc(len(claimed) - len(failures))
        SIGNALS_FAILED.inc(len(failures))
        return len(claimed)

    async def _handle(
        self, handler: SignalHandler, tenant_id: UUID, signals: Sequence[Signal]
    ) -> dict[UUID, _Failure]:
        """Call the handler; halve what fails until the bad ones stand alone."""
        if not signals:
            return {}
        try:
            async with asyncio.timeout(_TIMEOUT):
                await handler.handle(self._platform, tenant_id, signals)
        except (UnavailableError, TimeoutError) as error:
            # Not this signal's fault, and smaller batches would fare no better.
            counts = isinstance(error, TimeoutError)
            text = f"{handler.name}: {sentence(error)}"
            return {signal.signal_id: _Failure(text, counts) for signal in signals}
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; it is kept
            if len(signals) > 1:
                half = len(signals) // 2
                first = await self._handle(handler, tenant_id, signals[:half])
                return first | await self._handle(handler, tenant_id, signals[half:])
            _log.warning(
                "signal_failed", handler=handler.name, signal=handler.signal, exc_info=True
            )
            return {signals[0].signal_id: _Failure(f"{handler.name}: {sentence(error)}", True)}
        return {}


async def _settle(
    tx: Transaction,
    tenant_id: UUID,
    claimed: Sequence[_Claimed],
    failures: Mapping[UUID, _Failure],
    done: Mapping[UUID, set[str]],
) -> None:
    delivered = [s.signal_id for s in claimed if s.signal_id not in failures]
    await tx.execute(_DELETE, (tenant_id, delivered))
    failed = [s for s in claimed if s.signal_id in failures]
    if not failed:
        return
    counted = [int(failures[s.signal_id].counts) for s in failed]
    await tx.execute(
        _FAILED,
        (
            [s.signal_id for s in failed],
            counted,
            [clock.now() + back_off(s.attempts) for s in failed],
            [failures[s.signal_id].error for s in failed],
            [",".join(sorted(done[s.signal_id])) for s in failed],
            tenant_id,
        ),
    )


def back_off(attempts: int) -> timedelta:
    """Doubling from 2 s to an hour, spread by a quarter to either side."""
    seconds = min(_CAP, _BASE * 2**attempts)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311
