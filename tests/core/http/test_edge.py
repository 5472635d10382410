"""Every answer carries the house's headers; nothing hostile in an address gets inside."""

import pytest

from groundswell.core.http.headers import security_headers


async def test_pages_have_the_strict_policy(client):
    headers = (await client.get("/nowhere")).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "permissions-policy" in headers


async def test_api_answers_may_load_nothing_and_are_not_kept(server):
    headers = (await server.get("/api/probe/people")).headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"] == "no-store"


def test_tls_is_insisted_on_only_where_there_is_tls():
    assert b"strict-transport-security" in dict(security_headers(api=False, secure=True))
    assert b"strict-transport-security" not in dict(security_headers(api=False, secure=False))


async def test_a_sane_request_id_is_kept_and_others_are_replaced(client):
    answer = await client.get("/healthz", headers={"X-Request-Id": "abc-12345"})
    assert answer.headers["x-request-id"] == "abc-12345"
    for value in ("short", "x" * 200, "with space 123", "<script>1234"):
        answer = await client.get("/healthz", headers={"X-Request-Id": value})
        assert answer.headers["x-request-id"] != value


@pytest.mark.parametrize("path", ["/api/a%00b", "/api/probe/people?x=%00", "/%00", "/api/%ff%fe"])
async def test_nul_and_broken_utf8_in_an_address_are_refused(client, path):
    answer = await client.get(path)
    assert answer.status_code == 400


async def test_a_disk_that_is_nearly_full_refuses_writes_and_allows_reading(
    server, app, monkeypatch, passed
):
    disk = _disk(app)
    monkeypatch.setattr(disk, "_reserve", 2**62)
    disk.check()
    try:
        refused = await server.post("/api/probe/things", json={"name": "a"})
        assert (refused.status_code, refused.headers["retry-after"]) == (507, "60")
        assert "nearly full" in refused.json()["detail"]
        assert (await server.get("/api/probe/people")).status_code == 200
        ready = await server.get("/readyz")
        assert ready.status_code == 503
        assert "nearly full" in ready.json()["checks"]["disk"]["reason"]
    finally:
        monkeypatch.undo()
        disk.check()
    assert passed() == []
    assert (await server.post("/api/probe/things", json={"name": "a"})).status_code == 201


def _disk(app):
    return app._app._app.state.disk
