"""What an event is on its way: sent, logged, captured, stored; and why one is refused."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.people.types import Resolved

MAX_EVENTS = 10_000
"""Events in one request."""

MAX_NAME = 200
"""Characters of an event's name."""

MAX_DISTINCT_ID = 400
"""Characters of a distinct id."""

MAX_PROPERTIES_BYTES = 64_000
"""JSON bytes of one event's properties."""

MAX_DEPTH = 32
"""Objects and lists inside one another in an event's properties."""


class Reason(StrEnum):
    """Why an event, or a whole request, was refused: a closed list, each with its cure."""

    MISSING = "missing"
    WRONG_TYPE = "wrong-type"
    TOO_LONG = "too-long"
    NOT_A_UUID = "not-a-uuid"
    NOT_A_TIME = "not-a-time"
    IN_THE_FUTURE = "in-the-future"
    BEFORE_2000 = "before-2000"
    PROPERTIES_TOO_LARGE = "properties-too-large"
    TOO_DEEP = "too-deep"
    NUL = "nul-character"
    LONE_SURROGATE = "lone-surrogate"
    DUPLICATE_KEY = "duplicate-key"
    NOT_A_NUMBER = "not-a-number"
    NUMBER_TOO_LARGE = "number-too-large"
    MALFORMED = "malformed"
    TOO_MANY_EVENTS = "too-many-events"
    TOO_LARGE = "too-large"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate-limited"
    STORE = "store"
    ORDER = "order"


class Rejected(msgspec.Struct, frozen=True):
    """One refused event of a request, as it is answered."""

    index: int
    field: str
    reason: str


class CountedRefusal(msgspec.Struct, array_like=True, frozen=True):
    """Refusals of one kind since the last count, on their way to the table."""

    tenant_id: UUID
    reason: str
    field: str
    source: str
    count: int
    sample: str


class LoggedEvent(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """An event in the ingest log: checked, its properties still JSON bytes.

    ``change``: JSON of what it does to its person (``set``, ``set_once``, ``unset``).
    ``other_id``: the distinct id it joins with its own, for identify and alias.
    ``is_personless``: it belongs to nobody and makes no person.
    """

    event_id: bytes
    event: str
    distinct_id: str
    at_ms: int
    properties: bytes
    change: bytes | None = None
    other_id: str | None = None
    is_identified: bool = False
    is_personless: bool = False


class Chunk(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """The events of one request in the ingest log; a log entry is a list of chunks."""

    tenant_id: bytes
    key_id: str
    is_trusted: bool
    source: str
    received_ms: int
    is_historical: bool
    events: list[LoggedEvent]


class CapturedEvent(msgspec.Struct, frozen=True):
    """An event as a consumer sees it, in the transaction that applies it. Its person is known."""

    event_id: UUID
    event: str
    distinct_id: str
    at: datetime
    received_at: datetime
    properties: dict[str, Any]
    source: str
    is_trusted: bool
    is_historical: bool
    person: Resolved


class Problem(msgspec.Struct, frozen=True):
    """Why a consumer could not use an event; the event itself is stored all the same."""

    event_id: UUID
    field: str
    reason: str


class Consumed(msgspec.Struct, frozen=True):
    """What a consumer made of its events.

    ``event_ids`` maps an event that became (or repeated) a thing with an id of its own to that
    id, such as ``order_event_id``: the event is stored under it, once, whoever brings it first.
    """

    event_ids: Mapping[UUID, UUID] = {}
    problems: Sequence[Problem] = ()


class EventConsumer(Protocol):
    """Acts on events by name while the writer applies them.

    Called with the events of one tenant in order of arrival, inside the writer's transaction:
    its effects are committed exactly once. Raising stops the shard; wrong content is a Problem.
    """

    names: frozenset[str]

    async def consume(self, tx: ScopedTransaction, events: Sequence[CapturedEvent]) -> Consumed: ...


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it is read back. ``person_properties`` are the person's at that time."""

    event_id: UUID
    event: str
    distinct_id: str
    person_key: int
    at: datetime
    received_at: datetime
    properties: dict[str, Any]
    person_properties: dict[str, Any]
    source: str
    trusted: bool


class EventFilter(msgspec.Struct, frozen=True):
    """Which events a list shows; ``person_keys`` are the keys of a person's distinct ids."""

    event: str = ""
    distinct_id: str = ""
    person_keys: Sequence[int] | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Refused events of one hour, counted by reason and field, with the latest sample."""

    hour: datetime
    reason: str
    field: str
    source: str
    count: int
    last_at: datetime
    sample: str
