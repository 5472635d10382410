"""Capture: every body form, every error named, nothing acknowledged that isn't durable."""

import asyncio
import base64
import gzip
import json
import uuid
import zlib
from urllib.parse import quote

import pytest
from backports import zstd

from groundswell.core.platform import Platform
from groundswell.features.events.adapters.log import STREAM

EVENT = {"event": "Page Viewed", "distinct_id": "u1", "properties": {"path": "/"}}


def one(**changes):
    """A body of one event."""
    return {"events": [{**EVENT, **changes}]}


async def test_events_are_accepted_with_either_kind_of_key(send, tenant) -> None:
    for key in (tenant.secret_key, tenant.publishable_key):
        answer = await send("/api/events", one(), key)
        assert (answer.status, answer.json) == (202, {"accepted": 1, "rejected": []})
        assert (await send("/api/events", one(), headers={"X-Api-Key": key})).status == 202
        assert (await send("/api/events", {**one(), "api_key": key})).status == 202


async def test_an_acknowledged_request_is_one_entry_of_the_log(send, tenant, platform) -> None:
    before = await platform.log.xlen(STREAM)
    await send("/api/events", {"events": [EVENT] * 500}, tenant.secret_key)
    assert await platform.log.xlen(STREAM) == before + 1


@pytest.mark.parametrize("key", [None, "gsk_wrong", "gpk_\xff", "x" * 5_000])
async def test_nobody_is_refused(send, key) -> None:
    headers = {"X-Api-Key": key.encode("latin-1").decode("latin-1")} if key else {}
    headers = {k: v for k, v in headers.items() if v.isascii()}
    answer = await send("/api/events", one(), headers=headers)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["detail"]


