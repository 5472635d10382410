"""The JSON API of insights: ask, look at the people behind, keep."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put

from groundswell.core.http.access import Exportable, requires
from groundswell.core.http.body import read_body, read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pagination import (
    Limit,
    Page,
    PageQuery,
    decode_cursor,
    encode_cursor,
    page_of,
)
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic import saved
from groundswell.features.insights.logic.answer import answer
from groundswell.features.insights.logic.export import MEDIA, Form, export, form_of
from groundswell.features.insights.logic.people import people_at
from groundswell.features.insights.logic.vocabulary import Vocabulary, vocabulary
from groundswell.features.insights.types import Insight, InsightPerson, Point, Query, Result

_BIGGEST_KEY = 2**63 - 1


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question. ``refresh`` computes it again; ``format`` is json, csv or jsonl."""

    query: Query
    refresh: bool = False
    format: Form | None = None


class AskPeople(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is behind a point of the answer to a question."""

    query: Query
    point: Point = Point()
    limit: Limit = 50
    cursor: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None


class People(msgspec.Struct, frozen=True):
    """People behind a figure, and how many there are in all."""

    items: list[InsightPerson]
    total: int
    next_cursor: str | None = None


class KeepInsight(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to keep."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    description: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    query: Query


class VocabularyQuery(msgspec.Struct, frozen=True, kw_only=True):
    """``event``: only properties of this event."""

    event: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@post(
    "/api/insights/query",
    opt=requires(
        Permission.INSIGHTS_READ,
        body=Ask,
        answers={200: Exportable(Result)},
        summary="Answer a question: trends, funnel, retention, lifecycle or stickiness.",
    ),
    status_code=200,
)
async def ask_query(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Answer a question; CSV or JSON lines by ``format`` or the Accept header."""
    body = await read_body(request, Ask)
    result = await answer(platform, scope, body.query, refresh=body.refresh)
    form = form_of(request.headers.get("accept", ""), body.format)
    headers = {}
    if form != "json":
        headers["Content-Disposition"] = f'attachment; filename="{result.kind}.{form}"'
    return Response(export(result, form), media_type=MEDIA[form], headers=headers)


@post(
    "/api/insights/people",
    opt=requires(Permission.PEOPLE_READ, body=AskPeople, answers={200: People}),
    status_code=200,
)
async def ask_people(request: AnyRequest, platform: Platform, scope: Scope) -> People:
    """The people behind a point of an answer, page by page."""
    scope.require(Permission.INSIGHTS_READ)
    body = await read_body(request, AskPeople)
    place = decode_cursor(body.cursor, tuple[Annotated[int, msgspec.Meta(ge=0, le=_BIGGEST_KEY)]])
    found, total = await people_at(
        platform, scope, body.query, body.point, place[0] if place else 0, body.limit + 1
    )
    shown = found[: body.limit]
    following = encode_cursor(shown[-1].person_key) if len(found) > body.limit else None
    return People(shown, total, following)


@get(
    "/api/insights/vocabulary",
    opt=requires(Permission.INSIGHTS_READ, query=VocabularyQuery, answers={200: Vocabulary}),
)
async def get_vocabulary(request: AnyRequest, platform: Platform, scope: Scope) -> Vocabulary:
    """Events and properties to ask about, with volumes and examples."""
    return await vocabulary(platform, scope, read_query(request, VocabularyQuery).event)


@get("/api/insights", opt=requires(Permission.INSIGHTS_READ, query=PageQuery))
async def list_insights(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Insight]:
    """Kept questions, last changed first."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, tuple[datetime, UUID])
    found = await saved.list_insights(platform, scope, after, query.limit + 1)
    return page_of(found, query.limit, lambda each: (each.updated_at, each.insight_id))


@post(
    "/api/insights",
    opt=requires(Permission.INSIGHTS_WRITE, body=KeepInsight, answers={201: Insight}),
)
async def keep_insight(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Insight]:
    """Keep a question."""
    body = await read_body(request, KeepInsight)
    made = await saved.keep(platform, scope, body.name, body.description, body.query)
    location = {"Location": f"/api/insights/{made.insight_id}"}
    return Response(made, status_code=201, headers=location)


@get("/api/insights/{insight_id:uuid}", opt=requires(Permission.INSIGHTS_READ))
async def get_insight(platform: Platform, scope: Scope, insight_id: UUID) -> Insight:
    """A kept question."""
    return await saved.get(platform, scope, insight_id)


@get(
    "/api/insights/{insight_id:uuid}/result",
    opt=requires(Permission.INSIGHTS_READ, answers={200: Exportable(Result)}),
)
async def get_result(platform: Platform, scope: Scope, insight_id: UUID) -> Result:
    """The answer to a kept question, now."""
    kept = await saved.get(platform, scope, insight_id)
    return await answer(platform, scope, saved.question_of(kept))


@put(
    "/api/insights/{insight_id:uuid}",
    opt=requires(Permission.INSIGHTS_WRITE, body=KeepInsight, answers={200: Insight}),
)
async def change_insight(
    request: AnyRequest, platform: Platform, scope: Scope, insight_id: UUID
) -> Insight:
    """Replace a kept question."""
    body = await read_body(request, KeepInsight)
    return await saved.change(platform, scope, insight_id, body.name, body.description, body.query)


@delete("/api/insights/{insight_id:uuid}", opt=requires(Permission.INSIGHTS_WRITE))
async def forget_insight(platform: Platform, scope: Scope, insight_id: UUID) -> None:
    """Delete a kept question."""
    await saved.forget(platform, scope, insight_id)


ROUTES = (
    ask_query,
    ask_people,
    get_vocabulary,
    list_insights,
    keep_insight,
    get_insight,
    get_result,
    change_insight,
    forget_insight,
)
