"""Exact rate limits over all processes: one atomic script in the cache (GCRA).

GCRA (the generic cell rate algorithm, ITU-T I.371) keeps one number per name: the time at which
the caller's allowance is full again. A full allowance lets ``limit`` requests through at once,
then one every ``period / limit``.
"""

import asyncio
import time
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import msgspec
import structlog
from valkey.asyncio import Valkey
from valkey.exceptions import NoScriptError, ValkeyError

from groundswell.core.metrics import RATE_LIMIT_LOCAL

_log = structlog.get_logger(__name__)

_SCRIPT = """
local now = redis.call('TIME')
-- Microseconds since 2023-11: small enough that fractions of one survive in a double.
local t = (now[1] - 1700000000) * 1000000 + now[2]
local answer, wait = {}, 0
local full = {}
for i, key in ipairs(KEYS) do
  local limit, period = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local step = period / limit
  local at = math.max(tonumber(redis.call('GET', key) or t), t)
  local ahead = at + step - t - period
  if ahead > 0.5 + limit * 0.05 then wait = math.max(wait, ahead) end
  full[i] = {key, at, step, period}
end
for i, f in ipairs(full) do
  local at = f[2]
  if wait == 0 then
    at = at + f[3]
    redis.call('SET', f[1], string.format('%.3f', at), 'PX', math.ceil((at - t) / 1000) + 1000)
  end
  answer[2 * i - 1] = math.floor((f[4] - (at - t)) / f[3] + 0.000001)
  answer[2 * i] = math.ceil(at - t)
end
answer[#answer + 1] = math.ceil(wait)
return answer
"""

_DIGEST = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_PATIENCE = 0.5  # seconds that one request waits for the cache
_PAUSE = 1.0  # seconds during which a cache that failed is not asked again
_MOST_NAMES = 10_000


class Rule(msgspec.Struct, frozen=True):
    """``limit`` requests per ``period`` seconds for ``name``; ``label`` names it to the caller."""

    name: str
    limit: int
    period: int
    label: str = "default"


class Standing(msgspec.Struct, frozen=True):
    """Where a caller stands under one rule. ``reset`` and ``retry_after`` are seconds."""

    rule: Rule
    allowed: bool
    remaining: int
    reset: float
    retry_after: float = 0.0


async def hit(cache: Valkey, name: str, limit: int, period: int) -> Standing:
    """Count one request of ``name``; ``period`` in seconds. For sign-in, mail and the like.

    While the cache is away each process counts for itself.
    """
    return (await hit_all(cache, [Rule(name, limit, period)]))[0]


async def hit_all(cache: Valkey, rules: Sequence[Rule]) -> list[Standing]:
    """Count one request under several rules at once: all of them let it through, or none."""
    now = time.monotonic()
    if now >= _away.until:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await _ask(cache, rules)
        except (ValkeyError, OSError, TimeoutError) as error:
            _away.until = time.monotonic() + _PAUSE
            _log.warning("rate_limits_local", error=str(error)[:200])
    RATE_LIMIT_LOCAL.inc()
    return _locally(rules, now)


def rate_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers)."""
    headers = {
        "RateLimit-Policy": ", ".join(
            f'"{s.rule.label}";q={s.rule.limit};w={s.rule.period}' for s in standings
        ),
        "RateLimit": ", ".join(
            f'"{s.rule.label}";r={s.remaining};t={round(s.reset)}' for s in standings
        ),
    }
    wait = max((s.retry_after for s in standings), default=0)
    if any(not s.allowed for s in standings):
        headers["Retry-After"] = str(max(1, -(-int(wait * 1000) // 1000)))
    return headers


class _Away:
    """When the cache may be asked again, in this process."""

    until = 0.0


_away = _Away()
_local: dict[str, float] = {}


async def _ask(cache: Valkey, rules: Sequence[Rule]) -> list[Standing]:
    names = [f"limit:{rule.name}" for rule in rules]
    numbers = [str(part) for rule in rules for part in (rule.limit, rule.period * 1_000_000)]
    client: Any = cache  # its types say every command may also be synchronous
    try:
        answer = await client.evalsha(_DIGEST, len(names), *names, *numbers)
    except NoScriptError:
        answer = await client.eval(_SCRIPT, len(names), *names, *numbers)
    wait = answer[-1] / 1e6
    return [
        Standing(rule, wait == 0, max(0, answer[2 * i]), answer[2 * i + 1] / 1e6, wait)
        for i, rule in enumerate(rules)
    ]


def _locally(rules: Sequence[Rule], now: float) -> list[Standing]:
    """The script's rules in this process, for as long as the cache is away."""
    if len(_local) > _MOST_NAMES:
        _local.clear()
    full = [max(_local.get(rule.name, now), now) for rule in rules]
    steps = [rule.period / rule.limit for rule in rules]
    ahead = [at + step - now - r.period for at, step, r in zip(full, steps, rules, strict=True)]
    wait = max(0.0, *ahead) if max(ahead) > 1e-6 else 0.0
    standings = []
    for rule, at, step in zip(rules, full, steps, strict=True):
        after = at if wait else at + step
        _local[rule.name] = after
        remaining = int((rule.period - (after - now)) / step + 1e-6)
        standings.append(Standing(rule, not wait, max(0, remaining), after - now, wait))
    return standings
