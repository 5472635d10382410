"""CUPED for ratio metrics: both ratios linearised by the delta method, then adjusted.

Source: Deng, Knoblich, Lu (2018), section 4; the same convention as tea-tasting: the
covariate is a ratio (or a mean: pass a denominator of 1 per unit), and
θ = cov(R_post, R_pre)/var(R_pre) with delta-method moments over both arms pooled.
"""

from dataclasses import dataclass
from typing import Self

from groundswell.stats.cuped import Regression
from groundswell.stats.moments import covariance
from groundswell.stats.result import FailureCode, Unavailable


@dataclass(frozen=True, slots=True)
class RegressionAdjustedRatioStatistic:
    """Sums and sums of products of four values per unit.

    The values are, in this order: post numerator, post denominator, pre numerator, pre
    denominator. ``products`` holds the upper triangle of Σ value_i·value_j row by row:
    (00, 01, 02, 03, 11, 12, 13, 22, 23, 33).
    """

    n: int
    sums: tuple[float, float, float, float]
    products: tuple[float, float, float, float, float, float, float, float, float, float]

    def __add__(self, other: Self) -> Self:
        a, b = self.sums, other.sums
        p, q = self.products, other.products
        return type(self)(
            self.n + other.n,
            (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]),
            (
                *(p[0] + q[0], p[1] + q[1], p[2] + q[2], p[3] + q[3], p[4] + q[4]),
                *(p[5] + q[5], p[6] + q[6], p[7] + q[7], p[8] + q[8], p[9] + q[9]),
            ),
        )

    def _covariance(self, i: int, j: int) -> float:
        low, high = min(i, j), max(i, j)
        product = self.products[low * 4 - low * (low - 1) // 2 + high - low]
        return covariance(self.n, self.sums[i], self.sums[j], product)

    def _ratio_covariance(self, left: int, right: int) -> float:
        """Delta-method covariance of two ratios, each given by the place of its numerator."""
        first = self.sums[left] / self.sums[left + 1]
        second = self.sums[right] / self.sums[right + 1]
        linearised = (
            self._covariance(left, right)
            - second * self._covariance(left, right + 1)
            - first * self._covariance(left + 1, right)
            + first * second * self._covariance(left + 1, right + 1)
        )
        return linearised * (self.n / self.sums[left + 1]) * (self.n / self.sums[right + 1])

    def regression(self) -> Regression | Unavailable:
        """Ratios with their delta-method variances and covariance, per unit."""
        if self.n < 2:
            return Unavailable(FailureCode.EMPTY_ARM)
        if not (self.sums[1] and self.sums[3]):
            return Unavailable(FailureCode.ZERO_DENOMINATOR)
        return Regression(
            n=self.n,
            post_mean=self.sums[0] / self.sums[1],
            pre_mean=self.sums[2] / self.sums[3],
            post_variance=self._ratio_covariance(0, 0),
            pre_variance=self._ratio_covariance(2, 2),
            covariance=self._ratio_covariance(0, 2),
        )
