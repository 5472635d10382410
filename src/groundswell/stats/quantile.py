"""Quantiles with the variance of clustered values.

Source: Deng, Knoblich, Lu (2018), section 5. The standard error comes from two order
statistics around the quantile, without a density estimate: of n independent values, the ones
at levels ν ± z·sqrt(ν(1 - ν)/n) bracket it. Values of one unit resemble each other, so the
variance is multiplied by the ratio of the clustered to the independent variance of the share
of values at or below the quantile, itself a ratio metric with a delta-method variance.

Quantiles of parts do not add to the quantile of the whole, so this statistic has no ``+``:
the event store computes it over the days and strata wanted.
"""

import math
from dataclasses import dataclass

from groundswell.stats.distributions import normal_quantile
from groundswell.stats.moments import Moments, plain_moments
from groundswell.stats.result import FailureCode, Unavailable, probability_setting
from groundswell.stats.statistic import RatioStatistic

BRACKET_Z = normal_quantile(0.975)
"""How far, in standard errors, the two order statistics stand from the quantile."""


@dataclass(frozen=True, slots=True)
class RankBounds:
    """Levels (0 to 1) of the order statistics to ask the event store for."""

    lower: float
    upper: float


def rank_bounds(values: int, level: float) -> RankBounds | Unavailable:
    """Levels bracketing the quantile ``level`` of ``values`` values.

    Too few values would ask for a level outside [0, 1]: no standard error then.

    Raises:
        ValueError: ``level`` outside (0, 1).
    """
    probability_setting("level", level)
    if values < 2:
        return Unavailable(FailureCode.TOO_FEW_VALUES)
    half_width = BRACKET_Z * math.sqrt(level * (1 - level) / values)
    if level - half_width <= 0 or level + half_width >= 1:
        return Unavailable(FailureCode.TOO_FEW_VALUES)
    return RankBounds(level - half_width, level + half_width)


@dataclass(frozen=True, slots=True)
class QuantileStatistic:
    """One arm's quantile: of values one per unit, or of many values per unit (clusters).

    ``value`` is the sample quantile at ``level``; ``lower`` and ``upper`` the values at
    ``rank_bounds(bracket_n or n, level)``. ``clusters`` sums, over units, the values at or
    below ``value`` (numerator) and all values (denominator); ``None`` when each unit has one.
    ``bracket_n`` says with which n the bounds were asked for, when not with ``n``.
    """

    n: int
    level: float
    value: float
    lower: float
    upper: float
    clusters: RatioStatistic | None = None
    bracket_n: int | None = None

    @property
    def mean(self) -> float:
        """The quantile itself: what effects compare."""
        return self.value

    @property
    def independent_variance(self) -> float:
        """Variance of one value as if values were independent (gbstats' n - 1 convention)."""
        bracket = self.bracket_n or self.n
        standard_deviation = (self.upper - self.lower) / (2 * BRACKET_Z)
        return bracket / self.n * (self.n - 1) * standard_deviation * standard_deviation

    @property
    def design_effect(self) -> float:
        """Clustered over independent variance of the share at or below the quantile."""
        if self.clusters is None:
            return 1.0
        independent = self.level * (1 - self.level) / self.n
        return self.clusters.variance / self.clusters.n / independent

    def moments(self) -> Moments | Unavailable:
        """The quantile and its variance; degrees of freedom count units, not values."""
        bounds = rank_bounds(self.n, self.level)
        if isinstance(bounds, Unavailable):
            return bounds
        if self.clusters is None:
            return plain_moments(self.n, self.value, self.independent_variance)
        if self.clusters.n < 2 or not self.clusters.denominator_sum:
            return Unavailable(FailureCode.EMPTY_ARM)
        units = self.clusters.n
        variance = self.independent_variance * self.design_effect / self.n
        return plain_moments(units, self.value, variance * units)
