"""Real engines for every test: one set per pytest process, a fresh tenant per test."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from groundswell.core.config import Settings, load_settings
from groundswell.core.db.migrations import migrate
from groundswell.core.engines.embedded import engines
from groundswell.core.engines.endpoints import Endpoints
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope

for name in [n for n in os.environ if n.startswith("GROUNDSWELL_")]:
    del os.environ[name]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name moments and containers by their argument: both xdist workers must agree."""
    return argname if isinstance(val, bytes | datetime | dict | list | tuple) else None


@dataclass(frozen=True)
class TestTenant:
    """A tenant made for one test."""

    __test__ = False
    id: UUID
    slug: str
    scope: Scope
    secret_key: str
    publishable_key: str


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A home for this pytest process."""
    path = Path(tempfile.mkdtemp(prefix="gs-test-"))
    yield path / "home"
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(home: Path) -> Settings:
    """Settings of the test installation."""
    return load_settings(home=home, port=0, cron_secret="test-cron-secret")


@pytest.fixture(scope="session")
async def endpoints(settings: Settings) -> AsyncIterator[Endpoints]:
    """Migrated embedded engines."""
    async with engines(settings) as made:
        await migrate(made.database_owner_url, made.clickhouse_url)
        yield made


@pytest.fixture(scope="session")
async def platform(settings: Settings, endpoints: Endpoints) -> AsyncIterator[Platform]:
    """Clients of the engines, as every role holds them."""
    async with open_platform(settings, endpoints, encryption_of(settings)) as opened:
        await opened.directory.start()
        yield opened


@pytest.fixture
async def make_tenant(platform: Platform) -> Callable:
    """Makes a tenant with both keys: ``await make_tenant(currency="EUR")``."""
    from groundswell.features.access.api import create_key, create_tenant

    async def make(**options: str) -> TestTenant:
        slug = f"t-{new_id().hex[-12:]}"
        tenant_id = await create_tenant(
            platform, slug=slug, name=options.pop("name", slug.title()), **options
        )
        actor = Actor(ActorKind.SYSTEM, "test")
        scope = Scope(tenant_id, actor, frozenset(Permission))
        secret = await create_key(platform, scope, kind="secret", name="Server")
        publishable = await create_key(platform, scope, kind="publishable", name="Website")
        await platform.directory.refresh()
        return TestTenant(tenant_id, slug, scope, secret.secret, publishable.secret)

    return make


@pytest.fixture
async def tenant(make_tenant: Callable) -> TestTenant:
    """A fresh tenant."""
    return await make_tenant()


@pytest.fixture
async def other_tenant(make_tenant: Callable) -> TestTenant:
    """Another tenant, who must see nothing of the first."""
    return await make_tenant()


@pytest.fixture(scope="session")
def running() -> Callable:
    """Starts an ASGI application: ``async with running(application)``."""
    return _lifespan


@pytest.fixture(scope="session")
async def app(settings: Settings, endpoints: Endpoints) -> AsyncIterator[object]:
    """The whole web application, started."""
    from groundswell.app.web import create_app

    application = create_app(settings, endpoints)
    async with _lifespan(application):
        yield application


@pytest.fixture
async def client(app: object, platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as made:
        yield made


@pytest.fixture
async def sign_in(app: object, platform: Platform, tenant: TestTenant) -> AsyncIterator[Callable]:
    """Signs a new member in: ``browser = await sign_in("analyst")``, an HTTP client.

    It carries the session's cookie and, as a header, its CSRF token.
    """
    from groundswell.core.http.cookies import session_cookie_name
    from groundswell.core.http.csrf import csrf_token
    from groundswell.core.identity.api import start_session

    made: list[httpx.AsyncClient] = []

    async def sign_in(role: str = "owner", at: TestTenant = tenant) -> httpx.AsyncClient:
        member = new_id()
        async with platform.postgres.across_tenants("test") as tx:
            await tx.execute(
                "insert into members (member_id, email) values (%s, %s)",
                (member, f"{member}@example.com"),
            )
            await tx.execute(
                "insert into memberships (tenant_id, member_id, role) values (%s, %s, %s)",
                (at.id, member, role),
            )
        token = await start_session(platform, member, at.id)
        browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://testserver",
            cookies={session_cookie_name(platform.settings): token},
            headers={"X-CSRF-Token": csrf_token(platform.encryption, token)},
        )
        made.append(browser)
        return browser

    yield sign_in
    for browser in made:
        await browser.aclose()


class _lifespan:  # noqa: N801 - used as a context manager, reads like one
    """Start-up and shut-down of an ASGI application, in one task as servers do."""

    def __init__(self, application: object) -> None:
        self._app = application
        self._in: asyncio.Queue = asyncio.Queue()
        self._out: asyncio.Queue = asyncio.Queue()

    async def __aenter__(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.create_task(self._app(scope, self._in.get, self._out.put))
        await self._say("startup")

    async def __aexit__(self, *_: object) -> None:
        await self._say("shutdown")
        await self._task

    async def _say(self, what: str) -> None:
        await self._in.put({"type": f"lifespan.{what}"})
        answer = asyncio.create_task(self._out.get())
        done, _ = await asyncio.wait({answer, self._task}, return_when="FIRST_COMPLETED")
        if answer not in done:
            answer.cancel()
            self._task.result()
            raise RuntimeError(f"the application ended during {what}")
        message = answer.result()
        if message["type"].endswith("failed"):
            raise RuntimeError(message.get("message", what))
