"""Entries of the audit log and work that waits or failed."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec

from groundswell.core.http.pagination import PageQuery

WorkStatus = Literal["waiting", "running", "failed"]


class Party(msgspec.Struct, frozen=True):
    """An actor or a target; ``name`` is empty when it has none or is gone."""

    kind: str
    id: str
    name: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One audit row. ``sequence`` is its place in the sealed chain, None for the first second.

    ``personal`` holds personal values, None when there are none or they were erased.
    """

    id: str
    at: datetime
    actor: Party
    action: str
    target: Party
    sentence: str
    detail: Any
    personal: dict[str, Any] | None
    address: str
    sequence: int | None


class AuditFilter(msgspec.Struct, frozen=True):
    """Which rows; an empty text or None lets all through. Days are the tenant's."""

    actor: str = ""
    action: str = ""
    target: str = ""
    first: date | None = None
    last: date | None = None


class Work(msgspec.Struct, frozen=True):
    """A job, or a signal that a handler failed on. ``error`` is a sentence."""

    id: str
    kind: Literal["job", "signal"]
    name: str
    status: WorkStatus
    attempts: int
    error: str | None
    next_at: datetime | None
    created_at: datetime


class Retried(msgspec.Struct, frozen=True):
    """How many jobs and signals will run again."""

    retried: int


Text = Annotated[str, msgspec.Meta(max_length=200)]
Day = Annotated[date, msgspec.Meta(description="A day in the tenant's time zone.")]


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """``actor``, ``target``: an id or a kind; ``action``: whole, or what stands before its dot."""

    actor: Text = ""
    action: Text = ""
    target: Text = ""
    first: Day | None = msgspec.field(default=None, name="from")
    last: Day | None = msgspec.field(default=None, name="to")

    def filter(self) -> AuditFilter:
        """The same without the place in the list; days beyond reason are moved to its edge."""
        low, high = date(1990, 1, 1), date(2100, 1, 1)
        first, last = (day and min(max(day, low), high) for day in (self.first, self.last))
        return AuditFilter(self.actor, self.action, self.target, first, last)


class WorkQuery(PageQuery, frozen=True, kw_only=True):
    """Only work in this state."""

    status: WorkStatus | None = None
