"""The Python SDK against the real server: threads, restarts, forks, exits and event loops."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from groundswell_sdk import AsyncClient, Client, Failure
from tests.sdk.conftest import ROOT, Shop, until

SOURCES = str(ROOT / "sdk/python/src")


@pytest.fixture
def lost() -> list[Failure]:
    return []


def run(code: str, shop: Shop) -> subprocess.CompletedProcess[str]:
    """A program of its own, started with the shop's key and address as arguments."""
    start = "import sys; from groundswell_sdk import *\nKEY, HOST = sys.argv[1:]\n"
    return subprocess.run(
        [sys.executable, "-c", start + code, shop.secret, shop.url],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=30,
    )


def web_pids(shop: Shop) -> list[int]:
    programs = shop.server.programs().items()
    return [each["pid"] for name, each in programs if name.startswith("web") and each["ready"]]


def restart_web(shop: Shop) -> None:
    """Kill the web processes as fate would; the supervisor starts others."""
    killed = web_pids(shop)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert until(lambda: (now := web_pids(shop)) and not set(now) & set(killed), 20)


def test_ten_thousand_events_of_eight_threads_arrive_once_over_restarts(
    shop: Shop, lost: list[Failure]
) -> None:
    """The server is killed twice under way; callers never wait and nothing is lost."""
    client = Client(shop.secret, shop.url, max_queue=20_000, on_error=lost.append)
    longest = [0.0] * 8

    def work(thread: int) -> None:
        for number in range(1_250):
            began = time.perf_counter()
            client.track(f"user-{number % 50}", "Threaded", {"thread": thread, "number": number})
            longest[thread] = max(longest[thread], time.perf_counter() - began)
            if number % 10 == 0:
                time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(0.5)
        restart_web(shop)
    for thread in threads:
        thread.join()
    assert client.flush(30)
    client.shutdown()
    assert lost == []
    assert until(lambda: shop.count("Threaded") == (10_000, 10_000)), shop.count("Threaded")
    assert max(longest) < 0.5


def test_every_call_does_what_it_says(shop: Shop, lost: list[Failure]) -> None:
    """Identify joins, properties change, orders and refunds are counted in exact money."""
    with Client(shop.secret, shop.url, on_error=lost.append) as client:
        client.track("py-anonymous", "Looked", groups={"company": "acme"})
        client.identify(
            "py-ada",
            {"plan": "free", "old": 1},
            anonymous_id="py-anonymous",
            traits_once={"first_plan": "free"},
        )
        client.set_person_properties("py-ada", {"plan": "gold"})
        client.set_person_properties_once("py-ada", {"first_plan": "gold"})
        client.unset_person_properties("py-ada", ["old"])
        client.alias("py-ada", "py-ada-2")
        client.group("company", "acme", {"seats": 5})
        line = {"product_id": "tea", "price": Decimal("19.90"), "quantity": 2}
        client.order("py-ada", "py-1", total=Decimal("39.80"), currency="EUR", products=[line])
        client.order("py-ada", "py-1", total=Decimal("39.80"), currency="EUR", products=[line])
        client.refund("py-ada", "py-1", amount=Decimal("9.90"), refund_id="py-r1")
    assert lost == []
    (order,) = until(
        lambda: [
            o for o in shop.get("/api/orders")["items"] if o["order_id"] == "py-1" and o["refunded"]
        ]
    )
    assert (order["total"], order["refunded"], order["confirmed"]) == (3980, 990, True)
    people = shop.get("/api/people", search="py-ada")["items"]
    (person,) = {each["person_id"]: each for each in people}.values()
    detail = shop.get(f"/api/people/{person['person_id']}")
    ids = {each["distinct_id"] for each in detail["distinct_ids"]}
    assert ids == {"py-anonymous", "py-ada", "py-ada-2"}
    shown = detail["properties"]
    assert (shown["plan"], shown["first_plan"], shown.get("old")) == ("gold", "free", None)
    (looked,) = shop.events(event="Looked")
    assert looked["properties"]["$groups"] == {"company": "acme"}


