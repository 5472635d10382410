"""The JSON API of people."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.datastructures import State

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.errors import FieldError, InvalidError, NotFoundError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_body, read_query
from groundswell.core.http.pagination import (
    Page,
    PageQuery,
    decode_cursor,
    encode_cursor,
    page_of,
)
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.core.timeline import Place, TimelineEntry, read_timeline
from groundswell.features.people import api
from groundswell.features.people.types import (
    MAX_DEPTH,
    MAX_ID_LENGTH,
    MAX_PROPERTIES_BYTES,
    DistinctId,
    Merge,
    Outcome,
    Person,
    PersonCursor,
    PersonFilter,
    PropertyChange,
    Seen,
)

AnyRequest = Request[object, object, State]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]


class PeopleQuery(PageQuery, frozen=True, kw_only=True):
    """Which people: ``search`` is the beginning of a distinct id or an e-mail address."""

    search: Annotated[str, msgspec.Meta(max_length=400)] = ""
    identified: bool | None = None


class PersonView(msgspec.Struct, kw_only=True):
    """A person with all its distinct ids."""

    person_id: UUID
    distinct_ids: list[DistinctId]
    email: str | None
    name: str | None
    properties: dict[str, Any]
    is_identified: bool
    created_at: datetime
    last_seen_at: datetime


class ChangeProperties(msgspec.Struct, frozen=True, kw_only=True):
    """``set`` overwrites, ``set_once`` keeps what is there, ``unset`` removes."""

    set: dict[Name, Any] = {}
    set_once: dict[Name, Any] = {}
    unset: Annotated[list[Name], msgspec.Meta(max_length=1_000)] = []


class PutPerson(ChangeProperties, frozen=True, kw_only=True):
    """The person behind a distinct id, made if nobody has seen it."""

    distinct_id: Id


class MergeWith(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to merge into the person of the path, and why."""

    person_id: UUID
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class MergedView(msgspec.Struct, frozen=True):
    """The person that is left; ``merge_id`` takes the merge back, None if there was none."""

    outcome: Outcome
    person_id: UUID
    merge_id: UUID | None


@get("/api/people", opt=requires(Permission.PEOPLE_READ, query=PeopleQuery))
async def list_people(request: AnyRequest, platform: Platform, scope: Scope) -> Page[PersonView]:
    """People by last sight, newest first."""
    query = read_query(request, PeopleQuery)
    place = decode_cursor(query.cursor, tuple[datetime, UUID])
    after = PersonCursor(*place) if place else None
    wanted = PersonFilter(query.search, query.identified)
    async with platform.postgres.transaction(scope) as tx:
        found = await api.list_people(tx, wanted, after, query.limit + 1)
        views = await _views(tx, found[: query.limit])
    if len(found) <= query.limit:
        return Page(views, None)
    last = found[query.limit - 1]
    return Page(views, encode_cursor(last.last_seen_at, last.person_id))


@get("/api/people/{person_id:uuid}", opt=requires(Permission.PEOPLE_READ))
async def get_person(platform: Platform, scope: Scope, person_id: UUID) -> PersonView:
    """A person; the id of one who was merged answers with whom it was merged into."""
    async with platform.postgres.transaction(scope) as tx:
        return (await _views(tx, [await api.get(tx, person_id)]))[0]


@get("/api/people/by-distinct-id/{distinct_id:path}", opt=requires(Permission.PEOPLE_READ))
async def get_by_distinct_id(platform: Platform, scope: Scope, distinct_id: str) -> PersonView:
    """The person behind a distinct id; it may hold slashes."""
    wanted = distinct_id.removeprefix("/")
    if not 0 < len(wanted) <= MAX_ID_LENGTH or "\x00" in wanted:
        raise NotFoundError("There is no such person.")
    async with platform.postgres.transaction(scope) as tx:
        found = await api.root_of(tx, wanted)
        if found is None:
            raise NotFoundError("There is no such person.")
        return (await _views(tx, [await api.get(tx, found)]))[0]


@post(
    "/api/people",
    opt=requires(
        Permission.PEOPLE_WRITE, body=PutPerson, answers={200: PersonView, 201: PersonView}
    ),
    status_code=200,
)
async def put_person(request: AnyRequest, platform: Platform, scope: Scope) -> Response[PersonView]:
    """Make a person, or change the properties of the one there: 201 if it is new."""
    body = await read_body(request, PutPerson)
    _check(body)
    now = clock.now()
    async with platform.postgres.transaction(scope) as tx:
        is_new = await api.root_of(tx, body.distinct_id) is None
        await api.resolve(tx, {body.distinct_id: Seen(now, now, is_anonymous=False)})
        view = await _change(tx, body.distinct_id, body)
    return Response(view, status_code=201 if is_new else 200)


@patch("/api/people/{person_id:uuid}", opt=requires(Permission.PEOPLE_WRITE, body=ChangeProperties))
async def change_person(
    request: AnyRequest, platform: Platform, scope: Scope, person_id: UUID
) -> PersonView:
    """Change a person's properties."""
    body = await read_body(request, ChangeProperties)
    _check(body)
    async with platform.postgres.transaction(scope) as tx:
        person = await api.get(tx, person_id)
        first = (await api.ids_of(tx, [person.person_id], 1))[0]
        return await _change(tx, first.distinct_id, body)


