"""What a person is, and what can be said about one."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

MAX_PROPERTIES = 1_000
"""Properties a person may have; further names are not added, those there still change."""

MAX_PROPERTIES_BYTES = 16_000
"""JSON bytes of all properties of a person, which each of its events carries a copy of."""

MAX_DEPTH = 32
"""Objects and lists inside one another in a property."""

MAX_ID_LENGTH = 400
"""Characters of a distinct id."""


class Seen(msgspec.Struct, frozen=True):
    """A distinct id in some piece of work: when first and last, and whether it is anonymous.

    ``is_anonymous=False`` says that this id names somebody; ``is_vouched`` that a trusted caller
    did business with it, so that an untrusted link can't take it away. Both are remembered.
    """

    first_at: datetime
    last_at: datetime
    is_anonymous: bool = True
    is_vouched: bool = False


class Resolved(msgspec.Struct, frozen=True):
    """Whom a distinct id stands for now. ``own_key`` is the id's own and never changes;
    ``person_id``, ``person_key`` and ``properties`` are those of the person it belongs to."""

    distinct_id: str
    own_key: int
    person_id: UUID
    person_key: int
    properties: dict[str, Any]
    is_identified: bool


class PropertyChange(msgspec.Struct, frozen=True):
    """One change of the properties of the person behind a distinct id, at a moment."""

    distinct_id: str
    at: datetime
    set: Mapping[str, Any] = {}
    set_once: Mapping[str, Any] = {}
    unset: tuple[str, ...] = ()


class LinkKind(StrEnum):
    """How an event joins two ids: ``identify`` has a direction, ``alias`` has none."""

    IDENTIFY = "identify"
    ALIAS = "alias"


class Link(msgspec.Struct, frozen=True):
    """Two distinct ids that an event says are one person, at a moment."""

    anonymous_id: str
    distinct_id: str
    at: datetime
    kind: LinkKind = LinkKind.IDENTIFY
    is_trusted: bool = True


class Outcome(StrEnum):
    """What became of a link or a merge."""

    MERGED = "merged"
    ALREADY = "already"
    REFUSED = "refused"


class Linked(msgspec.Struct, frozen=True):
    """``refused``: both are identified people, which only an explicit merge may join; or an
    untrusted caller asked for an id that a trusted one vouched for."""

    outcome: Outcome
    person_id: UUID
    merge_id: UUID | None = None


class Person(msgspec.Struct, frozen=True):
    """A person as others see one."""

    person_id: UUID
    person_key: int
    email: str | None
    name: str | None
    properties: dict[str, Any]
    is_identified: bool
    created_at: datetime
    last_seen_at: datetime


class DistinctId(msgspec.Struct, frozen=True):
    """One of a person's ids; ``own_key`` is what its events carry."""

    distinct_id: str
    own_key: int
    is_anonymous: bool
    first_seen_at: datetime


class Merge(msgspec.Struct, frozen=True):
    """One line of the merge log."""

    merge_id: UUID
    winner_id: UUID
    loser_id: UUID
    reason: str
    actor_kind: str
    actor_id: str
    merged_at: datetime
    undone_at: datetime | None


class PersonCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a list of people goes on: those seen before this one."""

    last_seen_at: datetime
    person_id: UUID


class PersonFilter(msgspec.Struct, frozen=True):
    """``search`` is the beginning of a distinct id or an e-mail address."""

    search: str = ""
    identified: bool | None = None
