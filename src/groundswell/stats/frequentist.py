"""Welch's t test: one reading, at a sample size fixed beforehand.

Source: Welch (1947), "The generalization of 'Student's' problem"; Satterthwaite (1946). The
false positive rate holds for ONE reading at the planned end. Reading daily and stopping at the
first p < 0.05 raises it to about 28 % over 30 days: use ``sequential`` for that.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from groundswell.stats.distributions import student_cdf, student_quantile
from groundswell.stats.effect import Difference, EffectKind
from groundswell.stats.result import Interval, Unavailable, probability_setting


class Alternative(StrEnum):
    """What the test looks for, of treatment minus control against the null value."""

    TWO_SIDED = "two_sided"
    GREATER = "greater"
    LESS = "less"


class Method(StrEnum):
    """How a frequentist result was computed, hence what its error rate means."""

    FIXED_HORIZON = "fixed_horizon"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True)
class FrequentistResult:
    """An effect with its interval of confidence 1 - alpha and its p-value."""

    method: Method
    kind: EffectKind
    alternative: Alternative
    estimate: float
    standard_error: float
    interval: Interval
    p_value: float
    alpha: float
    null_value: float
    control_n: int
    treatment_n: int

    @property
    def significant(self) -> bool:
        """Whether the null value is rejected at ``alpha``."""
        return self.p_value < self.alpha


def one_sided_interval(alternative: Alternative, estimate: float, width: float) -> Interval:
    """The interval open towards the alternative."""
    if alternative is Alternative.GREATER:
        return Interval(estimate - width, math.inf)
    return Interval(-math.inf, estimate + width)


def welch(
    effect: Difference | Unavailable,
    *,
    alpha: float = 0.05,
    alternative: Alternative = Alternative.TWO_SIDED,
    null_value: float = 0.0,
) -> FrequentistResult | Unavailable:
    """Welch's test of an effect; with a margin as ``null_value``, a non-inferiority test.

    Raises:
        ValueError: ``alpha`` outside (0, 1).
    """
    probability_setting("alpha", alpha)
    if isinstance(effect, Unavailable):
        return effect
    t = (effect.estimate - null_value) / effect.standard_error
    degrees = effect.degrees_of_freedom
    if alternative is Alternative.TWO_SIDED:
        p_value = 2 * student_cdf(-abs(t), degrees)
        width = student_quantile(1 - alpha / 2, degrees) * effect.standard_error
        interval = Interval(effect.estimate - width, effect.estimate + width)
    else:
        p_value = student_cdf(-t if alternative is Alternative.GREATER else t, degrees)
        width = student_quantile(1 - alpha, degrees) * effect.standard_error
        interval = one_sided_interval(alternative, effect.estimate, width)
    return FrequentistResult(
        method=Method.FIXED_HORIZON,
        kind=effect.kind,
        alternative=alternative,
        estimate=effect.estimate,
        standard_error=effect.standard_error,
        interval=interval,
        p_value=p_value,
        alpha=alpha,
        null_value=null_value,
        control_n=effect.control_n,
        treatment_n=effect.treatment_n,
    )
