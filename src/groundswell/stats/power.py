"""Before the start: power, sample size, smallest detectable effect, days.

Normal approximation on the absolute scale: the estimate is N(effect, se²) with
se² = var_C/n_C + var_T/n_T, and the test rejects beyond its critical value, fixed (Welch at a
large sample) or of the confidence sequence at that sample. Source: Chow, Shao, Wang, Lokhnygina,
"Sample Size Calculations in Clinical Research", chapters 3 and 4. The power of a sequential
test counts only its reading at the end; rejecting earlier can only add to it.
"""

from dataclasses import dataclass
from math import ceil, inf, sqrt

from groundswell.stats.distributions import normal_cdf, normal_quantile
from groundswell.stats.frequentist import Alternative, Method
from groundswell.stats.result import FailureCode, Unavailable, probability_setting
from groundswell.stats.sequential import (
    DEFAULT_TUNING,
    critical_value,
    one_sided_critical_value,
)

MAXIMUM_UNITS = 10**12
"""Beyond this many units an answer helps nobody."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the control is expected to do: mean per unit, variance of one unit, kind.

    For a proportion the treatment's variance follows from its own share.
    """

    mean: float
    variance: float
    proportion: bool = False

    def treatment_variance(self, effect: float) -> float:
        """Variance of one treated unit under an absolute effect."""
        share = self.mean + effect
        return max(0.0, share * (1 - share)) if self.proportion else self.variance


def proportion_baseline(share: float) -> Baseline:
    """A conversion rate, strictly between 0 and 1."""
    probability_setting("share", share)
    return Baseline(share, share * (1 - share), proportion=True)


@dataclass(frozen=True, slots=True)
class Design:
    """How the experiment will be read.

    ``treatment_share`` is the treatment's part of the units of its pair with the control.
    ``comparisons`` counts primary metrics times treatments: alpha is divided by it, as
    Bonferroni, which bounds Holm from below.
    """

    alpha: float = 0.05
    power: float = 0.8
    alternative: Alternative = Alternative.TWO_SIDED
    method: Method = Method.FIXED_HORIZON
    treatment_share: float = 0.5
    comparisons: int = 1
    tuning: float = DEFAULT_TUNING

    def __post_init__(self) -> None:
        for name in ("alpha", "power", "treatment_share"):
            probability_setting(name, getattr(self, name))

    @property
    def level(self) -> float:
        """Alpha of one comparison."""
        return self.alpha / max(1, self.comparisons)

    def critical(self, units: float) -> float:
        """Critical value in standard errors at so many units of the pair."""
        two_sided = self.alternative is Alternative.TWO_SIDED
        if self.method is Method.FIXED_HORIZON:
            return normal_quantile(1 - self.level / 2 if two_sided else 1 - self.level)
        boundary = critical_value if two_sided else one_sided_critical_value
        return boundary(max(1, int(units)), self.level, self.tuning)


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Units the pair needs, each arm rounded up."""

    control: int
    treatment: int

    @property
    def total(self) -> int:
        """Both arms together."""
        return self.control + self.treatment


def achieved_power(baseline: Baseline, effect: float, units: float, design: Design) -> float:
    """Probability to reject with ``units`` in the pair, if the absolute effect is true.

    Two-sided power counts both tails.
    """
    error = sqrt(_scaled_variance(baseline, effect, design) / units)
    if error == 0:
        return 1.0
    critical, z = design.critical(units), effect / error
    if design.alternative is Alternative.TWO_SIDED:
        return normal_cdf(z - critical) + normal_cdf(-z - critical)
    return normal_cdf((z if design.alternative is Alternative.GREATER else -z) - critical)


def sample_size(
    baseline: Baseline, effect: float, design: Design | None = None
) -> SampleSize | Unavailable:
    """Units needed to detect an absolute effect (relative lift times the baseline's mean)."""
    design = design or Design()
    if effect == 0 or effect * _direction(design, effect) < 0:
        return Unavailable(FailureCode.ZERO_EFFECT)
    if _scaled_variance(baseline, effect, design) <= 0:
        return Unavailable(FailureCode.ZERO_VARIANCE)
    low, high = 1.0, 2.0
    while achieved_power(baseline, effect, high, design) < design.power:
        low, high = high, high * 2
        if high > MAXIMUM_UNITS:
            return Unavailable(FailureCode.UNREACHABLE)
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        enough = achieved_power(baseline, effect, middle, design) >= design.power
        low, high = (low, middle) if enough else (middle, high)
    share = design.treatment_share
    return SampleSize(_round_up(high * (1 - share)), _round_up(high * share))


def minimum_detectable_effect(
    baseline: Baseline, units: int, design: Design | None = None
) -> float | Unavailable:
    """Smallest absolute effect that ``units`` in the pair detect with the design's power.

    Positive, or negative when the design looks for a decrease. Divide by the baseline's mean
    for the relative one. A proportion cannot move beyond 0 or 1.
    """
    design = design or Design()
    if units < 2 or baseline.variance <= 0:
        return Unavailable(FailureCode.EMPTY_ARM if units < 2 else FailureCode.ZERO_VARIANCE)
    sign = _direction(design, 1.0)
    room = inf
    if baseline.proportion:
        room = (1 - baseline.mean if sign > 0 else baseline.mean) * (1 - 1e-12)
    high = min(room, sqrt(baseline.variance / units))
    while achieved_power(baseline, sign * high, units, design) < design.power:
        if high >= room:
            return Unavailable(FailureCode.UNREACHABLE)
        high = min(room, high * 2)
    low = 0.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        enough = achieved_power(baseline, sign * middle, units, design) >= design.power
        low, high = (low, middle) if enough else (middle, high)
    return sign * high


def days_needed(units: int, units_per_day: float, *, whole_weeks: bool = True) -> int | Unavailable:
    """Days until so many NEW units were exposed, at a steady rate of the pair.

    Rounded up to whole weeks by default: weekdays and weekends differ, and an experiment
    should see each the same number of times. Returning units do not count again, so use the
    rate of first exposures.
    """
    if units_per_day <= 0:
        return Unavailable(FailureCode.UNREACHABLE)
    days = max(1, ceil(units / units_per_day))
    return ceil(days / 7) * 7 if whole_weeks else days


def _scaled_variance(baseline: Baseline, effect: float, design: Design) -> float:
    """Variance of the estimate times the units of the pair."""
    share = design.treatment_share
    return baseline.variance / (1 - share) + baseline.treatment_variance(effect) / share


def _direction(design: Design, effect: float) -> float:
    if design.alternative is Alternative.TWO_SIDED:
        return 1.0 if effect > 0 else -1.0
    return 1.0 if design.alternative is Alternative.GREATER else -1.0


def _round_up(units: float) -> int:
    """The next whole unit, forgiving the bisection's last digits."""
    return ceil(units * (1 - 1e-8))
