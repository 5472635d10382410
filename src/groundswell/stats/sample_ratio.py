"""Sample ratio mismatch: were people split as asked?

Source: Fabijan et al. (2019), "Diagnosing Sample Ratio Mismatch in Online Controlled
Experiments". Pearson's chi-square of the exposed counts against the allocation, flagged at
p < 0.001: read daily for weeks, a stricter level keeps false alarms rare. A mismatch means
that the arms differ in more than the treatment, so no effect of this experiment is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from groundswell.stats.distributions import chi_square_sf

MISMATCH_LEVEL = 0.001
MINIMUM_UNITS = 100
MINIMUM_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """The balance of an experiment; ``sufficient`` is False while counts are too small."""

    chi_square: float
    degrees_of_freedom: int
    p_value: float
    sufficient: bool
    mismatch: bool


def sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Test exposed units per arm against the allocation (any scale).

    Arms of weight zero are left out. Under 100 units in all, or under 5 expected in an arm,
    the p-value is given but nothing is flagged.

    Raises:
        ValueError: different lengths.
    """
    arms = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight > 0]
    units = sum(count for count, _ in arms)
    if units == 0 or len(arms) < 2:
        return SampleRatio(0.0, max(0, len(arms) - 1), 1.0, sufficient=False, mismatch=False)
    whole = sum(weight for _, weight in arms)
    expected = [weight / whole * units for _, weight in arms]
    chi_square = sum((arm[0] - e) ** 2 / e for arm, e in zip(arms, expected, strict=True))
    p_value = chi_square_sf(chi_square, len(arms) - 1)
    sufficient = units >= MINIMUM_UNITS and min(expected) >= MINIMUM_EXPECTED
    return SampleRatio(
        chi_square=chi_square,
        degrees_of_freedom=len(arms) - 1,
        p_value=p_value,
        sufficient=sufficient,
        mismatch=sufficient and p_value < MISMATCH_LEVEL,
    )
