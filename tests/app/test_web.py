"""The whole application: health, files, the API's own description, metrics of all processes."""

import gzip
import os
import re

import httpx
import pytest

from groundswell.app.metrics_files import merged
from groundswell.app.static import StaticFiles
from groundswell.ui.assets import STATIC


async def test_healthz_answers(client):
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_readyz_names_each_engine(client):
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    found = answer.json()
    assert found["ready"] is True
    assert set(found["checks"]) == {"postgres", "event_store", "log", "cache", "disk"}
    assert all(check["ok"] for check in found["checks"].values())
    assert "ingest_lag_seconds" in found


async def test_readyz_says_which_schema_is_missing(client, platform):
    async with platform.postgres.across_tenants("test") as tx:
        with pytest.raises(Exception, match="permission denied"):
            await tx.execute("update alembic_version set version_num = 'x'")


async def test_metrics_are_for_this_machine_or_for_who_has_the_secret(app):
    def from_(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://testserver")

    secret = {"Authorization": "Bearer test-cron-secret"}
    async with from_("127.0.0.1") as near, from_("203.0.113.5") as far:
        assert (await near.get("/metrics")).status_code == 200
        proxied = await near.get("/metrics", headers={"X-Forwarded-For": "203.0.113.5"})
        assert proxied.status_code == 403
        assert (await far.get("/metrics")).status_code == 403
        assert (await far.get("/metrics", headers=secret)).status_code == 200


def test_metrics_of_all_living_processes_are_one_answer(tmp_path):
    mine = "# HELP a_total A.\n# TYPE a_total counter\na_total 2.0\n"
    labelled = '# HELP a_total A.\n# TYPE a_total counter\na_total{x="1"} 3.0\n'
    (tmp_path / f"web-{os.getpid()}.prom").write_text(mine)
    (tmp_path / f"writer-{os.getpid()}.prom").write_text(labelled)
    (tmp_path / "web-999999999.prom").write_text(mine)
    assert merged(tmp_path).decode().splitlines() == [
        "# HELP a_total A.",
        "# TYPE a_total counter",
        f'a_total{{process="web-{os.getpid()}"}} 2.0',
        f'a_total{{process="writer-{os.getpid()}",x="1"}} 3.0',
    ]
    assert not (tmp_path / "web-999999999.prom").exists()


@pytest.fixture
def script() -> str:
    return next(path.name for path in STATIC.glob("app-*.js"))


async def test_files_are_kept_for_ever_and_packed(client, script):
    answer = await client.get(f"/static/{script}", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert answer.content == (STATIC / script).read_bytes()
    plain = await client.get(f"/static/{script}", headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content
    assert "content-encoding" not in plain.headers


async def test_a_file_the_browser_has_is_not_sent_again(client, script):
    etag = (await client.get(f"/static/{script}")).headers["etag"]
    again = await client.get(f"/static/{script}", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    head = await client.head(f"/static/{script}")
    assert int(head.headers["content-length"]) > 0
    assert head.content == b""


@pytest.mark.parametrize(
    "path", ["manifest.json", ".sources", "../render.py", "%2e%2e/render.py", "nothing.js", ""]
)
async def test_nothing_else_of_the_disk_is_served(client, path):
    assert (await client.get(f"/static/{path}")).status_code == 404


def test_packed_files_are_smaller(tmp_path):
    (tmp_path / "a.css").write_bytes(b"a{}" * 1000)
    file = StaticFiles(tmp_path)._files["a.css"]
    assert gzip.decompress(file.packed) == file.body
    assert len(file.packed) < 100


async def test_the_document_describes_every_api_route_completely(client, app):
    document = (await client.get("/api/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    served = {
        (entry.method, re.sub(r":\w+}", "}", entry.path))
        for entry in app._app._app.state.routes
        if entry.is_api
    }
    assert described == served
    for methods in document["paths"].values():
        for method, operation in methods.items():
            assert operation["summary"], operation["operationId"]
            if method in ("post", "put", "patch") and "x-permission" in operation:
                assert any(code.startswith("2") for code in operation["responses"])
    names = [o["operationId"] for m in document["paths"].values() for o in m.values()]
    assert len(names) == len(set(names))


async def test_every_reference_in_the_document_leads_somewhere(client):
    text = (await client.get("/api/openapi.json")).text
    document = (await client.get("/api/openapi.json")).json()
    for name in set(re.findall(r'"#/components/schemas/([^"]+)"', text)):
        assert name in document["components"]["schemas"]


async def test_the_api_page_shows_each_route_with_an_example(client):
    page = await client.get("/api/docs")
    assert page.status_code == 200
    assert "curl" in page.text
    assert "keys:manage" in page.text
    assert "style-src 'self'" in page.headers["content-security-policy"]
    assert not re.search(r'(?:src|href)="https?://', page.text)
