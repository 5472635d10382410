"""Failures are answered so that the caller can act, and never with what happened inside."""

import pytest


async def test_a_wrong_body_names_every_field(server):
    answer = await server.post("/api/probe/things", json={"size": "x"})
    assert answer.status_code == 422
    problem = answer.json()
    assert {error["field"] for error in problem["errors"]} == {"name", "size"}
    assert problem["title"] == "Some fields are wrong"
    assert problem["status"] == 422
    assert problem["instance"] == "/api/probe/things"
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_an_unexpected_error_tells_nothing_but_its_request_id(server, capsys):
    answer = await server.post("/api/probe/things", json={"name": "crash"})
    assert answer.status_code == 500
    assert "secret of the house" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["request_id"] in capsys.readouterr().out


async def test_an_engine_that_is_away_asks_to_come_back(server):
    answer = await server.post("/api/probe/things", json={"name": "away"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nowhere", 404),
        ("DELETE", "/api/probe/people", 405),
        ("GET", "/api/probe/number/x", 404),
        ("PROPFIND", "/api/probe/people", 405),
    ],
)
async def test_failures_of_http_are_problems_too(server, method, path, status):
    answer = await server.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_a_wrong_parameter_is_named(client):
    answer = await client.get("/api/probe/number/1?limit=x")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "limit"


async def test_a_number_no_column_can_hold_is_the_callers_fault(client):
    answer = await client.get("/api/probe/number/99999999999999999999")
    assert answer.status_code == 422


async def test_people_get_a_page(client):
    answer = await client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "There is nothing here" in answer.text
    assert answer.headers["x-request-id"] in answer.text


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/json", "Content-Encoding": "br"}, b"{}", 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", 400),
        ({"Content-Type": "application/json"}, b'{"name": "a\\u0000"}', 422),
        ({"Content-Type": "application/json"}, b"\xff", 400),
        ({"Content-Type": "application/json"}, b"[" * 100_000, 400),
        ({"Content-Type": "application/json", "Content-Length": "x"}, b"{}", 400),
        ({"Content-Type": "application/vnd.api+json"}, b'{"name": "a"}', 201),
        ({"Content-Type": ""}, b'{"name": "a"}', 201),
    ],
)
async def test_bodies_that_cannot_be_read(server, headers, content, status):
    answer = await server.post("/api/probe/things", content=content, headers=headers)
    assert answer.status_code == status, answer.text


async def test_a_body_over_the_cap_is_too_large(server, settings):
    large = b" " * (settings.max_body_bytes + 1)
    answer = await server.post("/api/probe/things", content=large)
    assert answer.status_code == 413
