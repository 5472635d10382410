"""Methods keep their promises on data with a known truth (fixed seeds, a few seconds)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from groundswell.stats.cuped import RegressionAdjustedStatistic, variance_reduction
from groundswell.stats.effect import Difference, EffectKind, Statistic, compare, difference
from groundswell.stats.frequentist import Alternative, FrequentistResult, Method, welch
from groundswell.stats.power import Design, minimum_detectable_effect, proportion_baseline
from groundswell.stats.power import sample_size as needed
from groundswell.stats.quantile import QuantileStatistic, rank_bounds
from groundswell.stats.result import Unavailable
from groundswell.stats.sample_ratio import sample_ratio
from groundswell.stats.sequential import one_sided_critical_value
from groundswell.stats.simulation import AaSettings, simulate_aa, z_paths
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic, RatioStatistic
from groundswell.stats.strata import post_stratify

Rows = np.ndarray[Any, np.dtype[np.float64]]


def covered(control: Statistic, treatment: Statistic, kind: EffectKind, truth: float) -> bool:
    """Whether the 95 % interval holds the truth."""
    result = welch(compare(control, treatment, kind))
    return not isinstance(result, Unavailable) and truth in result.interval


def adjusted(post: Rows, pre: Rows) -> RegressionAdjustedStatistic:
    """Sums of an outcome and a covariate."""
    return RegressionAdjustedStatistic(
        len(post),
        float(post.sum()),
        float(post @ post),
        float(pre.sum()),
        float(pre @ pre),
        float(post @ pre),
    )


def mean(sample: Rows) -> MeanStatistic:
    """Sums of a value per unit."""
    return MeanStatistic(len(sample), float(sample.sum()), float(sample @ sample))


def ratio(numerator: Rows, denominator: Rows) -> RatioStatistic:
    """Sums of two values per unit."""
    found = adjusted(numerator, denominator)
    return RatioStatistic(
        found.n,
        found.post_sum,
        found.post_sum_squares,
        found.pre_sum,
        found.pre_sum_squares,
        found.cross_sum,
    )


@pytest.mark.parametrize("kind", EffectKind)
def test_intervals_of_means_proportions_and_ratios_cover_the_truth(kind: EffectKind) -> None:
    """Lift of 20 % on skewed revenue, on conversion, on orders per session: 95 % ± 1.3."""
    random, runs, n = np.random.default_rng(1), 3000, 800
    hits = np.zeros(3)
    for _ in range(runs):
        spend = [random.gamma(0.5, 2 * lift, n) for lift in (1, 1.2)]
        sessions = [1 + random.poisson(2, n).astype(float) for _ in spend]
        quality = [0.8 * random.beta(2, 6, n) for _ in spend]
        orders = [
            random.binomial(s.astype(int), q * lift).astype(float)
            for s, q, lift in zip(sessions, quality, (1, 1.2), strict=True)
        ]
        people = [int(random.binomial(n, p)) for p in (0.2, 0.24)]
        level = (1, 0.2, 0.2) if kind is EffectKind.ABSOLUTE else (1, 1, 1)
        arms: list[list[Statistic]] = [
            [mean(s) for s in spend],
            [ProportionStatistic(n, count) for count in people],
            [ratio(o, s) for o, s in zip(orders, sessions, strict=True)],
        ]
        for i, (control, treatment) in enumerate(arms):
            hits[i] += covered(control, treatment, kind, 0.2 * level[i])
    assert hits / runs == pytest.approx([0.95] * 3, abs=0.013)


@pytest.mark.parametrize("kind", EffectKind)
def test_cuped_narrows_the_interval_and_keeps_its_coverage(kind: EffectKind) -> None:
    """Correlation 0.8 leaves 36 % of the variance; also relative to the unadjusted control."""
    random, runs, n = np.random.default_rng(2), 4000, 300
    hits, widths = 0, []
    for _ in range(runs):
        pre = random.normal(0, 1, (2, n))
        post = 2 + 0.8 * pre + random.normal(0, 0.6, (2, n))
        post[1] += 0.5
        arms = [adjusted(post[i], pre[i]) for i in (0, 1)]
        adjusted_effect = compare(*arms, kind)
        plain = compare(mean(post[0]), mean(post[1]), kind)
        assert isinstance(adjusted_effect, Difference)
        assert isinstance(plain, Difference)
        widths.append(adjusted_effect.standard_error / plain.standard_error)
        hits += covered(*arms, kind, 0.5 if kind is EffectKind.ABSOLUTE else 0.25)
    assert hits / runs == pytest.approx(0.95, abs=0.011)
    if kind is EffectKind.ABSOLUTE:
        assert np.mean(widths) == pytest.approx(0.6, abs=0.01)
    assert np.mean(widths) < 0.8
    regression = arms[0].regression()
    assert not isinstance(regression, Unavailable)
    assert variance_reduction(regression) == pytest.approx(0.64, abs=0.1)


def test_post_stratification_narrows_the_interval_and_keeps_its_coverage() -> None:
    """Two countries with very different levels."""
    random, runs, n = np.random.default_rng(3), 1200, 500
    hits, narrower = 0, 0
    for _ in range(runs):
        strata: list[dict[str, Statistic]] = []
        for lift in (0.0, 0.3):
            country = random.random(n) < 0.3
            spend = random.normal(np.where(country, 8, 2) + lift, 1)
            strata.append({"at": mean(spend[country]), "de": mean(spend[~country])})
        pair = post_stratify(*strata)
        assert not isinstance(pair, Unavailable)
        effect = difference(*pair, kind=EffectKind.ABSOLUTE)
        whole = [s["at"] + s["de"] for s in strata]  # type: ignore[operator]
        plain = compare(*whole, EffectKind.ABSOLUTE)
        assert isinstance(effect, Difference)
        assert isinstance(plain, Difference)
        narrower += effect.standard_error < plain.standard_error / 2
        result = welch(effect)
        hits += not isinstance(result, Unavailable) and 0.3 in result.interval
    assert hits / runs == pytest.approx(0.95, abs=0.02)
    assert narrower == runs


def clustered_median(random: np.random.Generator, units: int, *, naive: bool) -> QuantileStatistic:
    """Median latency of users with several page views each, users differing much."""
    views = 1 + random.poisson(4, units)
    level = np.repeat(random.normal(0, 1, units), views)
    values = np.exp(level + random.normal(0, 0.5, len(level)))
    bounds = rank_bounds(len(values), 0.5)
    assert not isinstance(bounds, Unavailable)
    middle, low, high = np.quantile(values, [0.5, bounds.lower, bounds.upper])
    below = np.add.reduceat((values <= middle).astype(float), np.r_[0, np.cumsum(views)[:-1]])
    clusters = None if naive else ratio(below, views.astype(float))
    return QuantileStatistic(len(values), 0.5, float(middle), float(low), float(high), clusters)


def test_quantiles_of_clustered_values_need_the_clustered_variance() -> None:
    """95 % with it; far less when the page views of a person count as independent."""
    random, runs = np.random.default_rng(4), 2000
    rates = {}
    for naive in (False, True):
        rates[naive] = np.mean(
            [
                covered(
                    clustered_median(random, 300, naive=naive),
                    clustered_median(random, 300, naive=naive),
                    EffectKind.ABSOLUTE,
                    0.0,
                )
                for _ in range(runs)
            ]
        )
    assert rates[False] == pytest.approx(0.95, abs=0.02)
    assert rates[True] < 0.8


def test_thirty_daily_looks_keep_five_percent_only_when_sequential() -> None:
    """A/A: fixed horizon about 28 % at any look and 5 % at the last; sequence at most 5 %."""
    rates = simulate_aa(AaSettings(seed=5, experiments=6000))
    assert rates.sequential_any_look <= 0.05
    assert rates.fixed_last_look == pytest.approx(0.05, abs=0.01)
    assert 0.24 < rates.fixed_any_look < 0.31
    assert rates.bayesian_any_look > rates.fixed_any_look


def test_early_looks_at_few_units_stay_below_alpha_too() -> None:
    """Twenty people per arm and day, where the sequence is far from its tuning."""
    rates = simulate_aa(AaSettings(seed=6, experiments=4000, units_per_arm_and_look=20, looks=60))
    assert rates.sequential_any_look <= 0.05


def test_one_sided_sequences_keep_alpha_over_all_looks() -> None:
    """The half-normal mixture at 5 %, as guardrails use it."""
    settings = AaSettings(seed=7, experiments=6000)
    z = z_paths(settings)
    units = 2 * settings.units_per_arm_and_look * np.arange(1, settings.looks + 1)
    boundary = [one_sided_critical_value(int(n), settings.alpha) for n in units]
    assert np.mean(np.any(z > boundary, axis=1)) <= 0.05
    assert np.mean(np.any(z < -np.array(boundary), axis=1)) <= 0.05


@pytest.mark.parametrize("method", Method)
def test_the_planned_sample_reaches_the_planned_power(method: Method) -> None:
    """80 % at the last look; a sequence detects more often, since it looks on the way."""
    size = needed(proportion_baseline(0.1), 0.02, Design(method=method))
    assert not isinstance(size, Unavailable)
    settings = AaSettings(
        seed=8, looks=20, units_per_arm_and_look=-(-size.control // 20), lift=0.2, experiments=4000
    )
    rates = simulate_aa(settings)
    if method is Method.FIXED_HORIZON:
        assert rates.fixed_last_look == pytest.approx(0.8, abs=0.02)
    else:
        assert rates.sequential_last_look == pytest.approx(0.8, abs=0.02)
        assert rates.sequential_any_look > 0.8


def test_the_detectable_effect_is_the_one_the_sample_was_planned_for() -> None:
    """Sample size and smallest effect invert each other."""
    baseline = proportion_baseline(0.1)
    for design in (Design(), Design(method=Method.SEQUENTIAL, treatment_share=0.3)):
        size = needed(baseline, 0.013, design)
        assert not isinstance(size, Unavailable)
        effect = minimum_detectable_effect(baseline, size.total, design)
        assert effect == pytest.approx(0.013, rel=1e-3)


def test_balanced_samples_are_rarely_flagged_and_a_lost_twentieth_always() -> None:
    """0.1 % false alarms; 48/52 of 20,000 is found."""
    random = np.random.default_rng(9)
    heads = random.binomial(10_000, 0.5, 20_000)
    flags = sum(sample_ratio([int(h), 10_000 - int(h)], [1, 1]).mismatch for h in heads)
    assert flags / len(heads) == pytest.approx(0.001, abs=0.0008)
    assert sample_ratio([9600, 10_400], [1, 1]).mismatch
    assert not sample_ratio([9, 40], [1, 1]).mismatch


def test_one_sided_tests_keep_alpha() -> None:
    """Non-inferiority at the margin's edge: 5 % are cleared."""
    random, runs, n = np.random.default_rng(10), 3000, 500
    rejected = 0
    for _ in range(runs):
        control, treatment = random.normal(10, 3, n), random.normal(9.5, 3, n)
        effect = compare(mean(control), mean(treatment), EffectKind.ABSOLUTE)
        result = welch(effect, alternative=Alternative.GREATER, null_value=-0.5)
        rejected += isinstance(result, FrequentistResult) and result.significant
    assert rejected / runs == pytest.approx(0.05, abs=0.012)


def test_the_same_seed_gives_the_same_simulation() -> None:
    """The product's A/A panel is reproducible."""
    settings = AaSettings(seed=11, experiments=50)
    assert simulate_aa(settings) == simulate_aa(settings)
    assert simulate_aa(settings) != simulate_aa(replace(settings, seed=12))
