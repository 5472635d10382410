"""The API described: OpenAPI 3.1 for programs, a page of our own for people."""

from typing import Any

from litestar import Response, get

from groundswell import __version__
from groundswell.core.http.access import public
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.openapi import document


@get("/api/openapi.json", opt=public(summary="This document."), cache=False)
async def openapi_json(request: AnyRequest) -> Response[Any]:
    """The OpenAPI 3.1 document."""
    return Response(_document(request), media_type="application/json")


REFERENCE = (openapi_json,)


def _document(request: AnyRequest) -> dict[str, Any]:
    state = request.app.state
    if "document" not in state:
        state["document"] = document(state.routes, version=__version__)
    found: dict[str, Any] = state["document"]
    return found
