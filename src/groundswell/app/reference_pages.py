"""The API described: OpenAPI 3.1 for programs, a page of our own for people."""

from itertools import groupby
from typing import Any

import msgspec
from litestar import Response, get

from groundswell import __version__
from groundswell.core import errors
from groundswell.core.http.access import public
from groundswell.core.http.caller import AnyRequest, platform_of
from groundswell.core.http.examples import example
from groundswell.core.http.openapi import document
from groundswell.core.http.pages import HTML


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of an operation."""

    name: str
    place: str
    required: bool
    kind: str
    text: str


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path, as the page shows it."""

    id: str
    tag: str
    method: str
    path: str
    summary: str
    permission: str
    parameters: list[Parameter]
    statuses: list[tuple[str, str]]
    curl: str
    answer: str


@get("/api/openapi.json", opt=public(summary="This document, OpenAPI 3.1."))
async def openapi_json(request: AnyRequest) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    return Response(msgspec.json.encode(_document(request)), media_type="application/json")


@get("/api/docs", opt=public())
async def api_page(request: AnyRequest) -> Response[str]:
    """Every route with its permission, parameters and an example."""
    found = _document(request)
    server = platform_of(request).settings.public_url or str(request.base_url).rstrip("/")
    operations = sorted(_operations(found, server), key=lambda operation: operation.tag)
    groups = [(tag, list(inner)) for tag, inner in groupby(operations, lambda o: o.tag)]
    template = request.app.state.templates.get_template("app/api.html")
    html = template.render(
        page=request.app.state.bare_page(request), groups=groups, problems=_problems()
    )
    return Response(html, media_type=HTML)


REFERENCE = (openapi_json, api_page)


def _document(request: AnyRequest) -> dict[str, Any]:
    state = request.app.state
    if "document" not in state:
        state["document"] = document(state.routes, version=__version__)
    found: dict[str, Any] = state["document"]
    return found


def _operations(found: dict[str, Any], server: str) -> list[Operation]:
    components = found["components"]["schemas"]
    return [
        _operation(path, method, operation, components, server)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    ]


def _operation(
    path: str, method: str, found: dict[str, Any], components: dict[str, Any], server: str
) -> Operation:
    statuses = [
        (code, r["description"]) for code, r in found["responses"].items() if code.isdigit()
    ]
    return Operation(
        id=found["operationId"],
        tag=found["tags"][0],
        method=method.upper(),
        path=path,
        summary=found["summary"],
        permission=found.get("x-permission", ""),
        parameters=[_parameter(parameter) for parameter in found.get("parameters", ())],
        statuses=statuses,
        curl=_curl(server + path, method.upper(), found, components),
        answer=_answer(found, components),
    )


def _parameter(found: dict[str, Any]) -> Parameter:
    schema = found["schema"]
    kinds = [s.get("type", "") for s in schema.get("anyOf", [schema])]
    kind = " or ".join(k for k in kinds if k and k != "null") or "text"
    text = found.get("description") or schema.get("description", "")
    return Parameter(found["name"], found["in"], found["required"], kind, text)


def _curl(url: str, method: str, found: dict[str, Any], components: dict[str, Any]) -> str:
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}{url}"]
    schemes = {name for item in found["security"] for name in item}
    if "key" in schemes:
        lines.append("-H 'Authorization: Bearer gsk_…'")
    elif "cron" in schemes:
        lines.append('-H "Authorization: Bearer $CRON_SECRET"')
    if "requestBody" in found:
        schema = found["requestBody"]["content"]["application/json"]["schema"]
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{_pretty(example(schema, components))}'")
    return " \\\n  ".join(lines)


def _answer(found: dict[str, Any], components: dict[str, Any]) -> str:
    for code, response in found["responses"].items():
        content = response.get("content", {}).get("application/json")
        if code.startswith("2") and content:
            return _pretty(example(content["schema"], components))
    return ""


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _problems() -> list[tuple[int, str, str]]:
    """Status, slug and meaning of each kind of failure."""
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.ProblemError)
        and kind is not errors.ProblemError
    ]
    return sorted(
        (kind.status, kind.slug, (kind.__doc__ or "").partition("\n")[0]) for kind in kinds
    )
