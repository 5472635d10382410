"""The page /settings/mail: the outbox, and one mail of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from groundswell.core.errors import ConflictError, InvalidError, NotFoundError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_query
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.http.pagination import decode_cursor, page_of
from groundswell.core.mail.send import KEPT_DAYS
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access.logic import mail as logic
from groundswell.features.access.pages.forms import AnyRequest
from groundswell.features.access.types import MailQuery
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Choice, Pager, with_query

PATH = "/settings/mail"
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@get(PATH, opt=requires(Permission.JOBS_READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """What was sent, what waits, what failed, what was kept."""
    given = dict(request.query_params.items())
    try:
        query = read_query(request, MailQuery)
        after = decode_cursor(query.cursor, tuple[datetime, UUID])
    except InvalidError:
        query, after = MailQuery(), None
    status = query.status or ""
    found = await logic.list_mail(platform, scope, status, after, query.limit + 1)
    shown = page_of(found, query.limit, logic.key_of)
    first = with_query(PATH, given, cursor=None) if given.get("cursor") else ""
    older = with_query(PATH, given, cursor=shown.next_cursor) if shown.next_cursor else ""
    return await page(
        request,
        "access/mail.html",
        mails=shown.items,
        words=_words(),
        choices=_choices(status),
        pager=Pager(first, older),
        sends_mail=platform.settings.smtp_url is not None,
        kept_days=KEPT_DAYS,
    )


@get(PATH + "/{mail_id:uuid}", opt=requires(Permission.TENANT_MANAGE))
async def show_one(
    request: AnyRequest, platform: Platform, scope: Scope, mail_id: UUID
) -> Response[Any]:
    """One mail as it was, or would be, sent."""
    return await page(
        request,
        "access/mail_one.html",
        mail=await logic.read_mail(platform, scope, mail_id),
        words=_words(),
        sends_mail=platform.settings.smtp_url is not None,
    )


@get(PATH + "/{mail_id:uuid}/html", opt=requires(Permission.TENANT_MANAGE))
async def show_html(platform: Platform, scope: Scope, mail_id: UUID) -> Response[Any]:
    """Its HTML version, in a sandbox: it may style itself and do nothing else."""
    mail = await logic.read_mail(platform, scope, mail_id)
    headers = {"Content-Security-Policy": _SANDBOX, "Referrer-Policy": "no-referrer"}
    return Response(mail.html, media_type="text/html", headers=headers)


@post(PATH + "/{mail_id:uuid}/send", opt=requires(Permission.TENANT_MANAGE))
async def send(
    request: AnyRequest, platform: Platform, scope: Scope, mail_id: UUID
) -> Response[Any]:
    """Send a mail that was kept or failed."""
    try:
        await logic.resend(platform, scope, mail_id)
    except NotFoundError:
        return redirect(request, PATH, Flash(_("It was sent, or waits already."), "info"))
    except ConflictError as refused:
        return redirect(request, PATH, Flash(_("The mail stays."), "error", _(refused.detail)))
    return redirect(request, PATH, Flash(_("The mail is on its way.")))


def _words() -> dict[str, tuple[str, str]]:
    return {
        "sent": (_("Sent"), "success"),
        "queued": (_("Waiting"), "neutral"),
        "failed": (_("Failed"), "error"),
        "kept": (_("Kept, not sent"), "warning"),
    }


def _choices(status: str) -> list[Choice]:
    labels = {"": _("All"), **{value: label for value, (label, _tone) in _words().items()}}
    return [
        Choice(label, with_query(PATH, {}, status=value), current=value == status)
        for value, label in labels.items()
    ]


PAGES = (show, show_one, show_html, send)