@get("/api/people/{person_id:uuid}/timeline", opt=requires(Permission.PEOPLE_READ, query=PageQuery))
async def get_timeline(
    request: AnyRequest, platform: Platform, scope: Scope, person_id: UUID
) -> Page[TimelineEntry]:
    """Events, orders and merges of a person, newest first."""
    query = read_query(request, PageQuery)
    places = decode_cursor(query.cursor, tuple[dict[str, Place]])
    async with platform.postgres.transaction(scope) as tx:
        person = await api.get(tx, person_id)
    sources = request.app.state.timeline_sources
    start = places[0] if places else {}
    found = await read_timeline(sources, platform, scope, person.person_id, start, query.limit)
    cursor = encode_cursor(found.places) if found.places is not None else None
    return Page(found.entries, cursor)


@get("/api/people/{person_id:uuid}/merges", opt=requires(Permission.PEOPLE_READ, query=PageQuery))
async def get_merges(
    request: AnyRequest, platform: Platform, scope: Scope, person_id: UUID
) -> Page[Merge]:
    """The merge log of a person and of all merged into it, newest first."""
    query = read_query(request, PageQuery)
    before = decode_cursor(query.cursor, tuple[datetime, UUID])
    async with platform.postgres.transaction(scope) as tx:
        person = await api.get(tx, person_id)
        found = await api.merges_of(tx, person.person_id, before, query.limit + 1)
    return page_of(found, query.limit, lambda merge: (merge.merged_at, merge.merge_id))


@post(
    "/api/people/{person_id:uuid}/merge",
    opt=requires(Permission.PEOPLE_WRITE, body=MergeWith),
    status_code=200,
)
async def merge_people(
    request: AnyRequest, platform: Platform, scope: Scope, person_id: UUID
) -> MergedView:
    """Merge another person into this one; done already, it changes nothing."""
    body = await read_body(request, MergeWith)
    async with platform.postgres.transaction(scope) as tx:
        linked, left = await api.merge(tx, person_id, body.person_id, body.reason)
    return MergedView(linked.outcome, left, linked.merge_id)


@post("/api/merges/{merge_id:uuid}/undo", opt=requires(Permission.PEOPLE_WRITE), status_code=200)
async def undo_merge(platform: Platform, scope: Scope, merge_id: UUID) -> Merge:
    """Take a merge back; both people are as they were."""
    async with platform.postgres.transaction(scope) as tx:
        return await api.unmerge(tx, merge_id)


def _check(body: ChangeProperties) -> None:
    errors = [
        FieldError(f"unset[{index}]", "is set in the same request")
        for index, name in enumerate(body.unset)
        if name in body.set or name in body.set_once
    ]
    if len(msgspec.json.encode([body.set, body.set_once])) > MAX_PROPERTIES_BYTES:
        errors.append(FieldError("set", f"is larger than {MAX_PROPERTIES_BYTES:,} bytes"))
    for field, values in (("set", body.set), ("set_once", body.set_once)):
        errors += [
            FieldError(f"{field}.{name}", f"is nested deeper than {MAX_DEPTH} levels")
            for name, value in values.items()
            if _depth(value) > MAX_DEPTH
        ]
    if errors:
        raise InvalidError("The person is not changed.", errors=errors)


def _depth(value: Any) -> int:
    """Objects and lists inside one another; decoded bodies are never deeper than the stack."""
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


async def _change(tx: Any, distinct_id: str, body: ChangeProperties) -> PersonView:
    change = PropertyChange(distinct_id, clock.now(), body.set, body.set_once, tuple(body.unset))
    [(person_id, shown)] = (await api.set_properties(tx, [change])).items()
    left_out = [name for name, value in body.set.items() if shown.get(name, ...) != value]
    # What is unset in the same request is refused before, so whatever differs was left out.
    if left_out:
        why = f"makes the person larger than {MAX_PROPERTIES_BYTES:,} bytes or 1,000 properties"
        errors = [FieldError(f"set.{name}", why) for name in left_out]
        raise InvalidError("The person is not changed.", errors=errors[:100])
    names = sorted({*body.set, *body.set_once, *body.unset})
    await audit(tx, "person.changed", "person", person_id, {"properties": names[:100]})
    await emit(tx, "person.changed", {"person_id": person_id, "properties": names[:100]})
    return (await _views(tx, [await api.get(tx, person_id)]))[0]


async def _views(tx: Any, people: list[Person]) -> list[PersonView]:
    ids = await api.ids_of_each(tx, [person.person_id for person in people])
    return [
        PersonView(
            person_id=person.person_id,
            distinct_ids=ids.get(person.person_id, []),
            email=person.email,
            name=person.name,
            properties=person.properties,
            is_identified=person.is_identified,
            created_at=person.created_at,
            last_seen_at=person.last_seen_at,
        )
        for person in people
    ]


ROUTES = (
    list_people,
    get_person,
    get_by_distinct_id,
    put_person,
    change_person,
    get_timeline,
    get_merges,
    merge_people,
    undo_merge,
)