_PLAIN = json.dumps({"batch": [EVENT, EVENT]}).encode()
FORMS = {
    "plain": (_PLAIN, {}),
    "gzip named": (gzip.compress(_PLAIN), {"Content-Encoding": "gzip"}),
    "gzip unnamed": (gzip.compress(_PLAIN), {"Content-Type": "text/plain"}),
    "deflate": (zlib.compress(_PLAIN), {"Content-Encoding": "deflate"}),
    "zstd": (zstd.compress(_PLAIN), {"Content-Encoding": "zstd"}),
    "named, not packed": (_PLAIN, {"Content-Encoding": "gzip"}),
    "form": (
        b"data=" + quote(base64.b64encode(_PLAIN)).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "form, not quoted": (b"data=" + base64.b64encode(_PLAIN), {}),
    "base64": (base64.b64encode(_PLAIN), {}),
    "base64 of gzip": (base64.b64encode(gzip.compress(_PLAIN)), {}),
    "a list": (json.dumps([EVENT, EVENT]).encode(), {}),
    "a list, packed": (gzip.compress(json.dumps([EVENT, EVENT]).encode()), {}),
    "white space first": (b"\n  " + _PLAIN, {}),
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_body_form_is_read_by_what_it_is(send, tenant, form) -> None:
    raw, headers = FORMS[form]
    answer = await send("/batch/", raw, tenant.publishable_key, headers)
    assert (answer.status, answer.json) == (200, {"status": 1})
    assert (await send("/api/events", raw, tenant.publishable_key, headers)).json["accepted"] == 2


async def test_posthog_keys_are_found_in_the_body(send, tenant) -> None:
    key = tenant.publishable_key
    inside = {"event": "a", "properties": {"token": key, "distinct_id": "b"}}
    for body in ({"api_key": key, "batch": [EVENT]}, {**EVENT, "api_key": key}, [inside], inside):
        assert (await send("/e/", body)).status == 200, body
    assert (await send("/batch", {"api_key": "phc_wrong", "batch": [EVENT]})).status == 401


REJECTIONS = [
    ({"event": ""}, "event", "is missing"),
    ({"event": "x" * 201}, "event", "is too long"),
    ({"event": 7}, "event", "has the wrong type"),
    ({"event": "a\x00b"}, "event", "contains a NUL character"),
    ({"distinct_id": None}, "distinct_id", "is missing"),
    ({"distinct_id": ""}, "distinct_id", "is missing"),
    ({"distinct_id": "x" * 401}, "distinct_id", "is too long"),
    ({"distinct_id": {"a": 1}}, "distinct_id", "has the wrong type"),
    ({"uuid": "not-one"}, "uuid", "is not a UUID"),
    ({"uuid": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, "uuid", "is not a UUID"),
    ({"uuid": " " * 36}, "uuid", "is not a UUID"),
    ({"timestamp": "yesterday"}, "timestamp", "is not an ISO 8601 time"),
    ({"timestamp": "2999-01-01"}, "timestamp", "is more than a day in the future"),
    ({"timestamp": 1_700_000_000}, "timestamp", "is before the year 2000"),
    ({"timestamp": 1e300}, "timestamp", "is more than a day in the future"),
    ({"timestamp": True}, "timestamp", "has the wrong type"),
    ({"properties": []}, "properties", "has the wrong type"),
    ({"properties": {"x": "y" * 64_000}}, "properties", "are over 64,000 bytes"),
    ({"properties": {"x": "a\x00"}}, "properties", "contains a NUL character"),
    ({"properties": {"x": 10**400}}, "properties", "contains a number that is out of range"),
    ({"properties": {"x": 2**64}}, "properties", "contains a number that is out of range"),
    ({"properties": {"x": float("nan")}}, "properties", "contains NaN or Infinity"),
    ({"properties": {"x": float("inf")}}, "properties", "contains NaN or Infinity"),
    ({"properties": {"x": "\ud800"}}, "properties", "contains half of a surrogate pair"),
    ({"properties": {"$set": 3}}, "properties.$set", "has the wrong type"),
    ({"$set": [1]}, "$set", "has the wrong type"),
    ({"event": "$identify", "properties": {"$anon_distinct_id": []}},
     "properties.$anon_distinct_id", "has the wrong type"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field", "reason"), REJECTIONS)
async def test_a_wrong_event_is_named_and_takes_no_other_with_it(
    send, tenant, changes, field, reason
) -> None:
    body = {"events": [EVENT, {**EVENT, **changes}, EVENT]}
    answer = await send("/api/events", body, tenant.secret_key)
    assert answer.status == 202, answer.body
    assert answer.json["accepted"] == 2
    (rejected,) = answer.json["rejected"]
    assert (rejected["index"], rejected["field"]) == (1, field)
    assert rejected["reason"].startswith(reason)


async def test_a_key_given_twice_is_refused_wherever_it_is(send, tenant) -> None:
    for properties in ('{"a":1,"a":2}', '{"b":{"a":1,"a":2}}', '{"a": 1, "a": 1}'):
        raw = '{"events":[{"event":"a","distinct_id":"b","properties":' + properties + "}]}"
        answer = await send("/api/events", raw.encode(), tenant.secret_key)
        assert answer.json["rejected"][0]["reason"] == "names a key twice in one object"
    fine = {"a": '":"', "b": {"a": [{"a": 1}, {"a": 2}]}, 'c"': '\\":'}
    assert (await send("/api/events", one(properties=fine), tenant.secret_key)).json[
        "accepted"
    ] == 1


async def test_depth_is_bounded(send, tenant) -> None:
    deep = json.loads('{"a":' * 31 + "1" + "}" * 31)
    deeper = json.loads('{"a":' * 33 + "1" + "}" * 33)
    both = [{**EVENT, "properties": deep}, {**EVENT, "properties": deeper}]
    answer = await send("/api/events", {"events": both}, tenant.secret_key)
    assert answer.json["accepted"] == 1
    assert answer.json["rejected"][0]["reason"].startswith("are nested deeper")
    abyss = b'{"events":[{"event":"a","distinct_id":"b","properties":' + b"[" * 100_000 + b"]}]}"
    assert (await send("/api/events", abyss, tenant.secret_key)).status == 400


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"junk", 400),
        (b"{}", 422),
        (b'{"events":5}', 422),
        (b"[1,2", 400),
        (b"\x1f\x8bgarbage", 400),
        (b"data=%%%", 400),
        (b'{"events":[\xff]}', 400),
        (b"null", 400),
    ],
)
async def test_a_body_that_is_no_list_of_events_is_a_problem(send, tenant, raw, status) -> None:
    answer = await send("/api/events", raw, tenant.secret_key)
    assert answer.status == status, answer.body
    assert answer.json["detail"]
    posthog = await send("/batch/", raw, tenant.secret_key)
    assert posthog.status == 400
    assert posthog.json["detail"]


async def test_size_and_count_are_capped(send, tenant, settings) -> None:
    bomb = gzip.compress(b" " * (settings.max_body_bytes + 1))
    assert (await send("/batch/", bomb, tenant.secret_key)).status == 413
    many = b'{"events":[' + b",".join([b"{}"] * 10_001) + b"]}"
    answer = await send("/api/events", many, tenant.secret_key)
    assert answer.status == 422
    assert "10,001" in answer.json["detail"]
    assert (await send("/api/events", b"[]", tenant.secret_key)).json["accepted"] == 0


async def test_posthog_answers_as_its_sdks_expect(send, tenant) -> None:
    bad = {"event": "", "distinct_id": "x"}
    some = await send("/batch/", {"batch": [EVENT, bad]}, tenant.secret_key)
    assert some.status == 200
    assert some.json["status"] == 1
    assert some.json["rejected"][0]["index"] == 1
    none = await send("/batch/", {"batch": [bad]}, tenant.secret_key)
    assert none.status == 400
    assert none.json["detail"] == "No event was kept. event is missing."


async def test_browsers_of_any_site_may_send(send, tenant) -> None:
    preflight = await send("/api/events", b"", method="OPTIONS")
    assert preflight.status == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["access-control-allow-origin"] == "*"
    for answer in (
        await send("/api/events", one(), tenant.publishable_key),
        await send("/api/events", one()),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_full_or_missing_log_is_503_with_a_time_to_return(
    send, tenant, platform: Platform
) -> None:
    before = (await platform.log.config_get("maxmemory"))["maxmemory"]
    await platform.log.config_set("maxmemory", "1")
    try:
        answer = await send("/api/events", one(), tenant.secret_key)
    finally:
        await platform.log.config_set("maxmemory", before)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "full" in answer.json["detail"]
    assert (await send("/api/events", one(), tenant.secret_key)).status == 202


async def test_a_suspended_tenant_and_a_revoked_key_stop_within_two_seconds(
    send, tenant, platform: Platform
) -> None:
    assert (await send("/api/events", one(), tenant.secret_key)).status == 202
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "update tenants set status = 'suspended' where tenant_id = %s", (tenant.id,)
        )
    await asyncio.sleep(2)
    assert (await send("/api/events", one(), tenant.secret_key)).status == 401


async def test_what_is_stored_is_what_was_sent(send, tenant, stored, platform) -> None:
    """Times with and without zone, numbers as times, skewed clocks, trust, source."""
    ids = [str(uuid.uuid4()) for _ in range(5)]
    sent = [
        {**EVENT, "uuid": ids[0], "timestamp": "2026-01-02T03:04:05.678"},
        {**EVENT, "uuid": ids[1], "timestamp": "2026-01-02T03:04:05.678+02:00"},
        {**EVENT, "uuid": ids[2], "timestamp": 1_767_323_045_678},
        {
            **EVENT,
            "uuid": ids[3],
            "properties": {"list": [1, "a", {"b": 2}], "none": None, "$set": {"a": 1}},
        },
    ]
    await send("/api/events", {"events": sent}, tenant.secret_key)
    skewed = {**EVENT, "uuid": ids[4], "timestamp": "2026-01-02T03:04:05Z"}
    await send(
        "/batch/", {"batch": [skewed], "sent_at": "2026-01-02T03:04:06Z"}, tenant.publishable_key
    )
    await stored()
    rows = await platform.store.rows(
        tenant.scope,
        "select toString(event_id), at, toJSONString(properties), trusted, source,"
        " toJSONString(person_properties) from events where tenant_id = {tenant:UUID}",
    )
    found = {row[0]: row[1:] for row in rows}
    assert set(found) == set(ids)
    assert found[ids[0]][0].isoformat() == "2026-01-02T03:04:05.678000"
    assert found[ids[1]][0].isoformat() == "2026-01-02T01:04:05.678000"
    assert found[ids[2]][0].isoformat() == "2026-01-02T03:04:05.678000"
    # A null is no value: the store keeps none.
    assert json.loads(found[ids[3]][1]) == {"list": [1, "a", {"b": 2}], "$set": {"a": 1}}
    assert json.loads(found[ids[3]][4]) == {"a": 1}
    assert found[ids[4]][0].year == 2026, "over a day of skew tells nothing: kept as sent"
    assert found[ids[4]][2:4] == (False, "posthog")
    assert found[ids[0]][2:4] == (True, "api")
