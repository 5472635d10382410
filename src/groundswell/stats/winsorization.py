"""Caps on extreme values: they trade a little bias for much variance.

Both arms get the SAME caps, taken from the values of all arms together; caps per arm would
move with the treatment and hide or invent effects. For ratios cap numerator and denominator
each with their own caps, per unit, before summing.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caps:
    """Values are moved into [lower, upper]; infinite ends leave that side alone."""

    lower: float = -math.inf
    upper: float = math.inf

    def __call__(self, value: float) -> float:
        return min(max(value, self.lower), self.upper)


def caps_from_quantiles(
    counts: Iterable[tuple[float, int]],
    *,
    lower_level: float | None = None,
    upper_level: float | None = None,
    ignore_zeros: bool = False,
) -> Caps:
    """Caps at quantiles of (value, units) pairs of all arms together.

    The quantile at level q is the least value with at least a share q of units at or below it
    (inverse of the empirical distribution: an observed value, the same in every engine). With
    ``ignore_zeros`` quantiles are those of the non-zero values, which keeps the caps useful
    when most people buy nothing.
    """
    rows = sorted((v, n) for v, n in counts if n > 0 and not (ignore_zeros and v == 0))
    lower = -math.inf if lower_level is None else _quantile(rows, lower_level, -math.inf)
    upper = math.inf if upper_level is None else _quantile(rows, upper_level, math.inf)
    return Caps(lower, upper)


def _quantile(rows: list[tuple[float, int]], level: float, without: float) -> float:
    wanted = math.ceil(level * sum(units for _, units in rows))
    seen = 0
    for value, units in rows:
        seen += units
        if seen >= wanted:
            return value
    return without
