"""Property values as texts, numbers and moments: the same reading in every language."""

import math
import re
from datetime import UTC, datetime, timedelta

_RELATIVE = re.compile(r"-?(\d{1,5})([hdwmy])", re.ASCII)
_UNIT_HOURS = {"h": 1, "d": 24, "w": 168, "m": 730, "y": 8760}
"""A month is a twelfth of a year of 365 days: relative dates are lengths of time."""


def text_of(value: object) -> str:
    """A value as text in lower case; 1.0 is "1" as in JavaScript, true is "true"."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value).lower()


def number_of(value: object) -> float | None:
    """A finite number, also from a text that is one; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        # float() takes "1_000" and "nan"; nobody means those.
        found = float(value) if not isinstance(value, str) or "_" not in value else math.nan
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def relative_of(text: object) -> timedelta | None:
    """The length of "-30d" (also h, w, m, y): so long ago."""
    found = _RELATIVE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    return timedelta(hours=int(found.group(1)) * _UNIT_HOURS[found.group(2)])


def moment_of(value: object) -> float | None:
    """Seconds since 1970 of an ISO 8601 text (UTC unless it says otherwise) or a number."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            found = datetime.fromisoformat(value.strip())
            aware = found if found.tzinfo else found.replace(tzinfo=UTC)
            return aware.timestamp()
        except (ValueError, OverflowError):
            return None
    number = None if isinstance(value, str) else number_of(value)
    # From 1e11 on it is milliseconds: in seconds that would be the year 5138.
    return number / 1000 if number is not None and abs(number) >= 1e11 else number
