"""Evaluation over HTTP, in three protocols, with the clients people already have."""

import asyncio
import base64
import gzip
import json
import urllib.parse

import pytest

from groundswell.features.flags.types import (
    Condition,
    Group,
    Operator,
    Rules,
    Share,
    Variant,
)

AB = [Variant("a", {"price": 900}), Variant("b")]
HALF = [Share("a", 50), Share("b", 50)]
PRO = Group([Condition("plan", Operator.IS, "pro")])


async def evaluate(client, headers, **body):
    return await client.post(
        "/api/flags/evaluate", json={"distinct_id": "u1", **body}, headers=headers
    )


async def test_every_answer_says_why(client, add, headers):
    await add("checkout", Rules(enabled=True, groups=[PRO]))
    await add(
        "price", Rules(enabled=True, groups=[Group()], split=HALF), kind="multivariate", variants=AB
    )
    answer = await evaluate(client, headers, properties={"plan": "pro"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["environment"] == "production"
    assert found["flags"]["checkout"] == {
        "key": "checkout",
        "enabled": True,
        "variant": "on",
        "value": True,
        "payload": None,
        "reason": {"code": "targeting_match", "group": 0, "detail": ""},
        "version": 1,
    }
    assert found["flags"]["price"]["reason"] == {"code": "split", "group": 0, "detail": ""}


async def test_some_flags_only_and_those_that_do_not_exist(client, add, headers):
    await add("checkout")
    await add("other")
    found = (await evaluate(client, headers, flags=["checkout", "nope"])).json()
    assert list(found["flags"]) == ["checkout"]
    assert found["missing"] == ["nope"]


async def test_a_page_asks_with_the_publishable_key_from_anywhere(client, tenant, add):
    await add("checkout")
    key = {"X-Api-Key": tenant.publishable_key}
    answer = await evaluate(client, key)
    assert answer.json()["flags"]["checkout"]["value"] is True
    assert answer.headers["access-control-allow-origin"] == "*"
    preflight = await client.options("/api/flags/evaluate")
    assert preflight.status_code == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "path", ["/api/flags/definitions", "/flags/definitions", "/api/feature_flag/local_evaluation"]
)
async def test_definitions_are_not_for_publishable_keys(client, tenant, headers, path):
    theirs = {"Authorization": f"Bearer {tenant.publishable_key}"}
    assert (await client.get(path, headers=theirs)).status_code == 403
    assert (await client.get(path, headers=headers)).status_code == 200


async def test_wrong_bodies_name_every_field(client, headers):
    answer = await client.post(
        "/api/flags/evaluate", json={"distinct_id": 5, "properties": []}, headers=headers
    )
    assert answer.status_code == 422
    assert {e["field"] for e in answer.json()["errors"]} == {"distinct_id", "properties"}


async def test_another_tenants_flags_do_not_exist(client, add, other_tenant):
    await add("checkout")
    theirs = {"Authorization": f"Bearer {other_tenant.secret_key}"}
    assert (await evaluate(client, theirs)).json()["flags"] == {}
    answer = await client.post("/ofrep/v1/evaluate/flags/checkout", json={}, headers=theirs)
    assert answer.status_code == 404


async def test_definitions_wait_for_a_change(client, add, headers):
    await add("one")
    first = await client.get("/api/flags/definitions", headers=headers)
    with_tag = {**headers, "If-None-Match": first.headers["etag"]}
    assert (await client.get("/api/flags/definitions", headers=with_tag)).status_code == 304
    waiting = asyncio.create_task(client.get("/api/flags/definitions?wait=10", headers=with_tag))
    await asyncio.sleep(0.05)
    await add("two")
    second = await asyncio.wait_for(waiting, 3)
    assert [flag["key"] for flag in second.json()["flags"]] == ["one", "two"]


async def test_ofrep_single_and_its_errors(client, add, headers):
    await add("half", Rules(enabled=True, groups=[Group(rollout=50)]))
    await add("all")

    async def post(path, body):
        return await client.post(f"/ofrep/v1/evaluate/flags{path}", content=body, headers=headers)

    good = await post("/all", b'{"context": {"targetingKey": "u1"}}')
    assert good.json() == {
        "key": "all",
        "value": True,
        "reason": "TARGETING_MATCH",
        "variant": "on",
        "metadata": {"version": 1, "reason": "targeting_match", "group": 0},
    }
    for path, body, status, code in [
        ("/nope", b"{}", 404, "FLAG_NOT_FOUND"),
        ("/half", b"{}", 400, "TARGETING_KEY_MISSING"),
        ("/all", b"{", 400, "PARSE_ERROR"),
        ("/all", b'{"context": 5}', 400, "INVALID_CONTEXT"),
        ("/all", b'{"context": {"targetingKey": 5}}', 400, "INVALID_CONTEXT"),
        ("", b"[", 400, "PARSE_ERROR"),
    ]:
        answer = await post(path, body)
        assert (answer.status_code, answer.json()["errorCode"]) == (status, code), (path, body)
        assert answer.json()["errorDetails"]
    assert (await client.post("/ofrep/v1/evaluate/flags/all", json={})).status_code == 401


async def test_ofrep_bulk_is_not_sent_twice(client, add, headers):
    await add("half", Rules(enabled=True, groups=[Group(rollout=50)]))
    await add("all")
    path = "/ofrep/v1/evaluate/flags"
    first = await client.post(path, json={"context": {"targetingKey": "u1"}}, headers=headers)
    assert [item["key"] for item in first.json()["flags"]] == ["all", "half"]
    with_tag = {**headers, "If-None-Match": first.headers["etag"]}
    again = await client.post(path, json={"context": {"targetingKey": "u1"}}, headers=with_tag)
    assert (again.status_code, again.content) == (304, b"")
    none = (await client.post(path, json={}, headers=headers)).json()["flags"]
    assert none[1]["errorCode"] == "TARGETING_KEY_MISSING"


@pytest.mark.parametrize("form", ["plain", "gzip", "base64"])
async def test_posthog_flags_in_every_form_its_sdks_send(client, tenant, add, form):
    await add(
        "price", Rules(enabled=True, groups=[Group(variant="a")]), kind="multivariate", variants=AB
    )
    await add("off", Rules())
    body = json.dumps({"token": tenant.publishable_key, "distinct_id": "u1"}).encode()
    content = {
        "plain": body,
        "gzip": gzip.compress(body),
        "base64": b"data=" + urllib.parse.quote(base64.b64encode(body)).encode(),
    }[form]
    found = (await client.post("/flags/?v=2", content=content)).json()
    assert found["errorsWhileComputingFlags"] is False
    price, off = found["flags"]["price"], found["flags"]["off"]
    assert (price["enabled"], price["variant"]) == (True, "a")
    assert price["metadata"]["payload"] == '{"price":900}'
    assert price["reason"]["condition_index"] == 0
    assert (off["enabled"], off["variant"]) == (False, None)
    assert isinstance(price["metadata"]["id"], int)


async def test_the_older_versions_of_posthogs_answer(client, tenant, add):
    await add(
        "price", Rules(enabled=True, groups=[Group(variant="a")]), kind="multivariate", variants=AB
    )
    await add("yes")
    await add("off", Rules())
    body = {"api_key": tenant.publishable_key, "distinct_id": "u1"}

    async def flags(path):
        return (await client.post(path, json=body)).json()

    assert (await flags("/decide/?v=1"))["featureFlags"] == ["price", "yes"]
    assert (await flags("/decide/?v=2"))["featureFlags"] == {"price": "a", "yes": True}
    third = await flags("/decide?v=3")
    assert third["featureFlags"] == {"off": False, "price": "a", "yes": True}
    assert third["featureFlagPayloads"] == {"price": '{"price":900}'}
    assert set((await flags("/decide?v=4"))["flags"]) == {"off", "price", "yes"}
    assert (await flags("/flags"))["featureFlags"]["yes"] is True
    assert "supportedCompression" in await flags("/flags?v=2&config=true")


async def test_posthogs_anonymous_id_keeps_people_where_they_were(client, tenant, add):
    await add("half", Rules(enabled=True, groups=[Group(rollout=50)]))
    key = {"token": tenant.publishable_key}
    for n in range(20):
        before = await client.post("/flags?v=2", json={**key, "distinct_id": f"anon{n}"})
        after = await client.post(
            "/flags?v=2", json={**key, "distinct_id": f"user{n}", "$anon_distinct_id": f"anon{n}"}
        )
        assert before.json()["flags"] == after.json()["flags"]


@pytest.fixture
async def address(app):
    """The application on a port, for clients that know no ASGI."""
    async with _served(app) as found:
        yield found


async def test_the_unmodified_posthog_client(address, tenant, add):
    await add(
        "price", Rules(enabled=True, groups=[Group(variant="a")]), kind="multivariate", variants=AB
    )
    await add("pro", Rules(enabled=True, groups=[PRO]))

    def use():
        from posthog import Posthog

        client = Posthog(tenant.publishable_key, host=address, disable_geoip=True)
        try:
            return (
                client.get_feature_flag("price", "u1", send_feature_flag_events=False),
                client.get_feature_flag_payload("price", "u1"),
                client.feature_enabled(
                    "pro", "u1", person_properties={"plan": "pro"}, send_feature_flag_events=False
                ),
                client.get_all_flags("u1"),
            )
        finally:
            client.shutdown()

    variant, payload, enabled, everything = await asyncio.to_thread(use)
    assert (variant, payload, enabled) == ("a", {"price": 900}, True)
    assert everything == {"price": "a", "pro": False}


async def test_posthogs_local_evaluation_agrees_or_asks_us(address, tenant, add):
    """Flags on which hashes could differ are asked of the server; others are decided there."""
    await add("pro", Rules(enabled=True, groups=[PRO]))
    await add("ours", Rules(enabled=True, groups=[Group(rollout=50)]))
    await add(
        "theirs",
        Rules(enabled=True, groups=[Group(rollout=60)], split=HALF),
        kind="multivariate",
        variants=AB,
        hashing="posthog",
    )

    def use():
        from posthog import Posthog

        client = Posthog(tenant.publishable_key, host=address, personal_api_key=tenant.secret_key)
        try:
            client.load_feature_flags()
            asked = {"send_feature_flag_events": False, "person_properties": {"plan": "pro"}}
            local = [
                client.get_feature_flag(key, f"u{n}", only_evaluate_locally=True, **asked)
                for n in range(30)
                for key in ("theirs", "pro", "ours")
            ]
            client.personal_api_key = None
            client.feature_flags = []
            remote = [
                client.get_feature_flag(key, f"u{n}", **asked)
                for n in range(30)
                for key in ("theirs", "pro", "ours")
            ]
            return local, remote
        finally:
            client.shutdown()

    local, remote = await asyncio.to_thread(use)
    assert local[0::3] == remote[0::3]
    assert local[1::3] == remote[1::3] == [True] * 30
    assert local[2::3] == [None] * 30, "not decided there"
    assert set(remote[2::3]) == {True, False}


async def test_the_unmodified_openfeature_client(address, headers, add):
    await add(
        "price", Rules(enabled=True, groups=[Group(variant="a")]), kind="multivariate", variants=AB
    )
    await add("pro", Rules(enabled=True, groups=[PRO]))
    await add("off", Rules(), kind="multivariate", variants=AB)

    def use():
        from openfeature import api
        from openfeature.contrib.provider.ofrep import OFREPProvider
        from openfeature.evaluation_context import EvaluationContext

        api.set_provider(OFREPProvider(address, headers_factory=lambda: headers))
        client = api.get_client()
        context = EvaluationContext("u1", {"plan": "pro"})
        return [
            client.get_boolean_details("pro", False, context),
            client.get_object_details("price", {}, context),
            client.get_string_details("off", "in code", context),
            client.get_boolean_details("nope", True, context),
        ]

    pro, price, off, nope = await asyncio.to_thread(use)
    assert (pro.value, pro.reason, pro.variant) == (True, "TARGETING_MATCH", "on")
    assert (price.value, price.variant) == ({"price": 900}, "a")
    assert (off.value, off.reason) == ("in code", "DISABLED")
    assert (nope.value, nope.error_code) == (True, "FLAG_NOT_FOUND")


class _served:  # noqa: N801 - used as a context manager, reads like one
    """A started application behind Granian's embedded server."""

    def __init__(self, app: object) -> None:
        self._app = app

    async def __aenter__(self) -> str:
        import socket

        from granian.constants import Interfaces
        from granian.server.embed import Server

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]

        async def inner(scope, receive, send):
            if scope["type"] != "lifespan":
                await self._app(scope, receive, send)

        self._server = Server(
            inner,
            address="127.0.0.1",
            port=port,
            interface=Interfaces.ASGINL,
            log_enabled=False,
        )
        self._task = asyncio.create_task(self._server.serve())
        for _ in range(100):
            await asyncio.sleep(0.05)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            writer.close()
            break
        return f"http://127.0.0.1:{port}"

    async def __aexit__(self, *_: object) -> None:
        self._server.stop()
        await self._task