def test_a_uuid_of_ones_own_makes_a_call_repeatable(shop: Shop) -> None:
    """A job that runs twice records once."""
    uuid = uuid4()
    for _ in range(2):
        with Client(shop.secret, shop.url) as client:
            at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
            assert client.track("job", "Job Ran", uuid=uuid, timestamp=at) == str(uuid)
    (event,) = shop.wait_for(1, event="Job Ran")
    assert datetime.fromisoformat(event["at"]) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert shop.count("Job Ran") == (1, 1)


def test_a_program_may_just_end(shop: Shop) -> None:
    """What is queued at exit is sent, also after an exception and by asyncio's client."""
    code = """
client = Client(KEY, HOST, flush_interval=60)
for number in range(250):
    client.track("program", "Exited", {"number": number})
import asyncio
async def main():
    other = AsyncClient(KEY, HOST, flush_interval=60)
    other.track("program", "Exited", {"number": 250})
asyncio.run(main())
raise SystemExit("as programs do")
"""
    assert "as programs do" in run(code, shop).stderr
    shop.wait_for(200, event="Exited")
    assert until(lambda: shop.count("Exited") == (251, 251)), shop.count("Exited")


def test_forked_workers_send_their_own_events(shop: Shop) -> None:
    """As gunicorn does: a client made before the fork works in parent and children, once each."""
    code = """
import os, threading
client = Client(KEY, HOST, flush_interval=0.2)
client.track("parent", "Forked", {"who": "before"})
stop = threading.Event()
def busy():
    while not stop.is_set():
        client.track("parent", "Busy")
thread = threading.Thread(target=busy); thread.start()
children = []
for number in range(4):
    pid = os.fork()
    if pid == 0:
        client.track(f"child-{number}", "Forked", {"who": number})
        sent = client.flush(10)
        os._exit(0 if sent else 1)
    children.append(pid)
stop.set(); thread.join()
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
client.track("parent", "Forked", {"who": "after"})
print(codes)
"""
    done = run(code, shop)
    assert done.stdout.strip() == "[0, 0, 0, 0]", done.stderr
    found = shop.wait_for(6, event="Forked")
    assert {str(e["properties"]["who"]) for e in found} == {"before", "after", *"0123"}
    assert until(lambda: shop.count("Forked") == (6, 6))


@pytest.mark.parametrize("through", ["thread", "httpx"])
async def test_asyncio_records_without_waiting(
    shop: Shop, lost: list[Failure], through: str
) -> None:
    """A thousand events of ten tasks, over the executor or the caller's own HTTP client."""
    name = f"Awaited by {through}"
    http = httpx.AsyncClient() if through == "httpx" else None
    async with AsyncClient(shop.secret, shop.url, on_error=lost.append, http=http) as client:

        async def work(task: int) -> None:
            for number in range(100):
                assert client.track(f"task-{task}", name, {"number": number})
                await asyncio.sleep(0)

        await asyncio.gather(*(work(each) for each in range(10)))
        assert await client.flush(10)
        client.track("task-0", name)
    if http:
        await http.aclose()
    assert lost == []
    assert until(lambda: shop.count(name) == (1_001, 1_001)), shop.count(name)


def test_a_full_queue_does_as_it_is_told(lost: list[Failure]) -> None:
    """Newest or oldest is dropped and told; nobody is there to send to."""
    for overflow, kept in (("drop_newest", "0 1 2"), ("drop_oldest", "2 3 4")):
        client = Client(
            "gsk_x",
            "http://127.0.0.1:1",
            max_queue=3,
            overflow=overflow,
            on_error=lost.append,
            flush_interval=60,
        )
        for number in range(5):
            client.track("u", "Full", {"number": number})
        assert [f.reason for f in lost] == ["the queue is full"] * 2
        lost.clear()
        client.shutdown(0.2)
        (failure,) = lost
        numbers = [str(event["properties"]["number"]) for event in failure.events]
        assert " ".join(numbers) == kept
        lost.clear()


