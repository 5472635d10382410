"""Every route there is: strangers get 401, roles get what the table says, hostile input no 5xx.

The tests walk the application's own route table, so a new route is covered without a new test.
"""

import asyncio
import re
import uuid

import httpx
import jsonschema_rs
import msgspec
import pytest

from groundswell.app.features import exported
from groundswell.app.web import create_app
from groundswell.core.config import load_settings
from groundswell.core.engines.endpoints import Endpoints
from groundswell.core.http.access import Door, RouteEntry, route_table
from groundswell.core.http.examples import example
from groundswell.core.http.openapi import _other
from groundswell.core.http.openapi import document as document_of
from groundswell.core.tenancy.permissions import (
    PUBLISHABLE_PERMISSIONS,
    ROLE_PERMISSIONS,
    SECRET_KEY_PERMISSIONS,
    Role,
)


@pytest.fixture(scope="session")
def routes(app) -> list[RouteEntry]:
    return app._app._app.state.routes


@pytest.fixture
def api(routes) -> list[RouteEntry]:
    """Capture has paths of other protocols too."""
    return [entry for entry in routes if entry.is_api or entry.handler is None]


@pytest.fixture
def guarded(api) -> list[RouteEntry]:
    return [entry for entry in api if entry.access.door is Door.PERMISSION]


def path_of(entry: RouteEntry, value: str = "") -> str:
    """The path with something in each parameter: unknown ids of the right form."""

    def fill(found: re.Match[str]) -> str:
        kind = found.group(2)
        return value or {"uuid": str(uuid.uuid4()), "int": "1"}.get(kind, "nothing")

    return re.sub(r"\{(\w+)(?::(\w+))?\}", fill, entry.path)


def body_of(entry: RouteEntry) -> object:
    if entry.access.body is None:
        return {"events": [], "batch": []} if entry.handler is None else None
    (schema,), components = msgspec.json.schema_components([entry.access.body], schema_hook=_other)
    for name, inner in components.items():
        components[name] = msgspec.json.decode(
            msgspec.json.encode(inner).replace(b"#/$defs/", b"#/components/schemas/")
        )
    return example(schema, components)


async def send(client: httpx.AsyncClient, entry: RouteEntry, **options) -> httpx.Response:
    return await client.request(entry.method, path_of(entry), **options)


async def test_strangers_get_401(client, guarded):
    assert guarded
    for entry in guarded:
        answer = await send(client, entry, json=body_of(entry))
        assert answer.status_code == 401, (entry.method, entry.path, answer.text)
        assert answer.headers["content-type"].startswith("application/problem+json")


async def test_strangers_see_no_page(client, routes):
    pages = [
        entry
        for entry in routes
        if not entry.is_api and entry.handler is not None
        if entry.access.door in (Door.PERMISSION, Door.MEMBER)
    ]
    for entry in pages:
        answer = await send(client, entry)
        assert answer.status_code == 303, (entry.method, entry.path, answer.text)
        assert answer.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_without_the_permission_gets_403(sign_in, routes, role):
    browser = await sign_in(role.value)
    refused = [
        entry
        for entry in routes
        if entry.access.permission and entry.access.permission not in ROLE_PERMISSIONS[role]
        # capture is for keys; it does not know sessions
        if entry.handler is not None
    ]
    for entry in refused:
        answer = await send(browser, entry, json=body_of(entry))
        assert answer.status_code == 403, (entry.method, entry.path, answer.text)


async def test_answers_are_what_the_document_says(sign_in, routes):
    """Each plain read of the API against its schema in /api/openapi.json."""
    browser = await sign_in("owner")
    document = (await browser.get("/api/openapi.json")).json()
    for entry in routes:
        if entry.method != "GET" or not entry.is_api or "{" in entry.path:
            continue
        answer = await send(browser, entry)
        described = document["paths"][entry.path]["get"]["responses"]
        response = described.get(str(answer.status_code), described["default"])
        kind = answer.headers.get("content-type", "").partition(";")[0]
        schema = response.get("content", {}).get(kind, {}).get("schema")
        if schema is not None and kind == "application/json":
            whole = {**schema, "components": document["components"]}
            assert jsonschema_rs.is_valid(whole, answer.json()), (entry.path, answer.text[:500])


def test_schemas_of_the_document_are_json_schema(routes):
    found = document_of(routes, version="1")
    for name, schema in found["components"]["schemas"].items():
        jsonschema_rs.meta.validate({**schema, "components": found["components"]}), name


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_with_the_permission_may_read(sign_in, routes, role):
    """A plain read answers; one that names an unknown thing, or lacks a parameter, says so."""
    browser = await sign_in(role.value)
    for entry in routes:
        needed = entry.access.permission
        if entry.method != "GET" or needed is None or needed not in ROLE_PERMISSIONS[role]:
            continue
        if entry.handler is None:  # a door in front of the pages takes keys only
            continue
        answer = await send(browser, entry)
        expected = (404,) if "{" in entry.path else (200, 204, 303, 422)
        assert answer.status_code in expected, (entry.path, answer.status_code, answer.text[:500])


async def test_keys_do_not_reach_beyond_their_kind(client, tenant, guarded):
    for key, held in (
        (tenant.secret_key, SECRET_KEY_PERMISSIONS),
        (tenant.publishable_key, PUBLISHABLE_PERMISSIONS),
    ):
        headers = {"Authorization": f"Bearer {key}"}
        for entry in guarded:
            if entry.access.permission in held:
                continue
            answer = await send(client, entry, json=body_of(entry), headers=headers)
            assert answer.status_code == 403, (entry.method, entry.path, answer.text)


