"""Requests that an attacker would send to break a process or to slip through."""

import base64
import time

import msgspec
import pytest

from groundswell.core.errors import InvalidError, TooLargeError
from groundswell.core.http.body import MOST_VALUES, decode_json
from groundswell.core.http.pagination import encode_cursor
from groundswell.core.ids import new_id


class Loose(msgspec.Struct):
    values: object = None


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1", b'""'])
def test_millions_of_tiny_values_are_refused_before_they_are_decoded(value: bytes) -> None:
    """Twenty megabytes of ``[]`` are a gigabyte of objects."""
    body = b'{"values":[' + value + (b"," + value) * MOST_VALUES + b",1]}"
    began = time.process_time()
    with pytest.raises(TooLargeError):
        decode_json(body, Loose)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("inner", [b'"\\u0000"', b"1", b"99999999999999999999"])
def test_deep_nests_are_refused_in_words(inner: bytes) -> None:
    """Looking for NUL in nine hundred levels once ran out of stack."""
    for depth in (201, 500, 900):
        with pytest.raises(InvalidError) as refused:
            decode_json(b'{"values":' + b"[" * depth + inner + b"]" * depth + b"}", Loose)
        assert "too deeply" in refused.value.errors[0].reason


async def test_a_redirect_target_that_is_no_address_is_not_our_fault(client):
    answer = await client.get("/sign-in", params={"next": "//["})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "key", [["x", str(new_id())], ["0001-01-01T00:00:00Z", str(new_id())], [1, 2], {}]
)
async def test_forged_cursors_are_refused_on_pages_and_in_the_api(sign_in, key):
    browser = await sign_in("owner")
    cursor = base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")
    for path in ("/people", "/orders", "/events", "/audit", "/jobs", "/api/people", "/api/events",
                 "/api/orders", "/api/audit", "/api/jobs", "/api/exchange-rates"):  # fmt: skip
        answer = await browser.get(path, params={"cursor": cursor})
        assert answer.status_code < 500, (path, answer.text[:300])


async def test_a_forged_place_in_a_timeline_is_refused(sign_in, tenant):
    browser = await sign_in("owner")
    key = {"Authorization": f"Bearer {tenant.secret_key}"}
    made = await browser.post("/api/people", json={"distinct_id": "mary"}, headers=key)
    person = made.json()["person_id"]
    cursor = encode_cursor({"events": ["0001-01-01T00:00:00Z", str(new_id())]})
    for path in (f"/people/{person}", f"/api/people/{person}/timeline"):
        answer = await browser.get(path, params={"cursor": cursor})
        assert answer.status_code == 422, (path, answer.text[:300])


async def test_an_empty_cron_secret_lets_nobody_in(settings, endpoints, running, tenant):
    """``CRON_SECRET=`` in a compose file must not mean that nothing is the right answer."""
    import httpx

    from groundswell.app.web import create_app

    application = create_app(settings, endpoints)
    state = application._app._app.state
    async with running(application):
        state.cron_secret = ""
        transport = httpx.ASGITransport(application, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            for headers in ({}, {"Authorization": "Bearer "}, {"X-Api-Key": ""}):
                path = "/api/cron/capture-growth-metrics"
                assert (await client.post(path, headers=headers)).status_code == 401
                assert (await client.get("/metrics", headers=headers)).status_code == 403


def test_an_empty_setting_is_one_left_out(monkeypatch, tmp_path):
    from groundswell.core.config import load_settings

    for name in ("CRON_SECRET", "DATABASE_URL", "GROUNDSWELL_PORT"):
        monkeypatch.setenv(name, "")
    made = load_settings(home=tmp_path)
    assert (made.cron_secret, made.database_url, made.port) == (None, None, 8000)
