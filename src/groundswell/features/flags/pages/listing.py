"""The list of flags, a new one, and those that could go."""

from typing import Any

from litestar import Response, get, post

from groundswell.core.errors import ConflictError, FieldError, InvalidError
from groundswell.core.http.access import requires
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic import approve, change, environments, stale, switch
from groundswell.features.flags.pages.forms import fields_of, variants_from
from groundswell.features.flags.pages.words import state_of
from groundswell.features.flags.types import Flag, FlagContent
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Choice, Column, Pager, with_query

PATH = "/flags"
_PAGE = 50


@get(PATH, opt=requires(Permission.FLAGS_READ))
async def show_list(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Flags with their state in every environment."""
    given = {name: str(value)[:200] for name, value in request.query_params.items()}
    archived = given.get("show") == "archived"
    flags = await switch.list_flags(platform, scope, archived=archived)
    search, start = given.get("search", ""), given.get("after", "")
    found = switch.filtered(flags, search)
    shown = [flag for flag in found if flag.key > start][: _PAGE + 1]
    stages = await environments.environments(platform, scope)
    more = shown[_PAGE - 1].key if len(shown) > _PAGE else None
    return await page(
        request,
        "flags/list.html",
        rows=[_row(flag, [each.environment for each in stages]) for flag in shown[:_PAGE]],
        columns=[
            Column(_("Flag")),
            *(Column(each.name, wide=place > 0) for place, each in enumerate(stages)),
            Column(_("Changed"), wide=True),
        ],
        total=len(flags),
        search=search,
        archived=archived,
        proposals=await approve.proposals(platform, scope),
        choices=_choices(archived=archived),
        pager=Pager(
            with_query(PATH, given, after=None) if start else "",
            with_query(PATH, given, after=more) if more else "",
        ),
    )


@get(PATH + "/stale", opt=requires(Permission.FLAGS_READ))
async def show_stale(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Flags that decide nothing any more."""
    found = await stale.stale_flags(platform, scope)
    return await page(
        request, "flags/stale.html", flags=found, choices=_choices(archived=False, is_stale=True)
    )


@get(PATH + "/new", opt=requires(Permission.FLAGS_WRITE))
async def show_new(request: AnyRequest) -> Response[Any]:
    """The form of a new flag."""
    return await page(request, "flags/new.html", values={}, errors={})


@post(PATH + "/new", opt=requires(Permission.FLAGS_WRITE))
async def create(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Make a flag, off everywhere."""
    fields = fields_of(await request.form())
    key = fields.get("key", "").strip()
    try:
        await change.create(platform, scope, key, _content(fields))
    except (InvalidError, ConflictError) as error:
        wrong = error.errors or (FieldError("key", "is taken"),)
        return await page(
            request, "flags/new.html", status=422, values=fields, errors=texts_of(wrong)
        )
    flash = Flash(_("The flag is made."), text=_("It is off everywhere until you turn it on."))
    return redirect(request, f"{PATH}/{key}", flash)


def texts_of(errors: tuple[FieldError, ...]) -> dict[str, str]:
    """The sentence to show beside each wrong field."""
    found: dict[str, str] = {}
    for item in errors:
        reason = _(item.reason)
        found.setdefault(item.field.partition("[")[0], reason[:1].upper() + reason[1:] + ".")
    return found


def _content(fields: dict[str, str]) -> FlagContent:
    variants = variants_from(fields.get("variants", ""))
    many = fields.get("kind") == "multivariate"
    by = fields.get("bucket_by")
    return FlagContent(
        name=fields.get("name", "").strip(),
        description=fields.get("description", "").strip(),
        kind="multivariate" if many else "boolean",
        variants=variants if many else [],
        bucket_by="device" if by == "device" else "group" if by == "group" else "person",
        group_type=fields.get("group_type", "").strip() if by == "group" else "",
    )


def _row(flag: Flag, stages: list[str]) -> tuple[Flag, list[tuple[str, str]]]:
    return flag, [state_of(flag.rules(stage)) for stage in stages]


def _choices(*, archived: bool, is_stale: bool = False) -> list[Choice]:
    return [
        Choice(_("In use"), PATH, current=not archived and not is_stale),
        Choice(_("Could go"), PATH + "/stale", current=is_stale),
        Choice(_("Archived"), PATH + "?show=archived", current=archived),
    ]


PAGES = (show_list, show_stale, show_new, create)
