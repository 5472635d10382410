"""Our numbers equal other people's packages on golden files (golden/make.py writes them).

Absolute effects to 1e-9. Relative effects by our documented convention, which is gbstats' (not
tea-tasting's log scale) except for CUPED's standard error; see docs/statistics.md.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from groundswell.stats import distributions
from groundswell.stats.bayesian import NormalPrior, posterior
from groundswell.stats.cuped import RegressionAdjustedStatistic
from groundswell.stats.cuped_ratio import RegressionAdjustedRatioStatistic
from groundswell.stats.effect import EffectKind, Statistic, compare
from groundswell.stats.frequentist import Alternative, FrequentistResult, welch
from groundswell.stats.multiplicity import benjamini_hochberg, holm
from groundswell.stats.power import Baseline, Design, achieved_power
from groundswell.stats.proportions import wilson_interval
from groundswell.stats.quantile import QuantileStatistic
from groundswell.stats.result import Interval, Unavailable
from groundswell.stats.sample_ratio import sample_ratio
from groundswell.stats.sequential import confidence_sequence
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic, RatioStatistic

Case = dict[str, Any]
GOLDEN = Path(__file__).parent / "golden"


def load(name: str) -> list[Case]:
    """Cases of one golden file."""
    return json.loads((GOLDEN / f"{name}.json").read_text())["cases"]


GBSTATS, USERS, STATSMODELS = load("gbstats"), load("users"), load("statsmodels")
TEA_TASTING = [
    {**case, "kind": user["kind"], "arms": user["arms"]}
    for case in load("tea_tasting")
    for user in USERS
    if user["name"] == case["name"]
]


def ratio(arm: Case) -> RatioStatistic:
    """A ratio of the golden files' short names."""
    return RatioStatistic(arm["n"], arm["m"], arm["mm"], arm["d"], arm["dd"], arm["md"])


def statistic(kind: str, arm: Case) -> Statistic:
    """Our statistic of a golden arm."""
    match kind:
        case "mean":
            return MeanStatistic(arm["n"], arm["sum"], arm["sum_squares"])
        case "proportion":
            return ProportionStatistic(arm["n"], arm["successes"])
        case "ratio":
            return ratio(arm)
        case "cuped":
            return RegressionAdjustedStatistic(
                arm["n"], arm["m"], arm["mm"], arm["d"], arm["dd"], arm["md"]
            )
        case "cuped_ratio":
            return RegressionAdjustedRatioStatistic(
                arm["n"], tuple(arm["sums"]), tuple(arm["products"])
            )
    clusters = ratio(arm["clusters"]) if "clusters" in arm else None
    return QuantileStatistic(
        arm["n"], arm["level"], arm["value"], arm["lower"], arm["upper"], clusters
    )


def close(value: float, relative: float = 1e-9) -> Any:
    """Equal to 1e-9 of the value; 1e-12 near zero, where oracles compute 1 - cdf."""
    return pytest.approx(value, rel=relative, abs=1e-12)


def frequentist(case: Case) -> FrequentistResult | Unavailable:
    """Our answer to a frequentist case."""
    control, treatment = (statistic(arm["kind"], arm) for arm in case["arms"])
    effect = compare(control, treatment, EffectKind(case["scale"]))
    if case["test"] == "sequential":
        return confidence_sequence(effect, tuning=case["tuning"])
    greater = case["test"] == "welch_greater"
    return welch(effect, alternative=Alternative.GREATER if greater else Alternative.TWO_SIDED)


def check_interval(interval: Interval, ends: list[float | None]) -> None:
    """Both finite ends agree."""
    for ours, theirs in zip((interval.lower, interval.upper), ends, strict=True):
        assert theirs is None or ours == close(theirs)


FREQUENTIST = [c for c in GBSTATS if c["test"] in ("welch", "welch_greater", "sequential")]


@pytest.mark.parametrize("case", FREQUENTIST, ids=lambda c: f"{c['test']}-{c['scale']}")
def test_frequentist_results_equal_gbstats(case: Case) -> None:
    """Estimate, standard error, interval and p-value."""
    result, answer = frequentist(case), case["answer"]
    assert isinstance(result, FrequentistResult)
    assert result.estimate == close(answer["estimate"])
    own_convention = case["scale"] == "relative" and case["arms"][0]["kind"] == "cuped"
    if own_convention:
        assert result.standard_error == close(answer["standard_error"], 0.1)
        return
    assert result.standard_error == close(answer["standard_error"])
    if "clusters" in case["arms"][0]:
        # We count units in degrees of freedom and sequences, gbstats counts values.
        assert case["test"] == "sequential" or result.p_value == close(answer["p_value"], 0.05)
        return
    check_interval(result.interval, answer["interval"])
    assert result.p_value == close(answer["p_value"])


