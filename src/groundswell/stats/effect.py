"""The difference between two arms: absolute, or relative to the control.

Relative effects are (m_T - m_C)/|m_C| with the delta-method variance. Writing Δ for the
absolute difference and C for the reference mean of the control:

    var(Δ/|C|) = var(Δ)/C² + Δ²·var(C)/C⁴ - 2Δ·cov(Δ, C)/C³,   cov(Δ, C) = -cov(m_C, C)

Without adjustment this is var(m_T)/m_C² + var(m_C)·m_T²/m_C⁴, gbstats' formula. Degrees of
freedom are Welch-Satterthwaite's of the unscaled variances, for relative effects too.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from groundswell.stats.cuped import RegressionAdjustedStatistic, adjust
from groundswell.stats.cuped_ratio import RegressionAdjustedRatioStatistic
from groundswell.stats.moments import Moments
from groundswell.stats.quantile import QuantileStatistic
from groundswell.stats.result import FailureCode, Unavailable
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic, RatioStatistic

Statistic = (
    MeanStatistic
    | ProportionStatistic
    | RatioStatistic
    | QuantileStatistic
    | RegressionAdjustedStatistic
    | RegressionAdjustedRatioStatistic
)


class EffectKind(StrEnum):
    """The scale of an effect."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment against control: estimate, standard error and what inference needs of them."""

    kind: EffectKind
    estimate: float
    standard_error: float
    degrees_of_freedom: float
    control_n: int
    treatment_n: int
    control_mean: float
    """The reference mean: unadjusted, per unit."""


def arm_moments(control: Statistic, treatment: Statistic) -> tuple[Moments, Moments] | Unavailable:
    """Moments of a pair of arms; regression adjustment needs both at once for its slope."""
    if isinstance(control, RegressionAdjustedStatistic):
        if not isinstance(treatment, RegressionAdjustedStatistic):
            return Unavailable(FailureCode.MISMATCHED_STATISTICS)
        return _adjusted(control, treatment, control + treatment)
    if isinstance(control, RegressionAdjustedRatioStatistic):
        if not isinstance(treatment, RegressionAdjustedRatioStatistic):
            return Unavailable(FailureCode.MISMATCHED_STATISTICS)
        return _adjusted(control, treatment, control + treatment)
    if isinstance(treatment, RegressionAdjustedStatistic | RegressionAdjustedRatioStatistic):
        return Unavailable(FailureCode.MISMATCHED_STATISTICS)
    if type(control) is not type(treatment):
        return Unavailable(FailureCode.MISMATCHED_STATISTICS)
    first, second = control.moments(), treatment.moments()
    if isinstance(first, Unavailable):
        return first
    if isinstance(second, Unavailable):
        return second
    return first, second


def _adjusted(
    *statistics: RegressionAdjustedStatistic | RegressionAdjustedRatioStatistic,
) -> tuple[Moments, Moments] | Unavailable:
    regressions = []
    for statistic in statistics:
        regression = statistic.regression()
        if isinstance(regression, Unavailable):
            return regression
        regressions.append(regression)
    control, treatment, pooled = regressions
    return adjust(control, treatment, pooled)


def compare(
    control: Statistic, treatment: Statistic, kind: EffectKind = EffectKind.RELATIVE
) -> Difference | Unavailable:
    """The effect of the treatment over the control, for any kind of statistic."""
    arms = arm_moments(control, treatment)
    return arms if isinstance(arms, Unavailable) else difference(*arms, kind=kind)


def difference(
    control: Moments, treatment: Moments, kind: EffectKind = EffectKind.RELATIVE
) -> Difference | Unavailable:
    """The effect between two arms given by their moments (adjusted, stratified or plain)."""
    absolute = treatment.mean - control.mean
    variance = treatment.variance + control.variance
    if variance <= 0:
        return Unavailable(FailureCode.ZERO_VARIANCE)
    degrees = 1 / (
        (treatment.variance / variance) ** 2 / treatment.degrees_of_freedom
        + (control.variance / variance) ** 2 / control.degrees_of_freedom
    )
    estimate, standard_error = absolute, math.sqrt(variance)
    if kind is EffectKind.RELATIVE:
        reference = control.reference_mean
        if reference == 0:
            return Unavailable(FailureCode.ZERO_CONTROL_MEAN)
        lift = absolute / reference
        variance += lift * (lift * control.reference_variance + 2 * control.reference_covariance)
        if variance <= 0:
            return Unavailable(FailureCode.ZERO_VARIANCE)
        estimate, standard_error = absolute / abs(reference), math.sqrt(variance) / abs(reference)
    if not (math.isfinite(estimate) and 0 < standard_error < math.inf):
        return Unavailable(FailureCode.NOT_FINITE)
    return Difference(
        kind=kind,
        estimate=estimate,
        standard_error=standard_error,
        degrees_of_freedom=degrees,
        control_n=control.n,
        treatment_n=treatment.n,
        control_mean=control.reference_mean,
    )
