"""Rules that hold for every sample: sums add, arms mirror, units of measure do not matter."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from groundswell.stats.bayesian import NormalPrior, posterior
from groundswell.stats.cuped import RegressionAdjustedStatistic
from groundswell.stats.cuped_ratio import RegressionAdjustedRatioStatistic
from groundswell.stats.distributions import normal_quantile
from groundswell.stats.effect import Difference, EffectKind, Statistic, arm_moments, compare
from groundswell.stats.frequentist import Alternative, FrequentistResult, welch
from groundswell.stats.multiplicity import benjamini_hochberg, holm
from groundswell.stats.result import FailureCode, Unavailable
from groundswell.stats.sequential import (
    confidence_sequence,
    critical_value,
    mixture_rho,
    one_sided_critical_value,
)
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic, RatioStatistic

values = st.lists(st.integers(-10_000, 10_000), min_size=2, max_size=30)
quads = st.lists(st.tuples(*[st.integers(1, 500)] * 4), min_size=2, max_size=30)
hostile = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(10**18), 10**18)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def mean_of(sample: list[int], scale: float = 1) -> MeanStatistic:
    """Statistic of raw values."""
    return MeanStatistic(
        len(sample), scale * sum(sample), scale * scale * sum(x * x for x in sample)
    )


def all_of(rows: list[tuple[int, ...]]) -> list[Any]:
    """Every kind of statistic of rows of four values."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    sums = [sum(column) for column in columns]

    def product(i: int, j: int) -> int:
        return sum(a * b for a, b in zip(columns[i], columns[j], strict=True))

    n = len(rows)
    pairs = [product(i, j) for i in range(4) for j in range(i, 4)]
    two = (sums[0], product(0, 0), sums[1], product(1, 1), product(0, 1))
    return [
        MeanStatistic(n, sums[0], product(0, 0)),
        ProportionStatistic(n, sum(x > 250 for x in columns[0])),
        RatioStatistic(n, *two),
        RegressionAdjustedStatistic(n, *two),
        RegressionAdjustedRatioStatistic(n, tuple(sums), tuple(pairs)),
    ]


@given(quads, quads)
def test_adding_statistics_is_joining_samples(first: list[Any], second: list[Any]) -> None:
    """Every kind of statistic, exactly, since sums are integers."""
    kinds = zip(all_of(first), all_of(second), all_of(first + second), strict=True)
    for left, right, joined in kinds:
        assert left + right == joined


@given(quads)
def test_variances_are_those_of_numpy(rows: list[tuple[int, ...]]) -> None:
    """Mean, ratio (linearised by hand) and regression moments."""
    mean, _, ratio, adjusted, adjusted_ratio = all_of(rows)
    a, b, c, d = np.array(rows, dtype=float).T
    assert mean.variance == pytest.approx(np.var(a, ddof=1), rel=1e-9)
    linear = (a - b * a.sum() / b.sum()) / b.mean()
    assert ratio.variance == pytest.approx(np.var(linear, ddof=1), rel=1e-7, abs=1e-9)
    expected = np.cov(a, b)
    regression = adjusted.regression()
    assert regression.covariance == pytest.approx(expected[0, 1], rel=1e-9, abs=1e-9)
    pre = (c - d * c.sum() / d.sum()) / d.mean()
    regression = adjusted_ratio.regression()
    assert regression.pre_variance == pytest.approx(np.var(pre, ddof=1), rel=1e-7, abs=1e-9)
    assert regression.covariance == pytest.approx(np.cov(linear, pre)[0, 1], rel=1e-6, abs=1e-8)


def both(effect: Difference | Unavailable) -> list[FrequentistResult]:
    """Fixed and sequential results of an effect that exists."""
    results = [welch(effect), confidence_sequence(effect)]
    return [result for result in results if not isinstance(result, Unavailable)]


@given(values, values)
def test_swapping_the_arms_turns_the_absolute_effect_around(
    first: list[int], second: list[int]
) -> None:
    """Same p-value, mirrored interval."""
    there = compare(mean_of(first), mean_of(second), EffectKind.ABSOLUTE)
    back = compare(mean_of(second), mean_of(first), EffectKind.ABSOLUTE)
    for one, other in zip(both(there), both(back), strict=True):
        assert one.estimate == -other.estimate
        assert one.p_value == other.p_value
        assert one.interval.lower == pytest.approx(-other.interval.upper)


