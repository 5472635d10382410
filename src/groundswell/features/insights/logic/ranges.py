"""Days and buckets of a question in the tenant's zone, safe where clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from groundswell.core.clock import day_bounds
from groundswell.core.errors import FieldError
from groundswell.features.insights.types import MAX_BUCKETS, MAX_RANGE_DAYS, Interval, Range

_EARLIEST, _LATEST = date(2000, 1, 1), date(2100, 1, 1)
HOUR_MS = 3_600_000


class Days(msgspec.Struct, frozen=True):
    """Days of a zone, both ends included."""

    first: date
    last: date
    zone: str

    @property
    def length(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def start_ms(self) -> int:
        """The first instant, in milliseconds since 1970."""
        return _ms(day_bounds(self.first, self.zone)[0])

    @property
    def end_ms(self) -> int:
        """The first instant after the last day."""
        return _ms(day_bounds(self.last, self.zone)[1])

    def before(self) -> "Days":
        """As many days, just before these."""
        length = timedelta(days=self.length)
        return Days(self.first - length, self.last - length, self.zone)


class Buckets(msgspec.Struct, frozen=True):
    """The intervals of some days in order: by date, or for hours by number since the start.

    The first and the last may be cut off by the range (a week that began before it).
    """

    interval: Interval
    days: Days
    dates: tuple[date, ...] = ()
    hours: int = 0

    def __len__(self) -> int:
        return self.hours or len(self.dates)

    def starts(self) -> list[datetime]:
        """When each begins, aware, in the zone."""
        zone = ZoneInfo(self.days.zone)
        if self.hours:
            first = self.days.start_ms
            return [_local(first + n * HOUR_MS, zone) for n in range(self.hours)]
        return [datetime.combine(day, time(), zone) for day in self.dates]


def choose_days(wanted: Range, today: date, zone: str) -> tuple[Days, list[FieldError]]:
    """The days a range means; on errors the last 30 with what is wrong."""
    errors = [
        FieldError(f"range.{name}", f"must be between {_EARLIEST} and {_LATEST}")
        for name, day in (("from", wanted.first), ("to", wanted.last))
        if day is not None and not _EARLIEST <= day <= _LATEST
    ]
    fallback = Days(today - timedelta(days=29), today, zone)
    if errors:
        return fallback, errors
    last = wanted.last or (max(today, wanted.first) if wanted.first else today)
    first = wanted.first or last - timedelta(days=(wanted.days or 30) - 1)
    if first > last:
        return fallback, [FieldError("range.from", "must not be after to")]
    if (last - first).days >= MAX_RANGE_DAYS:
        reason = f"must be within {MAX_RANGE_DAYS} days of to"
        return fallback, [FieldError("range.from", reason)]
    return Days(first, last, zone), []


def buckets_of(days: Days, interval: Interval) -> Buckets:
    """The intervals that the days touch."""
    if interval == "hour":
        return Buckets(interval, days, hours=-(-(days.end_ms - days.start_ms) // HOUR_MS))
    found = [bucket_start(days.first, interval)]
    while (following := next_start(found[-1], interval)) <= days.last:
        found.append(following)
    return Buckets(interval, days, dates=tuple(found))


def bucket_start(day: date, interval: Interval) -> date:
    """The first day of a day's interval; weeks begin on Monday."""
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def next_start(day: date, interval: Interval) -> date:
    """The first day of the interval that follows the one starting on ``day``."""
    if interval == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if interval == "week" else 1)


def whole(days: Days, interval: Interval) -> Days:
    """The days from the beginning of their first interval on."""
    return Days(bucket_start(days.first, interval), days.last, days.zone)


def before(buckets: Buckets, count: int) -> tuple[int, tuple[date, ...]]:
    """``count`` intervals before the first: their first instant and, unless hours, their dates."""
    days = buckets.days
    if buckets.hours:
        return days.start_ms - count * HOUR_MS, ()
    found = [buckets.dates[0]]
    for _ in range(count):
        found.insert(0, bucket_start(found[0] - timedelta(days=1), buckets.interval))
    if not count:
        return days.start_ms, ()
    return Days(found[0], days.last, days.zone).start_ms, tuple(found[:-1])


def count_error(buckets: Buckets, field: str) -> list[FieldError]:
    """An error when a chart would have more points than it can have."""
    if len(buckets) <= MAX_BUCKETS:
        return []
    return [FieldError(field, f"gives {len(buckets)} points; at most {MAX_BUCKETS} are drawn")]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _local(ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
