"""While one engine is away or hangs: what goes on, what says 503, and nothing says 500."""

import asyncio
import json
import os
import signal
import time
from contextlib import asynccontextmanager, contextmanager

import httpx
import msgspec
import psutil
import pytest

from groundswell.app.web import create_app
from groundswell.core.db import clickhouse, postgres
from groundswell.core.errors import UnavailableError
from groundswell.core.http.cookies import session_cookie_name
from groundswell.core.ids import new_id

AWAY = {
    "postgres": {
        "database_url": "postgresql://groundswell_app@127.0.0.1:9/groundswell",
        "database_system_url": "postgresql://groundswell_system@127.0.0.1:9/groundswell",
    },
    "event_store": {"clickhouse_url": "http://groundswell:secret@127.0.0.1:9/groundswell"},
    "log": {"log_url": "unix:///nowhere/log.sock"},
    "cache": {"cache_url": "unix:///nowhere/cache.sock"},
}
EVENTS = {"events": [{"event": "Page Viewed", "distinct_id": "ada"}]}
SOMEBODY = {"password": "x" * 12}
ORDER = {"source": "s", "order_id": "1", "distinct_id": "ada", "currency": "USD", "total": 1}


@pytest.fixture
def key(tenant):
    return {"Authorization": f"Bearer {tenant.secret_key}"}


@asynccontextmanager
async def web(settings, endpoints, running):
    """A web process of its own that is started cold."""
    application = create_app(settings, endpoints)
    async with running(application):
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", timeout=60
        ) as client:
            yield client


@pytest.fixture
async def session(sign_in):
    """The cookie of a signed-in owner."""
    browser = await sign_in("owner")
    return dict(browser.cookies), dict(browser.headers)


async def ask(client, key, session, settings):
    """The status of each main way in, asked all at once."""
    cookies, headers = session
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    assert session_cookie_name(settings) in cookie
    member = {"Cookie": cookie, "X-CSRF-Token": headers["x-csrf-token"]}
    asked = {
        "capture": client.post("/api/events", json=EVENTS, headers=key),
        "order": client.post("/api/orders", json=ORDER, headers=key),
        "people": client.get("/api/people", headers=key),
        "metrics": client.get("/api/growth/metrics", headers=key),
        "listed events": client.get("/api/events", headers=key),
        "growth page": client.get("/growth", headers=member),
        "people page": client.get("/people", headers=member),
        "events page": client.get("/events", headers=member),
        "refused page": client.get("/events/refused", headers=member),
        "sign-in page": client.get("/sign-in"),
        "signing in": client.post("/sign-in", data=SOMEBODY | {"email": f"{new_id().hex}@b.c"}),
        "signing out": client.post("/sign-out", headers={"Cookie": "groundswell=" + "x" * 43}),
        "health": client.get("/healthz"),
        "ready": client.get("/readyz"),
    }
    answers = await asyncio.gather(*asked.values())
    return dict(zip(asked, answers, strict=True))


FINE = {
    "capture": 202, "order": 201, "people": 200, "metrics": 200, "listed events": 200,
    "growth page": 200, "people page": 200, "events page": 200, "refused page": 200,
    "sign-in page": 200, "signing in": 422, "signing out": 303, "health": 200, "ready": 200,
}  # fmt: skip
BROKEN = {
    "postgres": {
        "order", "people", "growth page", "people page", "events page", "refused page",
        "signing in", "signing out", "ready",
    },
    "event_store": {
        "metrics", "listed events", "growth page", "events page", "refused page", "ready",
    },
    "log": {"capture", "refused page", "ready"},
    "cache": set(),
}  # fmt: skip


@pytest.mark.parametrize("engine", list(AWAY))
async def test_a_cold_start_without_an_engine(
    settings, endpoints, running, tenant, key, session, engine, monkeypatch
):
    """Capture needs the log alone, what needs the engine says 503, the rest goes on."""
    monkeypatch.setattr(postgres, "_WAIT_SECONDS", 1.0)
    without = msgspec.structs.replace(endpoints, **AWAY[engine])
    async with web(settings, without, running) as client:
        answers = await ask(client, key, session, settings)
    expected = {name: 503 if name in BROKEN[engine] else code for name, code in FINE.items()}
    # The same order was placed by the test before.
    seen = {name: answer.status_code for name, answer in answers.items()}
    assert seen == expected
    for name in BROKEN[engine] - {"ready"}:
        assert "retry-after" in answers[name].headers, name
    assert answers["ready"].json()["checks"][engine]["ok"] is False


@contextmanager
def hanging(settings, name):
    """The engine's processes stand still, their sockets stay open."""
    status = json.loads((settings.home / "run" / "status.json").read_bytes())
    [program] = [each for each in status["programs"] if each["name"] == name]
    top = psutil.Process(program["pid"])
    processes = [top, *top.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("engine", "program"),
    [("postgres", "postgres"), ("event_store", "store"), ("log", "log"), ("cache", "cache")],
)
async def test_an_engine_that_hangs(
    settings, endpoints, running, tenant, key, session, engine, program, monkeypatch
):
    """No request waits for ever, none is answered 500, the process stays awake, all comes back."""
    monkeypatch.setattr(clickhouse, "_PATIENCE", 3.0)
    async with web(settings, endpoints, running) as client:
        first = await ask(client, key, session, settings)
        assert {name: answer.status_code for name, answer in first.items()} == FINE
        with hanging(settings, program):
            asking = asyncio.create_task(ask(client, key, session, settings))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            assert (await client.get("/healthz")).status_code == 200
            assert time.monotonic() - began < 0.5
            async with asyncio.timeout(40):
                answers = await asking
        codes = {name: answer.status_code for name, answer in answers.items()}
        expected = {name: 503 if name in BROKEN[engine] else code for name, code in FINE.items()}
        assert codes == expected | ({"order": codes["order"]} if engine != "postgres" else {})
        assert answers["ready"].json()["checks"][engine]["ok"] is False
        for _ in range(20):
            again = await ask(client, key, session, settings)
            if all(answer.status_code < 300 for name, answer in again.items() if name == "ready"):
                break
            await asyncio.sleep(0.5)
        codes = {name: answer.status_code for name, answer in again.items()}
        assert codes == FINE | {"order": 200}


async def test_a_question_too_large_for_the_store_is_not_our_fault(platform, tenant):
    """Out of time or memory, the store answers an error of its own: 503 and a word, not 500."""
    sql = "select uniqExact(number) from numbers(200000000) where {tenant:UUID} = {tenant:UUID}"
    for limits in ({"max_execution_time": "0.05"}, {"max_memory_usage": "1000000"}):
        with pytest.raises(UnavailableError):
            await platform.store.rows(tenant.scope, sql, limits=limits)
