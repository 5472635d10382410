"""The JSON API of the audit log and of unfinished work."""

from datetime import datetime
from uuid import UUID

from litestar import get, post
from litestar.response import Stream

from groundswell.core.audit.export import export_audit
from groundswell.core.errors import NotFoundError
from groundswell.core.http.access import JsonLines, requires
from groundswell.core.http.body import read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pagination import Page, decode_cursor, page_of
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.operations import logic
from groundswell.features.operations.types import AuditQuery, Entry, Retried, Work, WorkQuery


@get(
    "/api/audit",
    opt=requires(
        Permission.AUDIT_READ,
        query=AuditQuery,
        answers={200: Page[Entry]},
        summary="Who did what to what, newest first.",
    ),
)
async def list_audit(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Entry]:
    """Rows of the audit log, newest first."""
    query = read_query(request, AuditQuery)
    after = decode_cursor(query.cursor, tuple[datetime, UUID])
    found = await logic.entries(platform, scope, query.filter(), after, query.limit + 1)
    return page_of(found, query.limit, logic.key_of)


@get(
    "/api/audit/export",
    opt=requires(
        Permission.AUDIT_READ,
        answers={200: JsonLines},
        summary="The sealed log as JSON lines, for `groundswell audit verify FILE`.",
    ),
)
async def export(platform: Platform, scope: Scope) -> Stream:
    """Every sealed row with its seal and the public key."""
    tenant = platform.directory.tenant(scope.tenant_id)
    if tenant is None:
        raise NotFoundError("There is no such workspace.")
    await logic.note_export(platform, scope)
    name = f"audit-{tenant.slug}.jsonl"
    return Stream(
        export_audit(platform, scope, tenant.slug),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@get(
    "/api/jobs",
    opt=requires(
        Permission.JOBS_READ,
        query=WorkQuery,
        answers={200: Page[Work]},
        summary="Jobs that wait, run or failed, and signals not delivered, newest first.",
    ),
)
async def list_jobs(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Work]:
    """Unfinished work, newest first."""
    query = read_query(request, WorkQuery)
    after = decode_cursor(query.cursor, tuple[datetime, str])
    found = await logic.unfinished(platform, scope, query.status or "", after, query.limit + 1)
    return page_of(found, query.limit, lambda work: (work.created_at, work.id))


@post(
    "/api/jobs/{work_id:str}/retry",
    status_code=200,
    opt=requires(
        Permission.JOBS_MANAGE,
        answers={200: Retried},
        summary="Run a failed job again, or deliver a failed signal.",
    ),
)
async def retry(platform: Platform, scope: Scope, work_id: str) -> Retried:
    """Run one again."""
    return Retried(await logic.retry(platform, scope, work_id))


@post(
    "/api/jobs/retry",
    status_code=200,
    opt=requires(
        Permission.JOBS_MANAGE, answers={200: Retried}, summary="Run everything failed again."
    ),
)
async def retry_all(platform: Platform, scope: Scope) -> Retried:
    """Run everything failed again."""
    return Retried(await logic.retry_all(platform, scope))


ROUTES = (list_audit, export, list_jobs, retry, retry_all)
