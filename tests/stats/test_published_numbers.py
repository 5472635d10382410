"""Numbers published for these methods, as they stand in docs and other projects' tests."""

import json
import math
from pathlib import Path

import pytest

from groundswell.stats.bayesian import BayesianResult, NormalPrior, posterior
from groundswell.stats.cuped import Regression, RegressionAdjustedStatistic
from groundswell.stats.effect import Difference, EffectKind, Statistic, compare
from groundswell.stats.frequentist import FrequentistResult, welch
from groundswell.stats.multiplicity import benjamini_hochberg, holm
from groundswell.stats.power import Baseline, SampleSize, proportion_baseline, sample_size
from groundswell.stats.sample_ratio import sample_ratio
from groundswell.stats.sequential import confidence_sequence, critical_value, mixture_rho
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic, RatioStatistic

HALVES = (ProportionStatistic(28, 14), ProportionStatistic(30, 16))
SPEND = (MeanStatistic(3000, 1396.87, 52377.9767), MeanStatistic(3461, 2422.7, 134698.29))
CONVERSION = (ProportionStatistic(3000, 1396), ProportionStatistic(3461, 2422))
HUNDREDS = (ProportionStatistic(100, 49), ProportionStatistic(100, 51))
TENS = (MeanStatistic(10, 100, 1002.25), MeanStatistic(10, 105, 1111.5))
TEN_THOUSAND = (ProportionStatistic(10_000, 500), ProportionStatistic(10_000, 560))

Pair = tuple[Statistic, Statistic]


def near(value: float) -> float:
    """Equal to the printed digits."""
    return pytest.approx(value, abs=6e-6)


def fixed(pair: Pair) -> FrequentistResult:
    """Welch's relative result."""
    result = welch(compare(*pair))
    assert isinstance(result, FrequentistResult)
    return result


def sequence(pair: Pair, tuning: float) -> FrequentistResult:
    """The relative confidence sequence."""
    result = confidence_sequence(compare(*pair), tuning=tuning)
    assert isinstance(result, FrequentistResult)
    return result


def bayes(pair: Pair, prior: NormalPrior | None = None) -> BayesianResult:
    """The relative posterior."""
    result = posterior(compare(*pair), prior=prior)
    assert isinstance(result, BayesianResult)
    return result


def test_welch_of_two_small_proportions() -> None:
    """14 of 28 against 16 of 30."""
    result = fixed(HALVES)
    assert (result.estimate, result.standard_error) == (near(0.06667), near(0.27170))
    assert (result.interval.lower, result.interval.upper) == (near(-0.47767), near(0.61101))
    assert result.p_value == near(0.80707)


def test_welch_of_two_means() -> None:
    """3,000 against 3,461 units."""
    result = fixed(SPEND)
    assert (result.estimate, result.standard_error) == (near(0.50336), near(0.33341))
    assert (result.interval.lower, result.interval.upper) == (near(-0.15024), near(1.15697))
    assert result.p_value == near(0.13117)


def test_welch_of_ten_thousand_each() -> None:
    """500 against 560 of 10,000."""
    result = fixed(TEN_THOUSAND)
    assert (result.estimate, result.p_value) == (near(0.12), near(0.07359))
    assert (result.interval.lower, result.interval.upper) == (near(-0.01146), near(0.25146))


def test_confidence_sequences() -> None:
    """Tuned at 1,000 and at 5,000 units."""
    wide = sequence(SPEND, 1000)
    assert (wide.interval.lower, wide.interval.upper) == (near(-0.55844), near(1.56516))
    assert wide.p_value == 1
    sure = sequence(CONVERSION, 5000)
    assert sure.estimate == near(0.50386)
    assert (sure.interval.lower, sure.interval.upper) == (near(0.40098), near(0.60675))
    assert sure.p_value == pytest.approx(5.17e-44, rel=1e-3)
    open_ = sequence(TEN_THOUSAND, 5000)
    assert open_.interval.lower == pytest.approx(-0.0897, abs=5e-5)
    assert open_.interval.upper == pytest.approx(0.3297, abs=5e-5)
    assert open_.p_value == 1


@pytest.mark.parametrize(("units", "ratio"), [(1000, 1.716), (5000, 1.549), (20_000, 1.595)])
def test_the_price_of_reading_at_any_time(units: int, ratio: float) -> None:
    """Width over that of one reading."""
    assert mixture_rho(0.05) == pytest.approx(0.03984007, abs=5e-9)
    assert critical_value(units, 0.05) / 1.959964 == pytest.approx(ratio, abs=5e-4)


def test_flat_posteriors() -> None:
    """Chance to win and the two risks."""
    result = bayes(HUNDREDS)
    assert (result.estimate, result.standard_deviation) == (near(0.04082), near(0.14725))
    assert (result.interval.lower, result.interval.upper) == (near(-0.24779), near(0.32943))
    assert result.chance_to_win == near(0.60918)
    assert result.loss_if_kept == pytest.approx(0.0814, abs=5e-5)
    assert result.loss_if_shipped == near(0.04058)
    many = bayes(TEN_THOUSAND)
    assert many.chance_to_win == near(0.96321)
    assert (many.interval.lower, many.interval.upper) == (near(-0.01145), near(0.25145))
    assert (many.loss_if_kept, many.loss_if_shipped) == (near(0.12098), near(0.00098))


