"""Addresses for those who run the server: is it alive, is it ready, what does it count."""

from typing import Any

from litestar import Response, get

from groundswell.app.health import readiness
from groundswell.app.metrics_files import merged
from groundswell.core.errors import ForbiddenError
from groundswell.core.http.access import public
from groundswell.core.http.authentication import is_cron
from groundswell.core.http.caller import AnyRequest, platform_of

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@get("/healthz", opt=public(summary="Whether this process answers."))
async def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}


@get("/readyz", opt=public(summary="Each engine by name, schema and lag; 503 when not ready."))
async def readyz(request: AnyRequest) -> Response[Any]:
    """Each engine by name, schema and lag; 503 when not ready."""
    state = request.app.state
    found = await readiness(platform_of(request), state.disk.reason(), state.lag_of)
    return Response(found, status_code=200 if found.ready else 503)


@get("/metrics", opt=public(summary="Prometheus metrics of every process of this home."))
async def metrics(request: AnyRequest) -> Response[bytes]:
    """Prometheus metrics: from this machine, or with the scheduler's secret.

    A proxy on this machine speaks for others, so what it forwards needs the secret.
    """
    client = request.scope.get("client") or ("", 0)
    direct = client[0] in _LOOPBACK and not any(n in request.headers for n in _FORWARDED)
    if not direct and not is_cron(request, request.app.state.cron_secret):
        raise ForbiddenError("Metrics are for this machine, or for who sends CRON_SECRET.")
    folder = platform_of(request).settings.home / "run" / "metrics"
    return Response(merged(folder), media_type=_TEXT)


OPERATIONS = (healthz, readyz, metrics)
