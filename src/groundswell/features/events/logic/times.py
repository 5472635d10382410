"""When an event happened: as sent, corrected by the sender's clock, within sane bounds."""

from datetime import UTC, datetime

from groundswell.features.events.logic.properties import Refused
from groundswell.features.events.types import Reason

OLDEST_MS = 946_684_800_000
"""The year 2000: an older time is a mistake (seconds sent as milliseconds)."""

FUTURE_MS = 86_400_000
_SANE_SKEW_MS = range(5_000, 86_400_000)


def read_time(value: str | float, field: str = "timestamp") -> int:
    """Milliseconds since 1970 of an ISO 8601 text (naive means UTC) or of a number of them.

    Raises:
        Refused: no time.
    """
    if isinstance(value, str):
        return _read_text(value, field)
    try:
        return int(value)
    except (ValueError, OverflowError):
        raise Refused(field, Reason.NOT_A_TIME) from None


def _read_text(value: str, field: str) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Refused(field, Reason.NOT_A_TIME) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def check_time(at_ms: int, received_ms: int) -> None:
    """Refuse what no clock can have shown.

    Raises:
        Refused: before 2000, or more than a day ahead.
    """
    if at_ms < OLDEST_MS:
        raise Refused("timestamp", Reason.BEFORE_2000)
    if at_ms > received_ms + FUTURE_MS:
        raise Refused("timestamp", Reason.IN_THE_FUTURE)


def clock_skew(sent_at: str | float | None, received_ms: int) -> int:
    """Milliseconds to add to the sender's times; 0 when its clock is right or beyond belief.

    Under five seconds is the network; over a day the sender's clock tells nothing.
    """
    if sent_at is None:
        return 0
    try:
        skew = received_ms - read_time(sent_at)
    except Refused:
        return 0
    return skew if abs(skew) in _SANE_SKEW_MS else 0