@given(values, values, st.floats(1e-6, 1e6))
def test_relative_effects_do_not_depend_on_the_unit_of_measure(
    first: list[int], second: list[int], scale: float
) -> None:
    """Cents or dollars: same lift, same p-value."""
    plain = compare(mean_of(first), mean_of(second))
    scaled = compare(mean_of(first, scale), mean_of(second, scale))
    assume(isinstance(plain, Difference) and isinstance(scaled, Difference))
    assume(abs(sum(first)) > 10)
    for one, other in zip(both(plain), both(scaled), strict=True):
        assert one.estimate == pytest.approx(other.estimate, rel=1e-6, abs=1e-9)
        assert one.standard_error == pytest.approx(other.standard_error, rel=1e-6)
        assert one.p_value == pytest.approx(other.p_value, rel=1e-4, abs=1e-9)


@given(values, values, st.sampled_from(EffectKind), st.sampled_from(Alternative))
def test_interval_and_p_value_agree(
    first: list[int], second: list[int], kind: EffectKind, alternative: Alternative
) -> None:
    """The null value is outside the interval exactly when p < alpha."""
    effect = compare(mean_of(first), mean_of(second), kind)
    for method in (welch, confidence_sequence):
        result = method(effect, alternative=alternative)
        if isinstance(result, Unavailable) or abs(result.p_value - 0.05) < 1e-9:
            continue
        assert (0.0 not in result.interval) == result.significant


@given(st.integers(2, 10**9), st.floats(1e-6, 0.4))
def test_a_sequence_is_always_wider_than_one_reading(units: int, alpha: float) -> None:
    """Reading at any time costs width, two-sided and one-sided."""
    assert critical_value(units, alpha) > normal_quantile(1 - alpha / 2)
    assert one_sided_critical_value(units, alpha) > normal_quantile(1 - alpha)


@given(st.integers(2, 10**8), st.floats(1e-4, 0.4), st.sampled_from(Alternative))
def test_at_the_critical_value_the_p_value_is_alpha(
    units: int, alpha: float, alternative: Alternative
) -> None:
    """Interval and always-valid p-value are one statement, one-sided too."""
    two_sided = alternative is Alternative.TWO_SIDED
    z = (critical_value if two_sided else one_sided_critical_value)(units, alpha)
    estimate = -2 * z if alternative is Alternative.LESS else 2 * z
    effect = Difference(
        EffectKind.ABSOLUTE, estimate, 2.0, units, units // 2, units - units // 2, 1
    )
    result = confidence_sequence(effect, alpha=alpha, alternative=alternative)
    assert isinstance(result, FrequentistResult)
    assert result.p_value == pytest.approx(alpha, rel=1e-8)


