"""The OpenAPI 3.1 document, made from the route table and the types that routes declare."""

import inspect
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, get_args, get_origin

import msgspec
from litestar import Response

from groundswell.core.http.access import Access, Door, Exportable, JsonLines, RouteEntry
from groundswell.core.http.csrf import SAFE_METHODS
from groundswell.core.http.problems import PROBLEM_JSON, Problem

_REFERENCE = "#/components/schemas/{name}"
_TITLE = "Groundswell"
_DESCRIPTION = (
    "Send a secret key as `Authorization: Bearer gsk_…`. Money is in integer minor units with an "
    "ISO 4217 code; times are RFC 3339 in UTC. Lists answer `items` and `next_cursor`; failures "
    "answer `application/problem+json` with all wrong fields in `errors`."
)
_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "A secret or publishable key."},
    "keyHeader": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "groundswell",
        "description": "A member's session; unsafe methods need the header X-CSRF-Token too.",
    },
    "cron": {"type": "http", "scheme": "bearer", "description": "The value of CRON_SECRET."},
}
_SECURITY: dict[Door, list[dict[str, list[str]]]] = {
    Door.PERMISSION: [{"key": []}, {"keyHeader": []}, {"session": []}],
    Door.MEMBER: [{"session": []}],
    Door.CRON: [{"cron": []}],
    Door.PUBLIC: [],
}
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_FAILURES = {
    Door.PERMISSION: (401, 403, 429),
    Door.MEMBER: (401, 403),
    Door.CRON: (401,),
    Door.PUBLIC: (),
}


def document(routes: Sequence[RouteEntry], *, version: str, server: str = "/") -> dict[str, Any]:
    """The document of every API route."""
    api = [entry for entry in routes if entry.is_api]
    kinds = _Types([Problem, *_declared(api)])
    paths: dict[str, dict[str, Any]] = {}
    for entry in api:
        path = _PARAMETER.sub(r"{\1}", entry.path)
        paths.setdefault(path, {})[entry.method.lower()] = _operation(entry, kinds)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": version, "description": _DESCRIPTION},
        "servers": [{"url": server}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": kinds.components, "securitySchemes": _SCHEMES},
    }


class _Types:
    """Schemas of all types at once, so that equal names are told apart."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        self._kinds: list[Any] = []
        for kind in kinds:
            if kind not in self._kinds:
                self._kinds.append(kind)
        schemas, self.components = msgspec.json.schema_components(
            self._kinds, schema_hook=_other, ref_template=_REFERENCE
        )
        self._schemas = list(schemas)

    def schema(self, kind: Any) -> dict[str, Any]:
        return self._schemas[self._kinds.index(kind)]


def _other(kind: Any) -> dict[str, Any]:
    return {"description": getattr(kind, "__name__", str(kind))}


def _declared(routes: Iterable[RouteEntry]) -> list[Any]:
    found: list[Any] = []
    for entry in routes:
        access = entry.access
        found += [kind for kind in (access.body, access.query) if kind is not None]
        answers = [_plain(kind) for kind in answers_of(entry).values()]
        found += [kind for kind in answers if kind not in (None, JsonLines)]
    return found


def answers_of(entry: RouteEntry) -> dict[int, Any]:
    """Success statuses with the type of their body: declared, else from the return annotation."""
    if entry.access.answers:
        return dict(entry.access.answers)
    if entry.handler is None:
        return {200: None}
    returned = entry.handler.parsed_fn_signature.return_type.annotation
    if get_origin(returned) is Response:
        returned = get_args(returned)[0]
    if returned in _UNKNOWN or not _has_schema(returned):
        returned = None
    return {entry.handler.status_code: returned}


_UNKNOWN = (None, type(None), Any, inspect.Signature.empty, Response, bytes, str)
"""What a handler may return without saying of which form its JSON is."""


def _has_schema(kind: Any) -> bool:
    try:
        msgspec.json.schema(kind)
    except (TypeError, RuntimeError):
        return False
    return True


def _operation(entry: RouteEntry, kinds: _Types) -> dict[str, Any]:
    access = entry.access
    operation: dict[str, Any] = {
        "operationId": _name(entry),
        "summary": summary_of(entry),
        "tags": [entry.path.split("/")[2]],
        "security": _SECURITY[access.door],
        "responses": _responses(entry, kinds),
    }
    if access.permission is not None:
        operation["x-permission"] = access.permission.value
    parameters = [*_path_parameters(entry.path), *_query_parameters(access, kinds)]
    if entry.method not in SAFE_METHODS and access.door is Door.PERMISSION:
        parameters.append(_IDEMPOTENCY)
    if parameters:
        operation["parameters"] = parameters
    if access.body is not None:
        content = {"application/json": {"schema": kinds.schema(access.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeats with the same key and body get the first answer, for 24 hours.",
    "schema": {"type": "string", "maxLength": 255},
}


def summary_of(entry: RouteEntry) -> str:
    """One sentence: declared, else the first line of the handler's docstring."""
    if entry.access.summary or entry.handler is None:
        return entry.access.summary
    return (inspect.getdoc(entry.handler.fn) or "").partition("\n")[0]


def _name(entry: RouteEntry) -> str:
    words = re.findall(r"\w+", _PARAMETER.sub(r"by \1", entry.path.removeprefix("/api")))
    slash = ["slash"] if entry.path.endswith("/") else []
    return "_".join([entry.method.lower(), *words, *slash]).replace("-", "_")


def _path_parameters(path: str) -> list[dict[str, Any]]:
    formats = {"uuid": {"type": "string", "format": "uuid"}, "int": {"type": "integer"}}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": formats.get(kind, {"type": "string"}),
        }
        for name, kind in _PARAMETER.findall(path)
    ]


def _query_parameters(access: Access, kinds: _Types) -> list[dict[str, Any]]:
    if access.query is None:
        return []
    schema = kinds.schema(access.query)
    if "$ref" in schema:
        schema = kinds.components[schema["$ref"].rpartition("/")[2]]
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": inner}
        for name, inner in schema.get("properties", {}).items()
    ]


def _plain(kind: Any) -> Any:
    return kind.kind if isinstance(kind, Exportable) else kind


def _content(kind: Any, kinds: _Types) -> dict[str, Any]:
    lines = {"application/x-ndjson": {"schema": {"type": "string"}}}
    if kind is JsonLines:
        return lines
    json = {"application/json": {"schema": kinds.schema(_plain(kind))}}
    if isinstance(kind, Exportable):
        return {**json, **lines, "text/csv": {"schema": {"type": "string"}}}
    return json


def _responses(entry: RouteEntry, kinds: _Types) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, kind in answers_of(entry).items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if kind is not None:
            answer["content"] = _content(kind, kinds)
        responses[str(status)] = answer
    problem = {PROBLEM_JSON: {"schema": kinds.schema(Problem)}}
    for status in _failures(entry):
        description = HTTPStatus(status).phrase
        responses.setdefault(str(status), {"description": description, "content": problem})
    responses["default"] = {"description": "Any other failure", "content": problem}
    return responses


def _failures(entry: RouteEntry) -> list[int]:
    access = entry.access
    statuses = list(_FAILURES[access.door])
    if access.body is not None:
        statuses += [400, 413, 415, 422]
    if access.query is not None:
        statuses += [400, 422]
    if _PARAMETER.search(entry.path):
        statuses.append(404)
    return sorted(set(statuses))