BAYESIAN = [c for c in GBSTATS if c["test"] == "bayesian"]


@pytest.mark.parametrize("case", BAYESIAN, ids=lambda c: c["scale"])
def test_posteriors_equal_gbstats(case: Case) -> None:
    """Posterior, chance to win and both expected losses, under three priors."""
    control, treatment = (statistic(arm["kind"], arm) for arm in case["arms"])
    prior = case["prior"] and NormalPrior(case["prior"]["mean"], case["prior"]["variance"] ** 0.5)
    result = posterior(compare(control, treatment, EffectKind(case["scale"])), prior=prior)
    assert not isinstance(result, Unavailable)
    answer = case["answer"]
    if case["scale"] == "relative" and case["arms"][0]["kind"] == "cuped":
        assert result.estimate == close(answer["estimate"], 0.02)
        return
    assert result.estimate == close(answer["estimate"])
    assert result.standard_deviation == close(answer["standard_deviation"])
    check_interval(result.interval, answer["interval"])
    assert result.chance_to_win == close(answer["chance_to_win"])
    losses = [result.loss_if_kept, result.loss_if_shipped]
    # scipy's truncated normal loses digits in the tails; ours is in closed form.
    assert losses == pytest.approx(answer["risk"], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("case", TEA_TASTING, ids=lambda c: f"{c['name']}-{c['alternative']}")
def test_absolute_effects_equal_tea_tasting(case: Case) -> None:
    """Means, ratios, CUPED and CUPED of ratios, two- and one-sided, from sums of its rows."""
    control, treatment = (statistic(case["kind"], arm) for arm in case["arms"])
    alternative = Alternative(case["alternative"].replace("-", "_"))
    result = welch(compare(control, treatment, EffectKind.ABSOLUTE), alternative=alternative)
    assert not isinstance(result, Unavailable)
    answer = case["answer"]
    assert result.estimate == close(answer["estimate"])
    assert result.p_value == close(answer["p_value"])
    check_interval(result.interval, answer["interval"])


@pytest.mark.parametrize("case", TEA_TASTING, ids=lambda c: f"{c['name']}-{c['alternative']}")
def test_plain_relative_effects_equal_tea_tasting(case: Case) -> None:
    """Without adjustment; with CUPED the denominators differ, each as documented."""
    control, treatment = (statistic(case["kind"], arm) for arm in case["arms"])
    effect = compare(control, treatment, EffectKind.RELATIVE)
    assert not isinstance(effect, Unavailable)
    relative = 0.05 if "cuped" in case["kind"] else 1e-9
    assert effect.estimate == close(case["answer"]["relative"], relative)


@pytest.mark.parametrize("case", [c for c in GBSTATS if c["test"] == "srm"])
def test_sample_ratio_equals_gbstats(case: Case) -> None:
    """The chi-square p-value."""
    assert sample_ratio(case["counts"], case["weights"]).p_value == close(case["answer"]["p_value"])


@pytest.mark.parametrize("case", STATSMODELS, ids=lambda c: c["test"])
def test_small_methods_equal_statsmodels_and_scipy(case: Case) -> None:
    """Corrections, Wilson intervals, power and distribution functions."""
    match case["test"]:
        case "holm":
            ours: Any = holm(case["p_values"])
        case "benjamini_hochberg":
            ours = benjamini_hochberg(case["p_values"])
        case "wilson":
            interval = wilson_interval(ProportionStatistic(case["n"], case["successes"]))
            ours = [interval.lower, interval.upper]
        case "power":
            ours = power(case)
        case "student_quantile":
            ours = distributions.student_quantile(case["q"], case["df"])
        case "student_cdf":
            ours = distributions.student_cdf(case["x"], case["df"])
        case "chi_square_sf":
            ours = distributions.chi_square_sf(case["x"], case["df"])
        case _:
            ours = distributions.normal_cdf(case["x"])
    absolute = 1e-15 if case["test"] == "wilson" else 0
    assert ours == pytest.approx(case["answer"], rel=1e-9, abs=absolute)


def power(case: Case) -> float:
    """Power of a two-sample z test with unit variance."""
    sides = {"two-sided": Alternative.TWO_SIDED, "larger": Alternative.GREATER}
    treatment = case["control"] * case["ratio"]
    units = case["control"] + treatment
    design = Design(alternative=sides[case["alternative"]], treatment_share=treatment / units)
    return achieved_power(Baseline(1.0, 1.0), case["effect"], units, design)