async def test_other_tenants_things_are_not_there(client, tenant, other_tenant, guarded):
    """No list of a new tenant shows anything of another, whatever the other has."""
    theirs = {"Authorization": f"Bearer {other_tenant.secret_key}"}
    needles = (str(tenant.id), tenant.slug)
    for entry in guarded:
        if entry.method != "GET" or "{" in entry.path:
            continue
        answer = await send(client, entry, headers=theirs)
        for needle in needles:
            assert needle not in answer.text, entry.path


HOSTILE_BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"{",
    b"\xff\xfe\x00",
    b'{"a": "\xff"}',
    b'{"a": "\\ud800"}',
    b"[" * 50_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b"1" * 5_000,
    b"-1e999",
]
HOSTILE_VALUES = [
    None,
    True,
    -1,
    0,
    2**63,
    10**30,
    1e308,
    "",
    "a\x00b",
    "x" * 100_000,
    "\u202e\U0001f600",
    [],
    {},
    [[[[[]]]]],
    {"a": {"b": "\x00"}},
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "' or 1=1 --",
    "{x:UInt8}",
    "%s%(a)s",
]
HOSTILE_TEXTS = [
    "%00", "%ff", "a%00b", "-1", "99999999999999999999999", "1e999", "%F0%9F%98%80", "%25s",
    "'%22%3B--", "..%2f..%2fetc", "x" * 3000, "NaN", "%E2%80%AE", "9999-12-31", "0001-01-01",
]  # fmt: skip


def mutations(value: object) -> list[object]:
    """The body with one part at a time replaced by each hostile value."""
    found: list[object] = list(HOSTILE_VALUES)
    if isinstance(value, dict):
        for name, inner in value.items():
            found += [{**value, name: bad} for bad in mutations(inner)]
        found.append({**value, "a\x00": 1})
    elif isinstance(value, list) and value:
        found += [[bad, *value[1:]] for bad in mutations(value[0])]
        found.append(value * 300)
    return found


async def calm(client: httpx.AsyncClient, entry: RouteEntry, url: str, **options) -> None:
    """Send; anything but a 5xx will do. The rate limit is no answer: wait and repeat."""
    for _ in range(5):
        answer = await client.request(entry.method, url, **options)
        if answer.status_code != 429:
            break
        await asyncio.sleep(0.2)
    shown = str(options.get("content") or options)[:300]
    assert answer.status_code < 500, (entry.method, url[:200], shown, answer.text[:300])


@pytest.fixture
async def owners(sign_in, make_tenant):
    """Makes a browser of an owner of a tenant of their own, as a fuzzed route may change it."""

    async def make() -> httpx.AsyncClient:
        return await sign_in("owner", await make_tenant())

    return make


def targets(api: list[RouteEntry]) -> list[RouteEntry]:
    return [entry for entry in api if entry.access.door is not Door.CRON]


async def test_hostile_bodies_are_never_our_fault(owners, client, tenant, api):
    key = {"Authorization": f"Bearer {tenant.secret_key}"}
    for entry in targets(api):
        if entry.method in ("GET", "DELETE"):
            continue
        browser = await owners() if entry.handler is not None else client
        headers = {"Content-Type": "application/json"} | ({} if entry.handler else key)
        bodies = [*HOSTILE_BODIES]
        bodies += [_dumps(bad) for bad in mutations(body_of(entry)) if bad is not None]
        for content in bodies:
            await calm(browser, entry, path_of(entry), content=content, headers=headers)


async def test_hostile_addresses_are_never_our_fault(owners, api):
    browser = await owners()
    for entry in targets(api):
        if "{" in entry.path:
            for text in HOSTILE_TEXTS:
                await calm(browser, entry, path_of(entry, text), json=body_of(entry))
        if entry.method == "GET":
            names = _parameters(entry) or {"limit", "cursor"}
            for name in sorted(names):
                for text in HOSTILE_TEXTS:
                    await calm(browser, entry, f"{path_of(entry)}?{name}={text}")
            await calm(browser, entry, path_of(entry) + "?" + "a=1&" * 2000)


async def test_hostile_forms_are_never_our_fault(owners, routes):
    pages = [entry for entry in routes if not entry.is_api and entry.handler is not None]
    for entry in pages:
        browser = await owners()
        if entry.method == "GET":
            for text in HOSTILE_TEXTS[:6]:
                for name in ("cursor", "q", "from", "next"):
                    await calm(browser, entry, f"{path_of(entry)}?{name}={text}")
        else:
            for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
                for content in (b"", b"%ff=%00", b"a" * 5000, b"--x\r\n\r\n\x00", b"=&=&"):
                    headers = {"Content-Type": kind}
                    await calm(browser, entry, path_of(entry), content=content, headers=headers)


def test_every_route_says_who_may_call_it(routes):
    assert all(entry.access.door in Door for entry in routes)
    assert all(
        entry.access.permission is not None
        for entry in routes
        if entry.access.door is Door.PERMISSION
    )


def test_capture_is_in_the_table_too(routes):
    paths = {entry.path for entry in exported("api", "CAPTURE_ROUTES")}
    assert paths <= {entry.path for entry in routes}


def test_the_application_is_built_without_any_engine(tmp_path):
    """A web process starts while the engines are away."""
    nowhere = Endpoints(
        database_url="postgresql://nowhere",
        database_owner_url="",
        database_system_url="postgresql://nowhere",
        clickhouse_url="http://nowhere:1",
        log_url="valkey://nowhere",
        cache_url="valkey://nowhere",
        files_url="",
    )
    application = create_app(load_settings(home=tmp_path / "home"), nowhere)
    assert route_table(application._app._app)


def _parameters(entry: RouteEntry) -> set[str]:
    if entry.access.query is None:
        return set()
    return {field.encode_name for field in msgspec.structs.fields(entry.access.query)}


def _dumps(value: object) -> bytes:
    return msgspec.json.encode(value)
