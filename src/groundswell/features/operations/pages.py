"""The pages /audit and /jobs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from groundswell.core.audit.names import actors_of
from groundswell.core.errors import ConflictError, InvalidError, NotFoundError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.http.pagination import decode_cursor, encode_cursor
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.operations import logic
from groundswell.features.operations.logic.words import patterns
from groundswell.features.operations.types import AuditQuery, WorkQuery
from groundswell.ui.i18n import gettext as _
from groundswell.ui.i18n import ngettext
from groundswell.ui.links import Choice, Pager, with_query
from groundswell.ui.shell import NavGroup, NavItem

AUDIT, JOBS = "/audit", "/jobs"


@get(AUDIT, opt=requires(Permission.AUDIT_READ))
async def audit(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Who did what to what."""
    given = dict(request.query_params.items())
    try:
        query, problem = read_query(request, AuditQuery), ""
        after = decode_cursor(query.cursor, tuple[datetime, UUID])
    except InvalidError as error:
        query, after, problem = AuditQuery(), None, error.detail
    found = await logic.entries(platform, scope, query.filter(), after, query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    return await page(
        request,
        "operations/audit.html",
        entries=shown,
        filter=query,
        is_filtered=bool(set(given) - {"cursor", "limit"}),
        problem=problem,
        actors=[("", _("Everybody")), *await actors_of(platform, scope), ("system", "Groundswell")],
        actions=[("", _("Every action")), *((name, name) for name in sorted(patterns()))],
        fingerprint=logic.seal_fingerprint(platform, scope),
        pager=_pager(AUDIT, given, encode_cursor(*logic.key_of(shown[-1])) if more else None),
    )


@get(JOBS, opt=requires(Permission.JOBS_READ))
async def jobs(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """What failed and what waits."""
    given = dict(request.query_params.items())
    try:
        query = read_query(request, WorkQuery)
        after = decode_cursor(query.cursor, tuple[datetime, str])
    except InvalidError:
        query, after = WorkQuery(), None
    status = query.status or ""
    found = await logic.unfinished(platform, scope, status, after, query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    last = encode_cursor(shown[-1].created_at, shown[-1].id) if more else None
    failed = await logic.count_failed(platform, scope)
    return await page(
        request,
        "operations/jobs.html",
        work=shown,
        failed=failed,
        choices=_choices(status, failed),
        pager=_pager(JOBS, given, last),
    )


@post(JOBS + "/retry", opt=requires(Permission.JOBS_MANAGE))
async def retry_all(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Run everything failed again."""
    try:
        count = await logic.retry_all(platform, scope)
    except ConflictError:
        return redirect(request, JOBS, Flash(_("Nothing has failed."), "info"))
    text = ngettext("%(num)d job runs again.", "%(num)d jobs run again.", count) % {"num": count}
    return redirect(request, JOBS, Flash(text))


@post(JOBS + "/{work_id:str}/retry", opt=requires(Permission.JOBS_MANAGE))
async def retry(
    request: AnyRequest, platform: Platform, scope: Scope, work_id: str
) -> Response[Any]:
    """Run one again."""
    try:
        await logic.retry(platform, scope, work_id)
    except NotFoundError:
        return redirect(request, JOBS, Flash(_("It has run again already."), "info"))
    return redirect(request, JOBS, Flash(_("The job runs again.")))


def _choices(status: str, failed: int) -> list[Choice]:
    labels = {
        "": _("All"),
        "failed": _("Failed"),
        "waiting": _("Waiting"),
        "running": _("Running"),
    }
    return [
        Choice(
            label,
            with_query(JOBS, {}, status=value),
            current=value == status,
            count=failed if value == "failed" else None,
        )
        for value, label in labels.items()
    ]


def _pager(path: str, given: dict[str, str], cursor: str | None) -> Pager:
    first = with_query(path, given, cursor=None) if given.get("cursor") else ""
    return Pager(first, with_query(path, given, cursor=cursor) if cursor else "")


PAGES = (audit, jobs, retry_all, retry)
NAV = (
    NavGroup(
        (NavItem("Audit log", AUDIT, "scroll-text"), NavItem("Jobs", JOBS, "list-checks")),
        "Operations",
    ),
)
