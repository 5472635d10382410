"""Time: always aware, always UTC; days belong to a tenant's time zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones


def now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of a moment in a tenant's zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """First instant of a tenant's day and of the next, in UTC; 23 to 25 hours apart."""
    local = ZoneInfo(zone)
    start = datetime.combine(day, time(), local)
    end = datetime.combine(day + timedelta(days=1), time(), local)
    return start.astimezone(UTC), end.astimezone(UTC)


def is_zone(name: str) -> bool:
    """Whether this is a zone of the IANA database."""
    return name in available_timezones()
