"""Sufficient statistics of one arm: frozen sums that add.

``a + b`` is the statistic of both samples joined, so days, strata and shards combine without
the raw rows. A unit is what was randomised (a person, a device, a group), and every unit
exposed counts, also those with no event (value 0). Values may be in any unit; effects are in
the same unit, or relative. Pass sums of integers as ``int``: they stay exact.
"""

from dataclasses import dataclass
from typing import Self

from groundswell.stats.moments import Moments, covariance, plain_moments
from groundswell.stats.result import FailureCode, Unavailable


@dataclass(frozen=True, slots=True)
class MeanStatistic:
    """A value per unit: its sum and its sum of squares over n units."""

    n: int
    sum: float
    sum_squares: float

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.n + other.n, self.sum + other.sum, self.sum_squares + other.sum_squares
        )

    @property
    def mean(self) -> float:
        """Mean per unit; 0 without units."""
        return self.sum / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Unbiased variance of one unit; 0 with fewer than two."""
        return covariance(self.n, self.sum, self.sum, self.sum_squares) if self.n > 1 else 0.0

    def moments(self) -> Moments | Unavailable:
        """Mean and its variance s²/n."""
        if self.n < 2:
            return Unavailable(FailureCode.EMPTY_ARM)
        return plain_moments(self.n, self.mean, self.variance)


@dataclass(frozen=True, slots=True)
class ProportionStatistic:
    """Of n units, how many did it: conversion, retention, a step of a funnel."""

    n: int
    successes: int

    def __add__(self, other: Self) -> Self:
        return type(self)(self.n + other.n, self.successes + other.successes)

    @property
    def mean(self) -> float:
        """Share of successes; 0 without units."""
        return self.successes / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Variance p(1 - p) of one unit (maximum likelihood, as gbstats has it)."""
        return self.successes * (self.n - self.successes) / self.n**2 if self.n else 0.0

    def moments(self) -> Moments | Unavailable:
        """Share and its variance p(1 - p)/n."""
        if self.n < 2:
            return Unavailable(FailureCode.EMPTY_ARM)
        return plain_moments(self.n, self.mean, self.variance)


@dataclass(frozen=True, slots=True)
class RatioStatistic:
    """A ratio of two totals over the same units, such as orders per session of people.

    The unit of randomisation is the unit of the sums: rows of sessions would understate the
    variance, since a person's sessions resemble each other.
    """

    n: int
    numerator_sum: float
    numerator_sum_squares: float
    denominator_sum: float
    denominator_sum_squares: float
    cross_sum: float

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.n + other.n,
            self.numerator_sum + other.numerator_sum,
            self.numerator_sum_squares + other.numerator_sum_squares,
            self.denominator_sum + other.denominator_sum,
            self.denominator_sum_squares + other.denominator_sum_squares,
            self.cross_sum + other.cross_sum,
        )

    @property
    def mean(self) -> float:
        """Σ numerator / Σ denominator; 0 when the denominator sums to 0."""
        return self.numerator_sum / self.denominator_sum if self.denominator_sum else 0.0

    @property
    def variance(self) -> float:
        """Delta method: (var M - 2R·cov(M, D) + R²·var D) / mean(D)², R = ΣM/ΣD, per unit.

        Source: Deng, Knoblich, Lu (2018), "Applying the Delta Method in Metric Analytics".
        """
        if self.n < 2 or not self.denominator_sum:
            return 0.0
        n, m, d, ratio = self.n, self.numerator_sum, self.denominator_sum, self.mean
        linearised = (
            covariance(n, m, m, self.numerator_sum_squares)
            - 2 * ratio * covariance(n, m, d, self.cross_sum)
            + ratio * ratio * covariance(n, d, d, self.denominator_sum_squares)
        )
        return linearised * (n / d) * (n / d)

    def moments(self) -> Moments | Unavailable:
        """Ratio and its delta-method variance."""
        if self.n < 2:
            return Unavailable(FailureCode.EMPTY_ARM)
        if not self.denominator_sum:
            return Unavailable(FailureCode.ZERO_DENOMINATOR)
        return plain_moments(self.n, self.mean, self.variance)
