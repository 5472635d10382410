"""Pages of people: the list, and one person with everything that is known."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State

from groundswell.core.errors import NotFoundError, ProblemError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_query
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.http.pagination import PageQuery, decode_cursor, encode_cursor
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.core.timeline import Place, read_summaries, read_timeline
from groundswell.features.people import api
from groundswell.features.people.store import people as store
from groundswell.features.people.types import MAX_ID_LENGTH, Outcome, PersonCursor, PersonFilter
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Pager, with_query
from groundswell.ui.shell import NavItem

AnyRequest = Request[object, object, State]

_ENTRIES = 30


class ListQuery(PageQuery, frozen=True, kw_only=True):
    """The list's filters as its form sends them: nothing chosen is an empty text."""

    search: Annotated[str, msgspec.Meta(max_length=400)] = ""
    identified: str = ""


@get("/people", opt=requires(Permission.PEOPLE_READ))
async def list_people(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """People by last sight, with a search."""
    query = read_query(request, ListQuery)
    place = decode_cursor(query.cursor, tuple[datetime, UUID])
    after = PersonCursor(*place) if place else None
    identified = {"yes": True, "no": False}.get(query.identified)
    wanted = PersonFilter(query.search.strip(), identified)
    async with platform.postgres.transaction(scope) as tx:
        found = await api.list_people(tx, wanted, after, query.limit + 1)
        shown = found[: query.limit]
        ids = await api.ids_of_each(tx, [person.person_id for person in shown])
        total = await store.count(tx)
    following = ""
    if len(found) > query.limit:
        cursor = encode_cursor(shown[-1].last_seen_at, shown[-1].person_id)
        following = with_query("/people", dict(request.query_params.items()), cursor=cursor)
    rows = [(person, ids.get(person.person_id, [])) for person in shown]
    return await page(
        request,
        "people/list.html",
        rows=rows,
        total=total,
        search=query.search,
        identified=query.identified,
        pager=Pager(next=following),
    )


@get("/people/{person_id:uuid}", opt=requires(Permission.PEOPLE_READ))
async def show_person(
    request: AnyRequest, platform: Platform, scope: Scope, person_id: UUID
) -> Response[Any]:
    """One person: facts, properties, ids, what features sum up, timeline, merges."""
    cursor = request.query_params.get("cursor")
    places = decode_cursor(cursor, tuple[dict[str, Place]])
    async with platform.postgres.transaction(scope) as tx:
        person = await api.get(tx, person_id)
        if person.person_id != person_id:
            return redirect(request, f"/people/{person.person_id}")
        ids = await api.ids_of(tx, [person_id], 100)
        merges = await api.merges_of(tx, person_id, None, 100)
    state = request.app.state
    start = places[0] if places else {}
    timeline = await read_timeline(
        state.timeline_sources, platform, scope, person_id, start, _ENTRIES
    )
    following = ""
    if timeline.places is not None:
        following = with_query(f"/people/{person_id}", {}, cursor=encode_cursor(timeline.places))
    return await page(
        request,
        "people/person.html",
        person=person,
        title=person.name or person.email or (ids[0].distinct_id if ids else str(person_id)),
        ids=ids,
        merges=merges,
        summaries=await read_summaries(state.person_summaries, platform, scope, person_id),
        entries=timeline.entries,
        following=following,
        is_first=not cursor,
    )


@post("/people/{person_id:uuid}/merge", opt=requires(Permission.PEOPLE_WRITE))
async def merge_person(
    request: AnyRequest, platform: Platform, scope: Scope, person_id: UUID
) -> Response[Any]:
    """Merge the person behind a distinct id into this one."""
    form = await request.form()
    other, reason = _text(form.get("distinct_id")), _text(form.get("reason"))
    back = f"/people/{person_id}"
    if not 0 < len(other) <= MAX_ID_LENGTH or not 0 < len(reason) <= 500:
        flash = Flash(_("Nothing was merged."), "error", _("Give a distinct id and a reason."))
        return redirect(request, back, flash)
    try:
        async with platform.postgres.transaction(scope) as tx:
            found = await api.root_of(tx, other)
            if found is None:
                raise NotFoundError(_("Nobody has this distinct id."))
            linked, left = await api.merge(tx, person_id, found, reason)
    except ProblemError as error:
        if error.status >= 500:
            raise
        return redirect(request, back, Flash(_("Nothing was merged."), "error", error.detail))
    if linked.outcome is Outcome.ALREADY:
        return redirect(request, back, Flash(_("They are one person already."), "info"))
    return redirect(request, f"/people/{left}", Flash(_("The people are merged.")))


@post("/merges/{merge_id:uuid}/undo", opt=requires(Permission.PEOPLE_WRITE))
async def undo_merge(
    request: AnyRequest, platform: Platform, scope: Scope, merge_id: UUID
) -> Response[Any]:
    """Take a merge back and show the person that was in it."""
    async with platform.postgres.transaction(scope) as tx:
        merge = await api.unmerge(tx, merge_id)
    return redirect(request, f"/people/{merge.loser_id}", Flash(_("The merge is taken back.")))


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and "\x00" not in value else ""


PAGES = (list_people, show_person, merge_person, undo_merge)

NAV = (NavItem("People", "/people", "users"),)
