"""Flag evaluation over HTTP against the floor, at 1,000 requests a second, and in process.

``python -m benchmarks.flags``: one process with our door and one with the floor (the same server
with nothing but decoding the question and encoding an answer of the same 100 flags), in turns,
three rounds; the load tool runs on the same cores. A tenth of the flags ask for a segment that
memory holds.
"""

import statistics
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import uvloop
from benchmarks.capture import _process
from benchmarks.load import Measured, measure, request
from benchmarks.shop import Shop, free_port, installation

from groundswell.core.config import load_settings
from groundswell.core.engines.embedded import engines
from groundswell.core.ids import new_id
from groundswell.core.platform import encryption_of, open_platform
from groundswell.features.flags.api import flag_doors, snapshot_of
from groundswell.features.flags.logic import change
from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.doors.ours import Evaluate, Evaluated
from groundswell.features.flags.logic.evaluate import FlagSet
from groundswell.features.flags.types import (
    Answer,
    Condition,
    Flag,
    FlagContent,
    Group,
    Operator,
    Reason,
    ReasonCode,
    Rules,
    Share,
    Variant,
)

FLAGS = 100
ROUNDS = 3
SECONDS = 4.0
CLIENTS = 32
WHALES = frozenset(f"user-{n}" for n in range(0, 10_000, 7))

_decode = msgspec.json.Decoder(Evaluate).decode


def content_of(number: int) -> FlagContent:
    """A flag as shops have them: half roll-outs, the rest targeted, split, or by segment."""
    plan = Condition("plan", Operator.IS, ["pro", "team", "company"])
    version = Condition("app_version", Operator.SEMVER_GTE, "4.2.0")
    mail = Condition("email", Operator.REGEX, r"@(acme|initech)\.com$")
    spent = Condition("spent", Operator.GT, 1_000)
    whale = Condition("whales", Operator.IN_SEGMENT, of="segment")
    groups = [
        [Group(rollout=number)],
        [Group([plan], rollout=50), Group(rollout=5)],
        [Group([version, spent])],
        [Group(rollout=100)],
        [Group([mail]), Group([plan, spent], rollout=20)],
    ][number % 5]
    if number % 10 == 9:
        groups = [Group([whale]), *groups]
    if number % 4:
        return FlagContent(environments={"production": Rules(enabled=True, groups=groups)})
    rules = Rules(enabled=True, groups=groups, split=[Share("a", 50), Share("b", 50)])
    variants = [Variant("a", {"price": 900}), Variant("b", {"price": 1_100})]
    return FlagContent(kind="multivariate", variants=variants, environments={"production": rules})


def question(number: int) -> bytes:
    """A question about one of 10,000 people with the properties that SDKs send."""
    return msgspec.json.encode(
        {
            "distinct_id": f"user-{number}",
            "first_id": f"018f2c1e-7b0a-7cc0-9a3e-{number:012d}",
            "properties": {
                "plan": ("free", "pro", "team")[number % 3],
                "app_version": f"4.{number % 5}.1",
                "email": f"user{number}@{'acme' if number % 9 == 0 else 'example'}.com",
                "spent": number * 7 % 3_000,
                "country": "AT",
                "$os": "iOS",
            },
        }
    )


_ANSWERS = {
    f"flag-{number}": Answer(
        f"flag-{number}", True, "on", True, None, Reason(ReasonCode.SPLIT, 0), 1
    )
    for number in range(FLAGS)
}


async def floor(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """The least an evaluation can be: read, decode, encode 100 answers."""
    _decode((await receive())["body"])
    body = msgspec.json.encode(Evaluated(_ANSWERS, [], "production", 1))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _in_segment(_tenant: UUID) -> Any:
    return lambda _segment, distinct_id: distinct_id in WHALES


async def _serve(port: int, home: str) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    from groundswell.app.hot_path import HotPath
    from groundswell.app.web import _settle_memory

    def server(app: Any) -> Any:
        return Server(
            app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False
        )

    _settle_memory()
    if not home:
        await server(floor).serve()
        return
    settings = load_settings(home=home)
    async with (
        engines(settings) as endpoints,
        open_platform(settings, endpoints, encryption_of(settings)) as platform,
        flag_doors(platform) as doors,
    ):
        await platform.directory.start()
        snapshot_of(platform).segments_of = _in_segment
        hot = HotPath(floor, {})
        hot.install(doors)
        _settle_memory()
        await server(hot).serve()


def _median(runs: list[Measured]) -> Measured:
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


async def _over_http(shop: Shop) -> None:
    ports = {"floor": free_port(), "flags": free_port()}
    home = str(shop.settings.home)
    async with (
        _process(ports["floor"], ["benchmarks.flags", str(ports["floor"]), ""]) as floor_pid,
        _process(ports["flags"], ["benchmarks.flags", str(ports["flags"]), home]) as flags_pid,
    ):
        pids = {"floor": floor_pid, "flags": flags_pid}
        headers = {"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"}
        asked = [request("/api/flags/evaluate", question(n), headers) for n in range(2_000)]
        runs: dict[str, list[Measured]] = {"floor": [], "flags": []}
        for number in range(ROUNDS):
            for who in ("floor", "flags") if number % 2 else ("flags", "floor"):
                await measure(ports[who], asked, seconds=0.5, connections=CLIENTS)
                runs[who].append(
                    await measure(
                        ports[who], asked, seconds=SECONDS, connections=CLIENTS, pid=pids[who]
                    )
                )
        print(f"{'who':22}{'req/s':>9}{'p50 ms':>8}{'p99 ms':>8}{'CPU µs':>8}")
        for who in ("floor", "flags"):
            _line(who, _median(runs[who]))
        rate = [_median(runs[who]).rate for who in ("flags", "floor")]
        cost = [statistics.median(r.cpu_us for r in runs[who]) for who in ("floor", "flags")]
        print(f"of the floor: {rate[0] / rate[1]:.2f} by rate, {cost[0] / cost[1]:.2f} by CPU")
        steady = await measure(
            ports["flags"], asked, seconds=8.0, connections=CLIENTS, rate=1_000, pid=pids["flags"]
        )
        _line("at 1,000 a second", steady)


def _line(who: str, run: Measured) -> None:
    failed = f"  {run.failures} failed" if run.failures else ""
    print(f"{who:22}{run.rate:9,.0f}{run.p50:8.1f}{run.p99:8.1f}{run.cpu_us:8.0f}{failed}")


def _in_process() -> None:
    now = datetime.now(UTC)
    flags = [
        Flag(
            **msgspec.structs.asdict(content_of(n)),
            flag_id=new_id(),
            key=f"flag-{n}",
            number=n,
            version=1,
            created_at=now,
            updated_at=now,
        )
        for n in range(FLAGS)
    ]
    found = FlagSet.of(flags, "production")
    bodies = [_decode(question(n)) for n in range(2_000)]
    contexts = [
        Context(
            body.distinct_id,
            now=time.time(),
            person=body.first_id,
            properties=body.properties,
            segments=lambda _segment, distinct_id: distinct_id in WHALES,
        )
        for body in bodies
    ]
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        for context in contexts:
            found.outcomes(context)
        rounds.append((time.perf_counter() - began) / len(contexts) / FLAGS * 1e6)
    print(f"in process: {statistics.median(rounds):.2f} µs a flag")


async def main() -> None:
    """Print the table."""
    _in_process()
    async with installation() as shop:
        for number in range(FLAGS):
            await change.create(shop.platform, shop.scope, f"flag-{number}", content_of(number))
        await _over_http(shop)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
    else:
        uvloop.run(main())
