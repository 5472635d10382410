"""The real application with a few routes of ours beside the features'."""

from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import psycopg
import pytest
from litestar import Request, get, post

from groundswell.app.web import create_app
from groundswell.core.errors import ConflictError, UnavailableError
from groundswell.core.http.access import cron, public, requires, signed_in
from groundswell.core.http.body import read_body
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope

PASSED: list[str] = []
"""What handlers of this file were called with."""


class Thing(msgspec.Struct):
    name: str
    size: int = 1


@get("/api/probe/people", opt=requires(Permission.PEOPLE_READ))
async def read_people(scope: Scope) -> dict[str, str]:
    return {"tenant": str(scope.tenant_id), "actor": scope.actor.kind}


@post("/api/probe/things", opt=requires(Permission.PEOPLE_WRITE, body=Thing))
async def make_thing(request: Request, platform: Platform, scope: Scope) -> Thing:
    thing = await read_body(request, Thing)
    PASSED.append(thing.name)
    if thing.name == "conflict":
        raise ConflictError("There is one already.")
    if thing.name == "away":
        raise UnavailableError("Gone for a moment.")
    if thing.name == "crash":
        raise RuntimeError("secret of the house")
    return thing


@get("/api/probe/number/{number:int}", opt=public())
async def number(platform: Platform, number: int, limit: int = 5) -> dict[str, int]:
    raise psycopg.errors.NumericValueOutOfRange("bigint out of range")


@get("/api/probe/cron", opt=cron())
async def run_cron() -> str:
    return "ran"


@get("/probe/page", opt=requires(Permission.GROWTH_READ))
async def show_page(request: Request) -> object:
    return await page(request, "app/error.html", problem=_NOTHING)


@post("/probe/form", opt=requires(Permission.GROWTH_READ))
async def take_form(request: Request) -> object:
    form = await request.form()
    PASSED.append(str(form["name"]))
    return redirect(request, "/probe/page", Flash("Saved", text="All of it."))


@get("/probe/account", opt=signed_in())
async def account() -> str:
    return "yours"


@post("/probe/open", opt=public())
async def open_form() -> str:
    return "taken"


class _Nothing(msgspec.Struct):
    title: str = "Nothing"
    status: int = 400
    detail: str = "None"
    request_id: str = ""
    errors: tuple[str, ...] = ()


_NOTHING = _Nothing()

PROBES = (
    read_people,
    make_thing,
    number,
    run_cron,
    show_page,
    take_form,
    account,
    open_form,
)


@pytest.fixture(scope="session")
async def app(settings, endpoints, running) -> AsyncIterator[object]:
    application = create_app(settings, endpoints, more=PROBES)
    async with running(application):
        yield application


@pytest.fixture
def server(client: httpx.AsyncClient, tenant) -> httpx.AsyncClient:
    """A client with the tenant's secret key."""
    client.headers["Authorization"] = f"Bearer {tenant.secret_key}"
    return client


@pytest.fixture(autouse=True)
def _forget() -> None:
    PASSED.clear()


@pytest.fixture
def passed() -> Callable[[], list[str]]:
    """Names that the probes were called with."""
    return lambda: list(PASSED)
