"""What every method may answer: a result, or the reason there is none."""

from dataclasses import dataclass
from enum import StrEnum


class FailureCode(StrEnum):
    """Why a number could not be computed; shown to people through their own words."""

    EMPTY_ARM = "empty_arm"
    """An arm has fewer than two units."""
    ZERO_VARIANCE = "zero_variance"
    """An arm's values do not vary (or rounding left nothing of the variance)."""
    ZERO_CONTROL_MEAN = "zero_control_mean"
    """A relative effect divides by the control's mean, which is zero."""
    ZERO_DENOMINATOR = "zero_denominator"
    """A ratio's denominator sums to zero."""
    MISMATCHED_STATISTICS = "mismatched_statistics"
    """The arms carry different kinds of statistic, or no common stratum."""
    TOO_FEW_VALUES = "too_few_values"
    """Too few values to bracket a quantile between two of them."""
    NOT_FINITE = "not_finite"
    """The sums hold an infinity or are no numbers."""
    ZERO_EFFECT = "zero_effect"
    """No sample detects an effect of zero."""
    UNREACHABLE = "unreachable"
    """No sample up to the limit reaches the asked power."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No result, and why."""

    code: FailureCode


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of effects; one-sided ranges have an infinite end."""

    lower: float
    upper: float

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


def probability_setting(name: str, value: float) -> None:
    """Refuse a setting that is no probability strictly inside (0, 1).

    Raises:
        ValueError: a caller's mistake, unlike data that allow no result.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, not {value}")