@pytest.mark.parametrize("units", [100, 5000, 10**6])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_half_normal_mixture_is_an_integral(units: int, alpha: float) -> None:
    """The e-value of the documentation equals the mixture of likelihood ratios it stands for."""
    rho, z = mixture_rho(2 * alpha), 2.3
    tilt = np.linspace(0, 12 * rho, 200_001)
    density = 2 * np.exp(-(tilt**2) / (2 * rho**2)) / (rho * np.sqrt(2 * np.pi))
    ratio = np.exp(tilt * z * np.sqrt(units) - tilt**2 * units / 2)
    e_value = float(np.trapezoid(density * ratio, tilt))
    effect = Difference(EffectKind.ABSOLUTE, z, 1.0, units, units // 2, units - units // 2, 1)
    result = confidence_sequence(effect, alpha=alpha, alternative=Alternative.GREATER)
    assert isinstance(result, FrequentistResult)
    assert result.p_value == pytest.approx(min(1, 1 / e_value), rel=1e-5)


def test_adjusted_arms_stay_on_the_scale_of_the_metric() -> None:
    """Their average over both arms is the unadjusted one: θ shifts no level."""
    random = np.random.default_rng(1)
    rows = random.integers(1, 500, (2, 40, 4))
    first, second = (all_of([tuple(map(int, row)) for row in arm])[3] for arm in rows)
    arms = arm_moments(first, second)
    assert not isinstance(arms, Unavailable)
    plain = (first.post_sum + second.post_sum) / 80
    assert (arms[0].mean + arms[1].mean) / 2 == pytest.approx(plain)


@given(values, values, st.sampled_from(EffectKind))
def test_losses_and_chance_are_consistent(
    first: list[int], second: list[int], kind: EffectKind
) -> None:
    """E[max(δ, 0)] - E[max(-δ, 0)] = E[δ]; the other direction swaps them."""
    effect = compare(mean_of(first), mean_of(second), kind)
    for prior in (None, NormalPrior()):
        up = posterior(effect, prior=prior)
        down = posterior(effect, prior=prior, higher_is_better=False)
        if isinstance(up, Unavailable) or isinstance(down, Unavailable):
            return
        gain = up.loss_if_kept - up.loss_if_shipped
        assert gain == pytest.approx(up.estimate, rel=1e-9, abs=1e-12)
        assert up.chance_to_win + down.chance_to_win == pytest.approx(1)
        assert (up.loss_if_kept, up.loss_if_shipped) == (down.loss_if_shipped, down.loss_if_kept)


def ratios_of(sums: Any) -> RegressionAdjustedRatioStatistic:
    """The hostile sums again, spread over the many of an adjusted ratio."""
    n, *rest = sums
    return RegressionAdjustedRatioStatistic(n, tuple(rest[:4]), tuple((rest * 2)[::-1]))


HUGE = (10, 1e155, 1e308, 1e150, 1e305, 1e300)
TINY = (10, 1e-150, 1e-290, 1e-160, 1e-310, 1e-300)


@settings(max_examples=300)
@example(HUGE, TINY, EffectKind.ABSOLUTE)
@example(TINY, HUGE, EffectKind.RELATIVE)
@example(TINY, (10, 1e150, 1e300, 1e-160, 1e-310, 1e300), EffectKind.RELATIVE)
@example((2, 2e-313, 3e10, 0.0, 1.0, 1.0), (2, 0.0, 1.0, 0.0, 1.0, 1.0), EffectKind.ABSOLUTE)
@example((2, 0, 0, 5e-324, 0, 0), (2, 0, 0, 5e-324, 0, 0), EffectKind.ABSOLUTE)
@example((10, 1e-160, 1.0, 1.0, 1.0, 1.0), (10, 1e10, 1e30, 1.0, 1.0, 1.0), EffectKind.RELATIVE)
@given(
    st.tuples(st.integers(0, 10**12), hostile, hostile, hostile, hostile, hostile),
    st.tuples(st.integers(0, 10**12), hostile, hostile, hostile, hostile, hostile),
    st.sampled_from(EffectKind),
)
def test_no_sums_however_hostile_raise(first: Any, second: Any, kind: EffectKind) -> None:
    """A result or a reason, never an exception; every number of a result is a number."""
    kinds = (RatioStatistic, RegressionAdjustedStatistic)
    pairs: list[tuple[Statistic, Statistic]] = [(k(*first), k(*second)) for k in kinds]
    pairs.append((MeanStatistic(*first[:3]), MeanStatistic(*second[:3])))
    pairs.append((ratios_of(first), ratios_of(second)))
    for control, treatment in pairs:
        effect = compare(control, treatment, kind)
        for result in both(effect):
            assert result.p_value == result.p_value
        chance = posterior(effect, prior=NormalPrior())
        assert isinstance(chance, Unavailable) or 0 <= chance.chance_to_win <= 1


@pytest.mark.parametrize("value", [0, 0.1, 1e9 + 0.1, -7])
def test_constant_values_have_no_variance(value: float) -> None:
    """Rounding of float sums is not taken for a spread."""
    sample = [value] * 1000
    arm = MeanStatistic(1000, sum(sample), sum(x * x for x in sample))
    assert compare(arm, arm) == Unavailable(FailureCode.ZERO_VARIANCE)


def test_integer_sums_keep_a_small_spread_on_large_values() -> None:
    """Amounts near 10¹² with a variance of ¼: lost in floats, exact in integers."""
    sample = [10**12, 10**12 + 1] * 500
    arm = mean_of(sample)
    assert arm.variance == pytest.approx(np.var([0, 1] * 500, ddof=1), rel=1e-12)


def test_reasons_for_no_result() -> None:
    """Empty arms, mixed kinds, a control at zero."""
    some, none = MeanStatistic(10, 20, 60), MeanStatistic(0, 0, 0)
    centred = MeanStatistic(4, 0, 10)
    assert compare(some, none) == Unavailable(FailureCode.EMPTY_ARM)
    assert compare(some, ProportionStatistic(9, 3)) == Unavailable(
        FailureCode.MISMATCHED_STATISTICS
    )
    assert compare(centred, some) == Unavailable(FailureCode.ZERO_CONTROL_MEAN)
    assert isinstance(compare(centred, some, EffectKind.ABSOLUTE), Difference)
    assert compare(RatioStatistic(5, 3, 3, 0, 0, 0), RatioStatistic(5, 3, 3, 2, 2, 1)) == (
        Unavailable(FailureCode.ZERO_DENOMINATOR)
    )


@given(p_values)
def test_corrections_order_as_the_p_values(sample: list[float]) -> None:
    """Adjusted never below raw, Holm never below Benjamini-Hochberg, order kept, at most 1."""
    family, discovery = holm(sample), benjamini_hochberg(sample)
    for raw, strict, mild in zip(sample, family, discovery, strict=True):
        assert raw <= mild * (1 + 1e-12)
        assert mild <= strict * (1 + 1e-12)
        assert strict <= 1
    order = sorted(range(len(sample)), key=sample.__getitem__)
    assert [family[i] for i in order] == sorted(family)
