"""Caps, funnels, retention, days, and the edges of planning."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.stats.effect import Difference, compare
from groundswell.stats.frequentist import Alternative, Method, welch
from groundswell.stats.power import (
    Baseline,
    Design,
    days_needed,
    minimum_detectable_effect,
    proportion_baseline,
    sample_size,
)
from groundswell.stats.proportions import funnel, retention, wilson_interval
from groundswell.stats.quantile import QuantileStatistic, rank_bounds
from groundswell.stats.result import FailureCode, Unavailable
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic
from groundswell.stats.strata import post_stratify
from groundswell.stats.winsorization import Caps, caps_from_quantiles


def test_caps_are_observed_values_of_all_arms() -> None:
    """Inverse of the empirical distribution; zeros may be ignored."""
    spend = [(0.0, 90), (10.0, 5), (20.0, 4), (5000.0, 1)]
    assert caps_from_quantiles(spend, upper_level=0.99) == Caps(upper=20.0)
    assert caps_from_quantiles(spend, upper_level=0.9).upper == 0
    assert caps_from_quantiles(spend, upper_level=0.9, ignore_zeros=True).upper == 20
    assert caps_from_quantiles(spend, lower_level=0.95, upper_level=1) == Caps(10.0, 5000.0)
    assert caps_from_quantiles([], upper_level=0.9) == Caps(-math.inf, math.inf)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 0.5), st.floats(0.5, 1))
def test_capped_values_stay_in_order_and_inside(
    sample: list[float], lower: float, upper: float
) -> None:
    """Winsorising moves only the extremes."""
    caps = caps_from_quantiles([(x, 1) for x in sample], lower_level=lower, upper_level=upper)
    capped = [caps(x) for x in sorted(sample)]
    assert capped == sorted(capped)
    assert all(caps.lower <= x <= caps.upper for x in capped)


def test_funnel_steps_are_shares_of_everyone_exposed() -> None:
    """Not of the step before, which the treatment already chose."""
    steps = funnel([1000, 400, 100])
    assert steps == [ProportionStatistic(1000, 400), ProportionStatistic(1000, 100)]
    with pytest.raises(ValueError, match="grow"):
        funnel([10, 11])


def test_retention_counts_only_whom_time_allowed_to_return() -> None:
    """Each period has its own mature units."""
    assert retention([500, 300], [200, 60]) == [
        ProportionStatistic(500, 200),
        ProportionStatistic(300, 60),
    ]


def test_wilson_interval_of_nobody_is_everything() -> None:
    """And it never leaves 0 to 1."""
    empty = wilson_interval(ProportionStatistic(0, 0))
    assert (empty.lower, empty.upper) == (0, 1)
    none = wilson_interval(ProportionStatistic(10, 0))
    assert none.lower == 0
    assert 0.2 < none.upper < 0.31


def test_days_are_whole_weeks_of_new_units() -> None:
    """7,676 units at 900 a day take nine days, hence two weeks."""
    assert days_needed(7676, 900) == 14
    assert days_needed(7676, 900, whole_weeks=False) == 9
    assert days_needed(10, 0) == Unavailable(FailureCode.UNREACHABLE)


def test_planning_says_what_it_cannot_do() -> None:
    """No effect, the wrong direction, no variance, more than everyone converting."""
    baseline = proportion_baseline(0.1)
    zero = Unavailable(FailureCode.ZERO_EFFECT)
    assert sample_size(baseline, 0) == zero
    assert sample_size(baseline, -0.01, Design(alternative=Alternative.GREATER)) == zero
    assert sample_size(Baseline(5, 0), 1) == Unavailable(FailureCode.ZERO_VARIANCE)
    assert sample_size(baseline, 1e-9) == Unavailable(FailureCode.UNREACHABLE)
    high = proportion_baseline(0.999)
    assert minimum_detectable_effect(high, 50) == Unavailable(FailureCode.UNREACHABLE)
    with pytest.raises(ValueError, match="alpha"):
        Design(alpha=0)


def test_more_comparisons_a_sequence_and_uneven_arms_cost_units() -> None:
    """Each costs; looking for an increase only saves."""
    baseline = proportion_baseline(0.1)
    plain = sample_size(baseline, 0.02)
    assert not isinstance(plain, Unavailable)
    dearer = [
        Design(comparisons=3),
        Design(method=Method.SEQUENTIAL),
        Design(treatment_share=0.1),
        Design(power=0.9),
    ]
    for design in dearer:
        other = sample_size(baseline, 0.02, design)
        assert not isinstance(other, Unavailable)
        assert other.total > plain.total
    one_sided = sample_size(baseline, 0.02, Design(alternative=Alternative.GREATER))
    assert not isinstance(one_sided, Unavailable)
    assert one_sided.total < plain.total
    down = minimum_detectable_effect(baseline, 8000, Design(alternative=Alternative.LESS))
    assert not isinstance(down, Unavailable)
    assert down < 0


def test_quantiles_need_values_on_both_sides() -> None:
    """The 99th percentile of fifty values has no upper bracket."""
    assert rank_bounds(50, 0.99) == Unavailable(FailureCode.TOO_FEW_VALUES)
    few = QuantileStatistic(50, 0.99, 9, 8, 10)
    assert compare(few, few) == Unavailable(FailureCode.TOO_FEW_VALUES)
    flat = QuantileStatistic(5000, 0.5, 9, 9, 9)
    assert compare(flat, flat) == Unavailable(FailureCode.ZERO_VARIANCE)


def test_strata_need_both_arms() -> None:
    """A stratum with one arm is the caller's to join with another."""
    arm = MeanStatistic(10, 20, 60)
    assert post_stratify({"at": arm}, {"de": arm}) == Unavailable(FailureCode.MISMATCHED_STATISTICS)


def test_settings_outside_their_range_are_refused() -> None:
    """A caller's mistake is an error, unlike data without a result."""
    effect = compare(MeanStatistic(10, 20, 60), MeanStatistic(10, 25, 80))
    with pytest.raises(ValueError, match="alpha"):
        welch(effect, alpha=1.5)


def test_a_lift_over_a_negative_control_points_up() -> None:
    """From a loss of 2 to a loss of 1 is +50 %, not -50 %."""
    loss, less = MeanStatistic(10, -20, 60), MeanStatistic(10, -10, 30)
    effect = compare(loss, less)
    assert isinstance(effect, Difference)
    assert effect.estimate == 0.5
