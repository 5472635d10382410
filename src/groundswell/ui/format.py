"""Numbers, money and times as text in the reader's language. Figures are always Latin digits."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import dates, numbers

from groundswell.core.money import exponent
from groundswell.ui.i18n import reader

MINUS = "\u2212"
"""A hyphen would be as narrow as a letter, or, in tabular figures, float apart."""

FLAT = 0.0005
"""A change below 0.05 % reads as no change."""


def money(amount: int, currency: str, *, whole: bool = False) -> str:
    """An amount of minor units: ``$1,234.50``; ``whole`` leaves the minor units out."""
    value = Decimal(amount).scaleb(-exponent(currency))
    if whole:
        return _minus(
            numbers.format_currency(
                value.quantize(Decimal(1)),
                currency,
                locale=reader().locale,
                currency_digits=False,
                format=_whole_pattern(),
                numbering_system="latn",
            )
        )
    return _minus(
        numbers.format_currency(value, currency, locale=reader().locale, numbering_system="latn")
    )


def money_compact(amount: int, currency: str) -> str:
    """An amount of minor units in few characters: ``$1.2M``."""
    value = Decimal(amount).scaleb(-exponent(currency))
    return _minus(
        numbers.format_compact_currency(
            value, currency, locale=reader().locale, fraction_digits=1, numbering_system="latn"
        )
    )


def number(value: float | Decimal, digits: int = 0) -> str:
    """``12,345``, or with ``digits`` decimals."""
    pattern = "#,##0." + "0" * digits if digits else "#,##0"
    return _minus(
        numbers.format_decimal(
            value, format=pattern, locale=reader().locale, numbering_system="latn"
        )
    )


def compact(value: float) -> str:
    """A count in few characters: ``12.3K``."""
    return _minus(
        numbers.format_compact_decimal(
            value, locale=reader().locale, fraction_digits=1, numbering_system="latn"
        )
    )


def percent(ratio: float, digits: int = 1, *, signed: bool = False) -> str:
    """A ratio as per cent: 0.218 → ``21.8%``; ``signed`` writes + before a gain."""
    pattern = ("+" if signed and ratio > 0 else "") + "#,##0." + "0" * digits + "%"
    if not digits:
        pattern = pattern.replace(".%", "%")
    return _minus(
        numbers.format_percent(
            ratio, format=pattern, locale=reader().locale, numbering_system="latn"
        )
    )


def change(now: float, before: float) -> float | None:
    """Growth against the earlier figure as a ratio; nothing when there was none to grow from."""
    if before == 0:
        return None
    return now / before - 1


def day(value: date) -> str:
    """A day with its year: ``22 Oct 2026`` in the reader's order."""
    return dates.format_date(value, "medium", locale=reader().locale)


def day_short(value: date) -> str:
    """A day without its year: ``Oct 22``."""
    return dates.format_skeleton("MMMd", value, locale=reader().locale)


def period(first: date, last: date) -> str:
    """Both days included: ``Oct 22 – Nov 20, 2026``."""
    if first == last:
        return day(first)
    skeleton = "yMMMd"
    return dates.format_interval(first, last, skeleton, locale=reader().locale)


def moment(value: datetime) -> str:
    """A point in time in the reader's zone: ``Nov 20, 2026, 2:05 PM``."""
    local, locale = value.astimezone(ZoneInfo(reader().timezone)), reader().locale
    joined: str = str(dates.get_datetime_format("medium", locale))
    return joined.replace("{1}", dates.format_date(local, "medium", locale)).replace(
        "{0}", dates.format_time(local.timetz(), "short", local.tzinfo, locale)
    )


def relative(value: datetime, now: datetime) -> str:
    """How long ago, or how soon: ``3 minutes ago``, ``in 2 days``."""
    delta: timedelta = value - now
    if abs(delta) < timedelta(seconds=1):
        delta = timedelta(seconds=-1)
    return dates.format_timedelta(delta, add_direction=True, locale=reader().locale)


def duration(seconds: float) -> str:
    """A length of time in one unit: ``12 seconds``, ``3 minutes``."""
    return dates.format_timedelta(timedelta(seconds=seconds), threshold=1.2, locale=reader().locale)


def initials(name: str) -> str:
    """Up to two letters that stand for a name or an address."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word]
    if not words:
        return "?"
    letters = words[0][0] + (words[1][0] if len(words) > 1 else "")
    return letters.upper()


def _minus(text: str) -> str:
    return text.replace("-", MINUS)


def _whole_pattern() -> str:
    pattern: str = reader().locale.currency_formats["standard"].pattern
    return pattern.replace("0.00", "0")
