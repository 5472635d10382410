"""CUPED: regression adjustment with what was known before the exposure.

Source: Deng, Xu, Kohavi, Walker (2013), "Improving the Sensitivity of Online Controlled
Experiments by Utilizing Pre-Experiment Data". Adjusted value Y - θ(X - mean of X over both
arms), with θ = cov(Y, X)/var(X) over both arms pooled, so that one θ serves both and the
adjustment cannot favour one.

Denominator of relative effects: the control's **unadjusted** mean of Y (as gbstats). The
adjusted difference is divided by what the control really did; it is never divided by
mean(Y) - θ·mean(X), whose level depends on θ and means nothing.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Self

from groundswell.stats.moments import ROUNDING, Moments, covariance
from groundswell.stats.result import FailureCode, Unavailable


@dataclass(frozen=True, slots=True)
class RegressionAdjustedStatistic:
    """A value per unit after the exposure (post) and a covariate from before it (pre)."""

    n: int
    post_sum: float
    post_sum_squares: float
    pre_sum: float
    pre_sum_squares: float
    cross_sum: float

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.n + other.n,
            self.post_sum + other.post_sum,
            self.post_sum_squares + other.post_sum_squares,
            self.pre_sum + other.pre_sum,
            self.pre_sum_squares + other.pre_sum_squares,
            self.cross_sum + other.cross_sum,
        )

    def regression(self) -> "Regression | Unavailable":
        """Means, variances and covariance of post and pre."""
        if self.n < 2:
            return Unavailable(FailureCode.EMPTY_ARM)
        n, y, x = self.n, self.post_sum, self.pre_sum
        return Regression(
            n=n,
            post_mean=y / n,
            pre_mean=x / n,
            post_variance=covariance(n, y, y, self.post_sum_squares),
            pre_variance=covariance(n, x, x, self.pre_sum_squares),
            covariance=covariance(n, y, x, self.cross_sum),
        )


@dataclass(frozen=True, slots=True)
class Regression:
    """Per-unit moments of an outcome and its covariate, whatever kind of metric they are."""

    n: int
    post_mean: float
    pre_mean: float
    post_variance: float
    pre_variance: float
    covariance: float

    @property
    def slope(self) -> float:
        """θ = cov(Y, X)/var(X); 0 when the covariate does not vary: no adjustment."""
        varies = self.pre_variance > ROUNDING * self.pre_mean * self.pre_mean
        return self.covariance / self.pre_variance if varies else 0.0

    def adjusted(self, theta: float, pre_centre: float) -> Moments | Unavailable:
        """Moments of post - θ(pre - centre); the reference is the unadjusted post mean."""
        unit_variance = (
            self.post_variance + theta * theta * self.pre_variance - 2 * theta * self.covariance
        )
        if not (isfinite(unit_variance) and isfinite(self.post_mean)):
            return Unavailable(FailureCode.NOT_FINITE)
        if unit_variance <= ROUNDING * max(self.post_variance, self.post_mean * self.post_mean):
            return Unavailable(FailureCode.ZERO_VARIANCE)
        return Moments(
            n=self.n,
            mean=self.post_mean - theta * (self.pre_mean - pre_centre),
            variance=unit_variance / self.n,
            degrees_of_freedom=self.n - 1,
            reference_mean=self.post_mean,
            reference_variance=self.post_variance / self.n,
            reference_covariance=(self.post_variance - theta * self.covariance) / self.n,
        )


def variance_reduction(regression: Regression) -> float:
    """Share of the variance that the covariate explains: the squared correlation, 0 to 1."""
    if regression.post_variance <= 0:
        return 0.0
    return regression.slope * regression.covariance / regression.post_variance


def adjust(
    control: Regression, treatment: Regression, pooled: Regression
) -> tuple[Moments, Moments] | Unavailable:
    """Both arms' moments, adjusted with the pooled slope and centred on the pooled covariate."""
    arms = tuple(arm.adjusted(pooled.slope, pooled.pre_mean) for arm in (control, treatment))
    first, second = arms
    if isinstance(first, Unavailable):
        return first
    if isinstance(second, Unavailable):
        return second
    return first, second
