"""The figures of the growth dashboard. Money is in minor units of ``currency``."""

from datetime import date, datetime
from typing import Annotated

import msgspec

COUNTED = ("new_users", "activated_users", "orders", "revenue", "dau", "wau", "mau")
ADDED = ("new_users", "activated_users", "orders", "revenue")
"""Figures that add up over days; of the others a period shows its last day."""


LONGEST = 731
"""Days of one request."""


class GrowthQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which days: ``from`` and ``to``, or the last ``days``."""

    days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST)] | None = None
    first: date | None = msgspec.field(default=None, name="from")
    last: date | None = msgspec.field(default=None, name="to")


class Day(msgspec.Struct, frozen=True):
    """One day of the tenant. ``wau`` and ``mau`` count the 7 and 30 days that end with it."""

    date: date
    new_users: int = 0
    activated_users: int = 0
    orders: int = 0
    revenue: int = 0
    dau: int = 0
    wau: int = 0
    mau: int = 0


class Range(msgspec.Struct, frozen=True):
    """Days, both ends included."""

    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")


class Totals(msgspec.Struct, frozen=True):
    """Sums over a period; active people as of its last day."""

    new_users: int = 0
    activated_users: int = 0
    orders: int = 0
    revenue: int = 0
    dau: int = 0
    wau: int = 0
    mau: int = 0


class Growth(msgspec.Struct, frozen=True):
    """Change against the period before as a ratio (0.25 is a quarter more).

    None where there was nothing to grow from. ``users`` is the change in new users.
    """

    revenue: float | None
    users: float | None
    new_users: float | None
    activated_users: float | None
    orders: float | None
    dau: float | None
    wau: float | None
    mau: float | None


class Metrics(msgspec.Struct, frozen=True):
    """Everything the dashboard shows of a period."""

    currency: str
    range: Range
    days: list[Day]
    totals: Totals
    previous_range: Range
    previous: Totals
    growth: Growth
    computed_at: datetime


class Captured(msgspec.Struct, frozen=True):
    """What a snapshot did for one tenant: days checked, days written because they were new or
    had changed."""

    tenant: str
    range: Range
    days: int
    written: int