def test_a_caller_may_wait_for_room(shop: Shop) -> None:
    """``block`` loses nothing with a queue of ten."""
    with Client(shop.secret, shop.url, max_queue=10, overflow="block", batch_size=10) as client:
        for _ in range(200):
            assert client.track("u", "Blocked")
    assert until(lambda: shop.count("Blocked") == (200, 200))


def test_callers_hear_of_losses_and_never_of_exceptions(shop: Shop, lost: list[Failure]) -> None:
    """Wrong calls, refused events, a wrong key, a wrong host, a callback that fails."""

    def told(failure: Failure) -> None:
        lost.append(failure)
        raise RuntimeError("the callback's own trouble")

    with Client(shop.secret, shop.url, on_error=told) as client:
        assert client.track("", "Nobody") is None
        assert client.track("u", "") is None
        assert client.track("u", "X", uuid="not-a-uuid") is None
        assert client.track(None, None) is None  # type: ignore[arg-type]
        assert client.track("u", "x" * 201)
        assert client.track("u", "Fine")
    assert [f.status for f in lost] == [0, 0, 0, 0, 202]
    assert lost[-1].events[0]["event"] == "x" * 201
    assert len(shop.wait_for(1, event="Fine")) == 1
    for key, host, status in (("gsk_x", shop.url, 401), ("gsk_x", "nonsense", 400)):
        lost.clear()
        with Client(key, host, on_error=told) as client:
            client.track("u", "X")
        assert [f.status for f in lost] == [status]
    with Client("", shop.url) as client:
        assert client.track("u", "X") is None


def test_tests_can_look_at_what_would_be_sent() -> None:
    """Test mode keeps events and needs no server; values become what JSON can say."""

    class Plan(Enum):
        GOLD = "gold"

    circle: dict = {}
    circle["self"] = circle
    client = Client("", test_mode=True)
    client.track(
        "u",
        "Odd",
        {
            "at": datetime(2026, 1, 2, tzinfo=UTC),
            "day": date(2026, 1, 2),
            "id": UUID(int=1),
            "money": Decimal("1.5"),
            "plan": Plan.GOLD,
            "nan": float("nan"),
            "set": {1},
            5: "five",
            "half": "\ud800",
            "nul": "a\x00",
            "circle": circle,
            "path": Path("a"),
        },
    )
    assert client.flush()
    (event,) = client.recorded
    given = event["properties"]
    assert given["at"] == "2026-01-02T00:00:00.000Z"
    assert (given["day"], given["id"]) == ("2026-01-02", str(UUID(int=1)))
    assert (given["money"], given["plan"], given["nan"], given["set"]) == (1.5, "gold", None, [1])
    assert (given["5"], given["half"], given["nul"]) == ("five", "?", "a�")
    assert given["path"] == "a"
    assert event["uuid"][14] == "7"


def test_what_the_server_wishes_is_done() -> None:
    """Retry-After is waited for, and the batch that is too large is halved; same uuids."""
    import http.server
    import json

    seen: list[tuple[float, list[str]]] = []
    answers = [(429, "1"), (503, None), (413, None), (202, None), (202, None)]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((time.monotonic(), [e["uuid"] for e in body["events"]]))
            status, wish = answers.pop(0)
            self.send_response(status)
            if wish:
                self.send_header("Retry-After", wish)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client("gsk_x", f"http://127.0.0.1:{server.server_port}", gzip=False)
    uuids = [client.track("u", "Wish") for _ in range(4)]
    assert client.flush(20)
    server.shutdown()
    server.server_close()
    assert [len(sent) for _, sent in seen] == [4, 4, 4, 2, 2]
    assert seen[0][1] == seen[2][1] == seen[3][1] + seen[4][1] == uuids
    assert seen[1][0] - seen[0][0] >= 1.0
