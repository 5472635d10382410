"""Handlers: a question is its address, so that every step works as a plain link or form."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from groundswell.core.errors import InvalidError, ProblemError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.http.pagination import PageQuery, decode_cursor, encode_cursor
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic import saved
from groundswell.features.insights.logic.answer import answer
from groundswell.features.insights.logic.people import people_at
from groundswell.features.insights.logic.vocabulary import vocabulary
from groundswell.features.insights.pages import charts, choices
from groundswell.features.insights.pages.form import (
    Fields,
    fields_of_state,
    is_asked,
    question_of,
    state_of,
)
from groundswell.features.insights.types import Point, Query, Result
from groundswell.ui import format as text
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Pager, with_query

PATH = "/insights"
NEW = "/insights/new"
_PEOPLE = 50


@get(PATH, opt=requires(Permission.INSIGHTS_READ))
async def list_insights(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """What was kept, last changed first."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, tuple[datetime, UUID])
    found = await saved.list_insights(platform, scope, after, query.limit + 1)
    shown = found[: query.limit]
    following = ""
    if len(found) > query.limit:
        cursor = encode_cursor(shown[-1].updated_at, shown[-1].insight_id)
        following = with_query(PATH, {}, cursor=cursor)
    return await page(
        request,
        "insights/list.html",
        insights=shown,
        kinds=dict(choices.kinds()),
        pager=Pager(next=following),
    )


@get(NEW, opt=requires(Permission.INSIGHTS_READ))
async def build(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """The builder, with the answer when the form says enough."""
    fields = Fields(_sent(request))
    result: Result | None = None
    problems: list[str] = []
    if is_asked(fields):
        result, problems = await _answered(platform, scope, fields)
    return await _show(request, platform, scope, fields, result, problems)


@get(PATH + "/{insight_id:uuid}", opt=requires(Permission.INSIGHTS_READ))
async def show_insight(
    request: AnyRequest, platform: Platform, scope: Scope, insight_id: UUID
) -> Response[Any]:
    """A kept question and its answer, now; changeable where the builder can ask it."""
    kept = await saved.get(platform, scope, insight_id)
    query = saved.question_of(kept)
    fields = fields_of_state(state_of(query))
    result = await answer(platform, scope, query)
    shown = {"insight": kept, "is_whole": _asks(fields) == query}
    return await _show(request, platform, scope, fields, result, [], **shown)


async def _show(
    request: AnyRequest,
    platform: Platform,
    scope: Scope,
    fields: Fields,
    result: Result | None,
    problems: list[str],
    **more: Any,
) -> Response[Any]:
    words = await vocabulary(platform, scope)
    trend = charts.trend_of(result, _("Over time")) if result else None
    context = {"insight": None, "is_whole": True, **more}
    return await page(
        request,
        "insights/builder.html",
        fields=fields,
        state=fields.state(),
        kind=_kind(fields),
        tabs=choices.tabs(NEW, fields),
        options=choices.options(),
        rows=choices.rows(fields),
        words=words,
        result=result,
        problems=problems,
        trend=trend,
        totals=charts.totals_of(result) if result else [],
        table=charts.table_of(result) if result and result.buckets and not trend else None,
        ranges=choices.ranges(NEW, fields),
        sentence=text.period(result.first, result.last) if result else None,
        **context,
    )


@get(PATH + "/people", opt=requires(Permission.PEOPLE_READ))
async def show_people(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """The people behind a figure of the answer to the address' question."""
    scope.require(Permission.INSIGHTS_READ)
    sent = _sent(request)
    query = await _question(platform, scope, sent)
    point = _point(sent)
    place = decode_cursor(sent.get("cursor"), tuple[int])
    start = min(max(place[0], 0), 2**63 - 1) if place else 0
    found, total = await people_at(platform, scope, query, point, start, _PEOPLE + 1)
    following = ""
    if len(found) > _PEOPLE:
        cursor = encode_cursor(found[_PEOPLE - 1].person_key)
        following = with_query(PATH + "/people", sent, cursor=cursor)
    insight_id = sent.get("insight")
    back = f"{PATH}/{insight_id}" if insight_id else f"{NEW}?{Fields(sent).state()}"
    return await page(
        request,
        "insights/people.html",
        people=found[:_PEOPLE],
        total=total,
        dropped=point.dropped,
        step=point.step,
        back=back,
        pager=Pager(next=following),
    )


@post(PATH, opt=requires(Permission.INSIGHTS_WRITE))
async def keep_insight(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Keep the question of the builder under a name."""
    form = await request.form()
    name, state = _typed(form.get("name")), _typed(form.get("state"))
    if not 0 < len(name) <= 200:
        flash = Flash(_("Nothing was saved."), "error", _("Give the insight a name."))
        return redirect(request, f"{NEW}?{state}" if state.isascii() else NEW, flash)
    try:
        query = question_of(fields_of_state(state))
        made = await saved.keep(platform, scope, name, "", query)
    except InvalidError as error:
        flash = Flash(_("Nothing was saved."), "error", _reasons(error)[0])
        return redirect(request, NEW, flash)
    return redirect(request, f"{PATH}/{made.insight_id}", Flash(_("The insight is saved.")))


@post(PATH + "/{insight_id:uuid}/delete", opt=requires(Permission.INSIGHTS_WRITE))
async def forget_insight(
    request: AnyRequest, platform: Platform, scope: Scope, insight_id: UUID
) -> Response[Any]:
    """Delete a kept question."""
    await saved.forget(platform, scope, insight_id)
    return redirect(request, PATH, Flash(_("The insight is deleted.")))


async def _answered(
    platform: Platform, scope: Scope, fields: Fields
) -> tuple[Result | None, list[str]]:
    """The answer, or what stands in its way in words."""
    try:
        return await answer(platform, scope, question_of(fields)), []
    except ProblemError as error:
        if error.status >= 500:
            raise
        return None, _reasons(error)


def _reasons(error: ProblemError) -> list[str]:
    return [f"{item.field} {item.reason}" for item in error.errors] or [error.detail]


def _asks(fields: Fields) -> Query | None:
    try:
        return question_of(fields)
    except InvalidError:
        return None


async def _question(platform: Platform, scope: Scope, sent: dict[str, str]) -> Query:
    """The question of a kept insight, else of the address itself."""
    if "insight" not in sent:
        return question_of(Fields(sent))
    try:
        insight_id = UUID(sent["insight"])
    except ValueError:
        raise InvalidError("There is no such insight.") from None
    return saved.question_of(await saved.get(platform, scope, insight_id))


def _point(sent: dict[str, str]) -> Point:
    plain: dict[str, Any] = {
        name: int(sent[name])
        for name in ("series", "bucket", "step")
        if sent.get(name, "").isascii() and sent.get(name, "").isdigit() and len(sent[name]) < 6
    }
    plain["dropped"] = sent.get("dropped") == "1"
    if "state" in sent:
        plain["state"] = sent["state"]
    try:
        if sent.get("by"):
            plain["breakdown"] = msgspec.json.decode(sent["by"])
        return msgspec.convert(plain, Point)
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidError("The answer has no such point.") from None


def _kind(fields: Fields) -> str:
    known = [key for key, _label in choices.kinds()]
    return fields.text("kind") if fields.text("kind") in known else "trends"


def _sent(request: AnyRequest) -> dict[str, str]:
    """The address' parameters; a NUL, which no engine keeps, is left out."""
    return {name: value.replace("\x00", "") for name, value in request.query_params.items()}


def _typed(value: object) -> str:
    return value.strip() if isinstance(value, str) and "\x00" not in value else ""
