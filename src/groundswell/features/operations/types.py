"""Entries of the audit log and work that waits or failed."""

from datetime import date, datetime
from typing import Any, Literal

import msgspec

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
