"""Questions and answers of insights. Money is in minor units of the tenant's currency."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from groundswell.core.errors import ProblemError

MAX_RANGE_DAYS = 1_100
MAX_BUCKETS = 1_000
MAX_STEPS = 20

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Label = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=1_000)]
Scalar = bool | int | float | Text

Operator = Literal[
    "equals",
    "not_equals",
    "in",
    "not_in",
    "contains",
    "not_contains",
    "regex",
    "gt",
    "gte",
    "lt",
    "lte",
    "between",
    "is_set",
    "is_not_set",
    "before",
    "on",
    "after",
]
Owner = Literal["event", "person", "current_person", "order"]
"""Whose property: the event's, the person's as it was then or as it is now, the order's."""

Interval = Literal["hour", "day", "week", "month"]
Period = Literal["day", "week", "month"]


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A property compared with a value. A missing property is an empty text.

    ``equals`` compares texts, or numbers when the value is one; ``gt`` to ``between`` compare
    numbers (``between`` takes two, both included); ``before``, ``on`` and ``after`` take a day
    of the tenant (``2026-03-01``); ``regex`` is RE2; ``contains`` ignores case.
    """

    property: Name
    of: Owner = "event"
    op: Operator = "equals"
    value: Scalar | Annotated[list[Scalar], Meta(max_length=500)] | None = None


Conditions = Annotated[list[Condition], Meta(max_length=20)]


class Breakdown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A property whose values split the answer."""

    property: Name
    of: Owner = "event"


Breakdowns = Annotated[list[Breakdown], Meta(max_length=3)]
Limit = Annotated[int, Meta(ge=1, le=50)]


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days of the tenant, both ends included: ``from`` and ``to``, or the last ``days`` (30)."""

    days: Annotated[int, Meta(ge=1, le=MAX_RANGE_DAYS)] | None = None
    first: date | None = msgspec.field(default=None, name="from")
    last: date | None = msgspec.field(default=None, name="to")


MeasureKind = Literal[
    "count",
    "people",
    "sum",
    "average",
    "median",
    "p90",
    "p95",
    "p99",
    "min",
    "max",
    "unique",
    "per_person",
]


class Measure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is counted. ``per_person`` is events a person, or the property's sum a person."""

    kind: MeasureKind = "count"
    property: Name | None = None


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events of one name (None: of any) that meet all conditions."""

    event: Name | None = None
    filters: Conditions = []
    label: Label = ""


class Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a trend. Source ``orders`` counts orders; its properties are revenue, items."""

    event: Name | None = None
    source: Literal["events", "orders"] = "events"
    measure: Measure = Measure()
    filters: Conditions = []
    label: Label = ""


