"""Sums turned into means and variances, and the moments of one arm that effects need."""

import math
from dataclasses import dataclass

from groundswell.stats.result import FailureCode, Unavailable

ROUNDING = 1e-13
"""A variance below this share of the squared mean is what rounding left of none."""


def covariance(n: int, sum_x: float, sum_y: float, sum_xy: float) -> float:
    """Sample covariance from sums: (n·Σxy - Σx·Σy) / (n·(n - 1)).

    One division at the end: with integer sums (money in minor units, counts) the numerator is
    exact, where Σxy - Σx·Σy/n would lose digits on large values with a small spread.
    """
    return (n * sum_xy - sum_x * sum_y) / (n * (n - 1))


@dataclass(frozen=True, slots=True)
class Moments:
    """One arm's estimate and the reference that a relative effect divides by.

    Variances and the covariance are those of the *estimates* (squared standard errors), not of
    single units. The reference equals the estimate except under regression adjustment, where
    it is the unadjusted mean.
    """

    n: int
    mean: float
    variance: float
    degrees_of_freedom: float
    reference_mean: float
    reference_variance: float
    reference_covariance: float


def plain_moments(n: int, mean: float, unit_variance: float) -> Moments | Unavailable:
    """Moments of an unadjusted mean with the given variance of one unit."""
    if not (math.isfinite(mean) and math.isfinite(unit_variance)):
        return Unavailable(FailureCode.NOT_FINITE)
    if unit_variance <= ROUNDING * mean * mean:
        return Unavailable(FailureCode.ZERO_VARIANCE)
    variance = unit_variance / n
    return Moments(
        n=n,
        mean=mean,
        variance=variance,
        degrees_of_freedom=n - 1,
        reference_mean=mean,
        reference_variance=variance,
        reference_covariance=variance,
    )
