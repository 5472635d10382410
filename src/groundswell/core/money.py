"""Money: integer minor units with an ISO 4217 code. No float touches an amount."""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import msgspec
from babel.core import get_global

MAX_MINOR = 10**15
"""Largest amount of one order in minor units; well inside a 64-bit sum of many."""


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount in minor units of a currency (cents of USD, yen of JPY)."""

    amount: int
    currency: str


def is_currency(code: str) -> bool:
    """Whether ``code`` is a known ISO 4217 code."""
    return code in get_global("all_currencies")


def exponent(currency: str) -> int:
    """Decimal places of a currency: 2 for USD, 0 for JPY, 3 for KWD."""
    fractions = get_global("currency_fractions")
    found = fractions.get(currency) or fractions["DEFAULT"]
    return int(found[0])


def parse_minor(text: str, currency: str) -> int:
    """Minor units of a decimal text such as ``29.33``.

    Raises:
        ValueError: not a number, or finer than the currency's minor unit, or beyond the limit.
    """
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    if abs(value) > MAX_MINOR:
        raise ValueError("amount is beyond the limit")
    scaled = value.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{text!r} is finer than the minor unit of {currency}")
    if abs(scaled) > MAX_MINOR:
        raise ValueError("amount is beyond the limit")
    return int(scaled)


def convert(amount: int, source: str, target: str, rate: Decimal) -> int:
    """Minor units of ``target`` for minor units of ``source`` at units of target per source."""
    scale = Decimal(10) ** (exponent(target) - exponent(source))
    return int((Decimal(amount) * rate * scale).quantize(Decimal(1), ROUND_HALF_EVEN))


def decimal_text(amount: int, currency: str) -> str:
    """``2933`` USD as ``29.33``, for files and tables."""
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):.{places}f}"