class Trends(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="trends",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Figures over time. Series are called A, B, … in formulas such as ``A / B * 100``.

    ``view``: each interval; ``cumulative`` since the range's start; ``rolling`` over the last
    ``window`` intervals (people: distinct in all of them); ``rolling_average`` of the values.
    """

    series: Annotated[list[Series], Meta(min_length=1, max_length=10)]
    range: Range = Range()
    interval: Interval = "day"
    filters: Conditions = []
    breakdown: Breakdowns = []
    limit: Limit = 10
    formulas: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=5)] = []
    compare: bool = False
    view: Literal["interval", "cumulative", "rolling", "rolling_average"] = "interval"
    window: Annotated[int, Meta(ge=2, le=90)] = 7


class Exclusion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ends an attempt when it happens after step ``after`` and up to step ``before``."""

    event: Name | None = None
    filters: Conditions = []
    after: Annotated[int, Meta(ge=1, le=MAX_STEPS)] = 1
    before: Annotated[int, Meta(ge=2, le=MAX_STEPS)] | None = None


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long after the first step the last may come."""

    count: Annotated[int, Meta(ge=1, le=10_000)] = 14
    unit: Literal["second", "minute", "hour", "day", "week"] = "day"

    @property
    def milliseconds(self) -> int:
        """Its length."""
        unit = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
        return self.count * unit[self.unit] * 1_000


class Funnel(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="funnel",
    forbid_unknown_fields=True,
):  # fmt: skip
    """How far people get. Each counts once, with the first attempt that got furthest.

    ``strict``: nothing else of the person's in between. ``any``: steps in any order.
    """

    steps: Annotated[list[Selection], Meta(min_length=2, max_length=MAX_STEPS)]
    range: Range = Range()
    order: Literal["ordered", "strict", "any"] = "ordered"
    window: Window = Window()
    filters: Conditions = []
    exclusions: Annotated[list[Exclusion], Meta(max_length=5)] = []
    breakdown: Breakdowns = []
    limit: Limit = 10
    interval: Interval | None = None


class Retention(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="retention",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Who comes back: of those who did ``start`` in a period, how many did ``back`` in later ones.

    ``first_time``: each person stands in the period of their first ``start`` ever; else in every
    period with one. ``rolling``: back in that period or in any later one of the range.
    """

    start: Selection = Selection()
    back: Selection = Selection()
    range: Range = Range(days=56)
    period: Period = "week"
    first_time: bool = True
    rolling: bool = False
    filters: Conditions = []


class Lifecycle(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="lifecycle",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Active people by period: new, returning, resurrecting; and dormant ones (negative)."""

    event: Name | None = None
    range: Range = Range()
    interval: Period = "day"
    filters: Conditions = []


class Stickiness(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="stickiness",
    forbid_unknown_fields=True,
):  # fmt: skip
    """In how many intervals of the range people were active: people by that number."""

    event: Name | None = None
    range: Range = Range()
    interval: Period = "day"
    filters: Conditions = []


Query = Trends | Funnel | Retention | Lifecycle | Stickiness


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in an answer, counted from 0: which of its people are wanted.

    Trends: ``series``, ``bucket``, ``breakdown``. Funnel: ``step``, ``dropped``, ``breakdown``.
    Retention: ``bucket`` (cohort), ``step`` (period; 0 is the cohort). Lifecycle: ``bucket``,
    ``state``. Stickiness: ``step`` (number of intervals less one).
    """

    series: Annotated[int, Meta(ge=0, le=9)] = 0
    bucket: Annotated[int, Meta(ge=0, lt=MAX_BUCKETS)] | None = None
    breakdown: Annotated[list[Text], Meta(max_length=3)] | None = None
    step: Annotated[int, Meta(ge=0, lt=MAX_BUCKETS)] = 0
    dropped: bool = False
    state: Literal["new", "returning", "resurrecting", "dormant"] = "new"


class Column(msgspec.Struct, frozen=True):
    """A column of the table form; ``kind`` says how a cell is read."""

    key: str
    label: str
    kind: Literal["text", "number", "percent", "money", "seconds", "time"] = "number"


class ResultSeries(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a value a bucket, None where there is none. ``previous`` is the period before."""

    key: str
    label: str
    values: list[float | None]
    breakdown: list[str] = []
    is_other: bool = False
    total: float | None = None
    previous: list[float | None] | None = None
    previous_total: float | None = None
    unit: Literal["number", "money", "percent"] = "number"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """People who reached a step; ratios to the first step and to the one before."""

    label: str
    people: int
    dropped: int
    conversion: float | None
    conversion_from_previous: float | None


class FunnelGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A funnel for one value of the breakdown; seconds from first to last step."""

    breakdown: list[str]
    is_other: bool
    steps: list[Step]
    median_seconds: float | None
    average_seconds: float | None
    p90_seconds: float | None


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """People who started in a period and how many were back 1, 2, … periods later."""

    start: date
    size: int
    back: list[int]


class Statement(msgspec.Struct, frozen=True):
    """SQL as it was run, with the values of its ``{name:Type}`` parameters."""

    sql: str
    parameters: dict[str, Any]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: ``columns`` and ``rows`` in every case, and the parts that fit its kind."""

    kind: str
    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")
    timezone: str
    currency: str
    buckets: list[datetime] = []
    columns: list[Column]
    rows: list[list[str | float | int | None]]
    series: list[ResultSeries] = []
    groups: list[FunnelGroup] = []
    cohorts: list[Cohort] = []
    totals: dict[str, float | None] = {}
    sql: list[Statement]
    computed_at: datetime
    cached: bool = False
    approximate: bool = False
    notices: list[str] = []


class InsightPerson(msgspec.Struct, frozen=True):
    """Somebody behind a figure."""

    person_id: UUID
    person_key: int
    name: str
    email: str


class Insight(msgspec.Struct, frozen=True):
    """A question that was kept."""

    insight_id: UUID
    name: str
    description: str
    kind: str
    query: dict[str, Any]
    created_by: str
    created_at: datetime
    updated_at: datetime


class TooHeavyError(ProblemError):
    """The store stopped the question at its limits; the text says what makes it lighter."""

    status = 422
    slug = "too-heavy"
    title = "The question is too heavy"
