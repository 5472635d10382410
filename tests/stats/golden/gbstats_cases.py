"""Cases of gbstats 0.8.0; imported by make.py in gbstats' own environment."""

from collections.abc import Iterator
from typing import Any

from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import (
    FrequentistConfig,
    OneSidedTreatmentGreaterTTest,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    ProportionStatistic,
    QuantileClusteredStatistic,
    QuantileStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm

Case = dict[str, Any]


def cases(**inputs: Any) -> list[Case]:
    """All cases: name of the test, arms, settings, answer."""
    found: list[Case] = []
    for pair in inputs["means"]:
        arms = [{"kind": "mean", **arm} for arm in pair]
        found += comparisons(arms, [SampleMeanStatistic(**arm) for arm in pair])
    for pair in inputs["proportions"]:
        arms = [{"kind": "proportion", "n": n, "successes": s} for n, s in pair]
        found += comparisons(arms, [ProportionStatistic(n=n, sum=s) for n, s in pair])
    found += quantiles(inputs["quantiles"], inputs["clusters"])
    for case in inputs["users"]:
        found += user_cases(case)
    for counts, weights in inputs["srm"]:
        answer = {"p_value": float(check_srm(counts, weights))}
        found.append({"test": "srm", "counts": counts, "weights": weights, "answer": answer})
    return found


def comparisons(arms: list[Case], statistics: list[Any], bayes: bool = True) -> Iterator[Case]:
    """Every test of a pair, on both scales."""
    for scale in ("absolute", "relative"):
        base = {"arms": arms, "scale": scale}
        fixed = FrequentistConfig(difference_type=scale)
        yield base | {"test": "welch", "answer": frequentist(TwoSidedTTest(*statistics, fixed))}
        greater = OneSidedTreatmentGreaterTTest(*statistics, fixed)
        yield base | {"test": "welch_greater", "answer": frequentist(greater)}
        for tuning in (1000, 5000):
            config = SequentialConfig(difference_type=scale, sequential_tuning_parameter=tuning)
            answer = frequentist(SequentialTwoSidedTTest(*statistics, config))
            yield base | {"test": "sequential", "tuning": tuning, "answer": answer}
        if bayes:
            yield from posteriors(base, statistics, scale)


def posteriors(base: Case, statistics: list[Any], scale: str) -> Iterator[Case]:
    """Flat, default proper and off-centre priors."""
    for mean, variance, proper in ((0, 1, False), (0, 0.09, True), (0.1, 0.1, True)):
        prior = GaussianPrior(mean=mean, variance=variance, proper=proper)
        config = EffectBayesianConfig(difference_type=scale, prior_effect=prior)
        result = EffectBayesianABTest(*statistics, config).compute_result()
        answer = {
            "estimate": float(result.expected),
            "standard_deviation": float(result.uplift.stddev),
            "interval": [float(end) for end in result.ci],
            "chance_to_win": float(result.chance_to_win),
            "risk": [float(risk) for risk in result.risk],
        }
        setting = {"mean": mean, "variance": variance} if proper else None
        yield base | {"test": "bayesian", "prior": setting, "answer": answer}


def frequentist(test: Any) -> Case:
    """A frequentist answer as JSON."""
    result = test.compute_result()
    assert not result.error_message, result.error_message
    return {
        "estimate": float(result.expected),
        "standard_error": float(result.uplift.stddev),
        "interval": [float(end) if abs(end) < 1e300 else None for end in result.ci],
        "p_value": float(result.p_value),
    }


def quantiles(arms: list[Case], clusters: list[Case]) -> Iterator[Case]:
    """Quantiles of independent and of clustered values."""
    plain = []
    for arm in arms:
        sums = {"n": arm["n"], "n_star": arm["n"], "nu": arm["level"]}
        bounds = {"quantile_lower": arm["lower"], "quantile_upper": arm["upper"]}
        plain.append({**sums, **bounds, "quantile_hat": arm["value"]})
    labelled = [{"kind": "quantile", **arm} for arm in arms]
    yield from comparisons(labelled, [QuantileStatistic(**arm) for arm in plain], bayes=False)
    clustered = [
        QuantileClusteredStatistic(
            **arm,
            main_sum=c["m"],
            main_sum_squares=c["mm"],
            denominator_sum=c["d"],
            denominator_sum_squares=c["dd"],
            main_denominator_sum_product=c["md"],
            n_clusters=c["n"],
        )
        for arm, c in zip(plain, clusters, strict=True)
    ]
    both = [
        {"kind": "quantile", **arm, "clusters": c} for arm, c in zip(arms, clusters, strict=True)
    ]
    yield from comparisons(both, clustered, bayes=False)


def user_cases(case: Case) -> Iterator[Case]:
    """Means, ratios and CUPED of tea-tasting's users, from the same sums."""
    builders = {"mean": mean, "ratio": ratio, "cuped": cuped}
    build = builders.get(case["kind"])
    if build:
        arms = [{"kind": case["kind"], **arm} for arm in case["arms"]]
        yield from comparisons(arms, [build(arm) for arm in case["arms"]])


def mean(arm: Case) -> SampleMeanStatistic:
    """A mean from its sums."""
    return SampleMeanStatistic(n=arm["n"], sum=arm["sum"], sum_squares=arm["sum_squares"])


def ratio(arm: Case) -> RatioStatistic:
    """A ratio from its sums."""
    return RatioStatistic(
        n=arm["n"],
        m_statistic=SampleMeanStatistic(arm["n"], arm["m"], arm["mm"]),
        d_statistic=SampleMeanStatistic(arm["n"], arm["d"], arm["dd"]),
        m_d_sum_of_products=arm["md"],
    )


def cuped(arm: Case) -> RegressionAdjustedStatistic:
    """A regression-adjusted mean from its sums; gbstats sets theta itself."""
    return RegressionAdjustedStatistic(
        n=arm["n"],
        post_statistic=SampleMeanStatistic(arm["n"], arm["m"], arm["mm"]),
        pre_statistic=SampleMeanStatistic(arm["n"], arm["d"], arm["dd"]),
        post_pre_sum_of_products=arm["md"],
        theta=0,
    )
