"""Failures as answers: RFC 9457 for programs, a page for people, never a stack trace."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from valkey.exceptions import ValkeyError

from groundswell.core.errors import (
    FieldError,
    InvalidError,
    MalformedError,
    ProblemError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from groundswell.core.http.access import is_api

PROBLEM_JSON = "application/problem+json"

_log = structlog.get_logger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. ``type`` names the kind, ``detail`` this case, ``errors`` each wrong field."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str = ""
    instance: str = ""
    errors: tuple[FieldError, ...] = ()


class NotAcceptedError(ProblemError):
    """A failure of HTTP itself, such as an unknown address or method."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, headers=headers)
        phrase = HTTPStatus(status).phrase
        self.http_status = status
        self.http_title = phrase
        self.http_slug = phrase.lower().replace(" ", "-")


class RequestTimeoutError(ProblemError):
    """The body did not arrive in time."""

    status = 408
    slug = "request-timeout"
    title = "The request took too long to arrive"


class UnexpectedError(ProblemError):
    """Our fault; the log has the story under the request id."""

    status = 500
    slug = "unexpected"
    title = "Something went wrong here"


def as_problem(error: Exception) -> ProblemError:
    """Any exception as an expected failure; what nobody foresaw becomes a 500."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, ValidationException):
        return _validation(error)
    if isinstance(error, HTTPException):
        return _http(error)
    if isinstance(error, psycopg.DataError):
        # Hostile values that no type refused: NUL in a text, a number out of range.
        return InvalidError("A value can't be stored: it is out of range or holds a NUL character.")
    if isinstance(error, ValkeyError):
        return UnavailableError("The ingest log or the cache is restarting. Please try again.")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return UnavailableError("This took too long. Try a smaller range.")
    return UnexpectedError("The error was recorded. Please try again.")


def _validation(error: ValidationException) -> ProblemError:
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [
        FieldError(str(item.get("key", "")), str(item.get("message", "is wrong")))
        for item in extra
        if isinstance(item, dict)
    ]
    if errors:
        return InvalidError("Some parameters are wrong.", errors=errors)
    return MalformedError("The request can't be read.")


_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not answer this method.",
}


def _http(error: HTTPException) -> ProblemError:
    headers = dict(error.headers or {})
    if error.status_code == 413:
        return TooLargeError("The request body is too large.")
    if "disconnected" in error.detail:  # Litestar calls a caller who hangs up our fault
        return MalformedError("The body ended too early.")
    if error.status_code >= 500:
        return UnexpectedError("The error was recorded. Please try again.")
    detail = _DETAILS.get(error.status_code, "The request can't be read.")
    return NotAcceptedError(error.status_code, detail, headers)


def problem_of(error: ProblemError, path: str = "", request_id: str = "") -> Problem:
    """The answer's body for a failure."""
    status, slug, title = _kind(error)
    return Problem(
        type=f"/api/docs#{slug}",
        title=title,
        status=status,
        detail=error.detail,
        instance=path,
        request_id=request_id,
        errors=error.errors,
    )


def _kind(error: ProblemError) -> tuple[int, str, str]:
    if isinstance(error, NotAcceptedError):
        return error.http_status, error.http_slug, error.http_title
    return error.status, error.slug, error.title


def problem_json(error: ProblemError, path: str = "", request_id: str = "") -> bytes:
    """The body with the failure's extra members."""
    problem = msgspec.to_builtins(problem_of(error, path, request_id))
    return msgspec.json.encode({**error.extra, **problem})


def status_of(error: ProblemError) -> int:
    """The failure's HTTP status."""
    return _kind(error)[0]


def headers_of(error: ProblemError) -> dict[str, str]:
    """Headers of the answer; who is asked to wait is told how long."""
    if isinstance(error, UnavailableError) and "Retry-After" not in error.headers:
        return {"Retry-After": "2", **error.headers}
    return error.headers


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    problem = as_problem(error)
    if isinstance(problem, UnexpectedError):
        _log.error("unexpected_error", exc_info=error)
    elif isinstance(error, ValkeyError):
        _log.warning("valkey_unavailable", error=str(error)[:500])
    if is_api(request.scope["path"]):
        return _json_answer(request, problem)
    if isinstance(problem, UnauthenticatedError):
        return _to_sign_in(request)
    return _page_answer(request, problem)


def _json_answer(request: Request[Any, Any, Any], problem: ProblemError) -> Response[Any]:
    body = problem_json(problem, request.scope["path"], request_id_of(request))
    return Response(
        body, status_code=status_of(problem), headers=headers_of(problem), media_type=PROBLEM_JSON
    )


def _to_sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    here = request.scope["path"]
    query = request.scope["query_string"].decode("latin-1")
    back = f"{here}?{query}" if query else here
    target = "/sign-in"
    if request.method == "GET" and here != "/":
        target += f"?next={quote(back, safe='/')}"
    if request.headers.get("hx-request"):
        return Response(b"", status_code=401, headers={"HX-Redirect": target})
    return Response(b"", status_code=303, headers={"Location": target})


def _page_answer(request: Request[Any, Any, Any], problem: ProblemError) -> Response[Any]:
    template = request.app.state.templates.get_template("app/error.html")
    html = template.render(
        page=request.app.state.bare_page(request),
        problem=problem_of(problem, request_id=request_id_of(request)),
    )
    return Response(
        html,
        status_code=status_of(problem),
        headers=headers_of(problem),
        media_type="text/html",
    )


def request_id_of(request: Request[Any, Any, Any]) -> str:
    """The id under which the log tells this request's story."""
    return str(request.scope["state"].get("request_id", ""))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {Exception: _answer}
"""The app's one way of answering failures."""