def test_proper_prior_shrinks_the_posterior() -> None:
    """Ten against ten units, flat and with N(0.1, variance 0.1)."""
    flat = bayes(TENS)
    assert flat.estimate == near(0.05)
    assert flat.interval.lower == pytest.approx(-0.02, abs=5e-3)
    assert flat.interval.upper == pytest.approx(0.12, abs=5e-3)
    assert flat.chance_to_win == near(0.91923)
    assert (flat.loss_if_kept, flat.loss_if_shipped) == (near(0.05131), near(0.00131))
    informed = bayes(TENS, NormalPrior(0.1, math.sqrt(0.1)))
    assert informed.estimate == near(0.05063)
    assert (informed.interval.lower, informed.interval.upper) == (near(-0.01893), near(0.12019))
    assert informed.chance_to_win == near(0.92315)


def test_sample_ratio_of_published_counts() -> None:
    """Flagged under 0.001 only."""
    off = sample_ratio([1000, 1200], [50, 50])
    assert (off.p_value, off.mismatch) == (pytest.approx(2.00787e-5, rel=1e-5), True)
    close_call = sample_ratio([5000, 5300], [1, 1])
    assert (close_call.p_value, close_call.mismatch) == (near(0.0031167), False)
    assert sample_ratio([1000, 1050, 980], [1, 1, 1]).p_value == near(0.27606)
    assert sample_ratio([9600, 10_400], [1, 1]).mismatch


def test_corrections_of_published_p_values() -> None:
    """Holm and Benjamini-Hochberg."""
    assert holm([0.01, 0.04, 0.03, 0.005, 0.55, 0.6]) == pytest.approx(
        [0.05, 0.12, 0.12, 0.03, 1, 1]
    )
    assert benjamini_hochberg([0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138]) == pytest.approx(
        [0.964, 0.2415, 0.0245, 0.964, 0.7532, 0.0245, 0.2415]
    )


def test_sample_size_of_a_fifth_more_of_ten_percent() -> None:
    """3,532 per arm with the baseline's variance, 3,838.1 with each arm's own."""
    assert sample_size(Baseline(0.1, 0.09), 0.02) == SampleSize(3532, 3532)
    assert sample_size(proportion_baseline(0.1), 0.02) == SampleSize(3839, 3839)


def test_published_effects_carry_their_counts() -> None:
    """A difference says how many units and what control mean it rests on."""
    effect = compare(*TEN_THOUSAND)
    assert isinstance(effect, Difference)
    assert (effect.control_n, effect.treatment_n, effect.control_mean) == (10_000, 10_000, 0.05)


def users(name: str) -> Pair:
    """tea-tasting's simulated users, from their sums."""
    cases = json.loads((Path(__file__).parent / "golden" / "users.json").read_text())["cases"]
    case = next(case for case in cases if case["name"] == name)
    kinds = {"mean": MeanStatistic, "ratio": RatioStatistic, "cuped": RegressionAdjustedStatistic}
    orders = {"mean": ("sum", "sum_squares")}.get(case["kind"], ("m", "mm", "d", "dd", "md"))
    control, treatment = (
        kinds[case["kind"]](arm["n"], *(arm[key] for key in orders)) for arm in case["arms"]
    )
    return control, treatment


@pytest.mark.parametrize(
    ("name", "kind", "estimate", "lower", "upper", "p_value"),
    [
        ("orders", "absolute", 0.042690, -0.010800, 0.096180, 0.117732),
        ("orders", "relative", 0.080487, -0.02445, 0.18542, 0.13272),
        ("orders per session", "absolute", 0.0233050, -0.0024594, 0.0490694, 0.0762376),
        ("orders, CUPED", "absolute", 0.0583039, 0.0156965, 0.1009113, 0.0073304),
    ],
)
def test_published_results_of_simulated_users(
    name: str, kind: str, estimate: float, lower: float, upper: float, p_value: float
) -> None:
    """Mean, ratio and CUPED, as two packages print them."""
    result = welch(compare(*users(name), EffectKind(kind)))
    assert isinstance(result, FrequentistResult)
    assert (result.estimate, result.p_value) == (near(estimate), near(p_value))
    assert (result.interval.lower, result.interval.upper) == (near(lower), near(upper))


def test_cuped_divides_by_the_unadjusted_control() -> None:
    """θ 0.521293; 10.99 % of what the control did, not 11.15 % nor 23.37 %."""
    control, treatment = users("orders, CUPED")
    assert isinstance(control, RegressionAdjustedStatistic)
    assert isinstance(treatment, RegressionAdjustedStatistic)
    pooled = (control + treatment).regression()
    assert isinstance(pooled, Regression)
    assert pooled.slope == pytest.approx(0.521293, abs=5e-7)
    effect = compare(control, treatment)
    assert isinstance(effect, Difference)
    assert effect.estimate == pytest.approx(0.1099, abs=5e-5)
