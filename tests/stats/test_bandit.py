"""Bandits: exact probabilities, a floor, and traffic that ends up with the better arm."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.stats.bandit import (
    Allocation,
    ArmStatistic,
    BanditSettings,
    Policy,
    allocate,
    allocate_over_periods,
    probability_best,
)
from groundswell.stats.contextual_bandit import allocate_by_segment
from groundswell.stats.distributions import normal_cdf
from groundswell.stats.result import FailureCode, Unavailable
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic

RATES = {"a": 0.10, "b": 0.12, "c": 0.15}


def shares_of(result: Allocation | Unavailable) -> Allocation:
    """An allocation that exists."""
    assert isinstance(result, Allocation)
    return result


def test_two_arms_have_the_closed_form() -> None:
    """P(best) = Φ(difference / standard error), also with very unequal errors."""
    for means, errors in (([1.0, 1.5], [0.4, 0.3]), ([0.0, 0.01], [1.0, 1e-4])):
        found = probability_best(np.array(means), np.array(errors))
        expected = normal_cdf((means[1] - means[0]) / float(np.hypot(*errors)))
        assert found[1] == pytest.approx(expected, abs=1e-5)


def test_many_arms_agree_with_thompson_draws() -> None:
    """Integration against 400,000 seeded draws."""
    means, errors = np.array([1, 1.2, 1.1, 0.7]), np.array([0.2, 0.1, 0.3, 0.6])
    draws = np.random.default_rng(1).normal(means, errors, (400_000, 4))
    counts = np.bincount(draws.argmax(axis=1), minlength=4) / 400_000
    assert probability_best(means, errors) == pytest.approx(counts, abs=0.004)
    lowest = np.bincount(draws.argmin(axis=1), minlength=4) / 400_000
    least = probability_best(means, errors, higher_is_better=False)
    assert least == pytest.approx(lowest, abs=0.004)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(100, 10**6), st.floats(0, 1)), min_size=2, max_size=6),
    st.sampled_from(Policy),
    st.floats(0, 0.15),
)
def test_shares_add_to_one_and_respect_the_floor(
    arms: list[tuple[int, float]], policy: Policy, floor: float
) -> None:
    """For any counts, none converted and all converted among them."""
    counts: dict[str, ArmStatistic] = {
        f"v{i}": ProportionStatistic(n, round(n * share)) for i, (n, share) in enumerate(arms)
    }
    found = shares_of(allocate(counts, BanditSettings(policy, floor)))
    assert sum(found.shares.values()) == pytest.approx(1)
    assert min(found.shares.values()) >= floor * (1 - 1e-9)
    assert sum(found.probability_best.values()) == pytest.approx(1)


def test_nothing_moves_before_every_arm_has_its_minimum() -> None:
    """Equal shares, said to be warming up."""
    found = shares_of(allocate({"a": ProportionStatistic(5000, 900), "b": MeanStatistic(99, 1, 1)}))
    assert found.warming_up
    assert found.shares == {"a": 0.5, "b": 0.5}


def run(policy: Policy, seed: int, periods: int = 40, units: int = 500) -> dict[str, int]:
    """Units per arm of a simulated bandit with the rates above."""
    random = np.random.default_rng(seed)
    history: list[dict[str, ArmStatistic]] = []
    shares = dict.fromkeys(RATES, 1 / 3)
    for _ in range(periods):
        counts = random.multinomial(units, list(shares.values()))
        history.append(
            {
                arm: ProportionStatistic(int(n) + 2, int(random.binomial(n, rate)) + 1)
                for (arm, rate), n in zip(RATES.items(), counts, strict=True)
            }
        )
        joined = {
            arm: ProportionStatistic(
                sum(p[arm].n for p in history),
                sum(p[arm].successes for p in history),  # type: ignore[union-attr]
            )
            for arm in RATES
        }
        shares = dict(shares_of(allocate(joined, BanditSettings(policy, 0.02))).shares)
    return {arm: sum(p[arm].n for p in history) for arm in RATES}


@pytest.mark.parametrize("policy", Policy)
def test_the_better_arm_gets_most_of_the_traffic(policy: Policy) -> None:
    """In 18 of 20 seeded runs the best of three rates leads, with over 60 % on average."""
    runs = [run(policy, seed) for seed in range(20)]
    leads = sum(max(units, key=units.__getitem__) == "c" for units in runs)
    share = np.mean([units["c"] / sum(units.values()) for units in runs])
    assert leads >= 18
    assert share > (0.6 if policy is Policy.THOMPSON else 0.45)


def test_periods_protect_from_simpsons_paradox() -> None:
    """B is better on both days, yet worse in sums, since it got the weak day's traffic."""
    weekday: dict[str, ArmStatistic] = {
        "a": ProportionStatistic(9000, 1800),
        "b": ProportionStatistic(1000, 240),
    }
    weekend: dict[str, ArmStatistic] = {
        "a": ProportionStatistic(1000, 50),
        "b": ProportionStatistic(9000, 540),
    }
    joined = {"a": ProportionStatistic(10_000, 1850), "b": ProportionStatistic(10_000, 780)}
    assert shares_of(allocate(joined)).shares["a"] > 0.98
    assert shares_of(allocate_over_periods([weekday, weekend])).shares["b"] > 0.98


def test_top_two_explores_the_rival_more() -> None:
    """A near-certain leader still leaves about half to its rival."""
    arms: dict[str, ArmStatistic] = {
        "a": ProportionStatistic(5000, 500),
        "b": ProportionStatistic(5000, 620),
        "c": ProportionStatistic(5000, 300),
    }
    plain = shares_of(allocate(arms))
    explored = shares_of(allocate(arms, BanditSettings(Policy.TOP_TWO)))
    assert plain.shares["b"] > 0.97
    assert explored.shares["b"] == pytest.approx(0.49, abs=0.02)
    assert explored.shares["a"] > 0.4


def test_segments_learn_their_own_best_arm_and_short_ones_follow_everybody() -> None:
    """Mobile prefers a, desktop b; tablet has too few units."""
    found = allocate_by_segment(
        {
            "mobile": {"a": ProportionStatistic(4000, 600), "b": ProportionStatistic(4000, 400)},
            "desktop": {"a": ProportionStatistic(9000, 900), "b": ProportionStatistic(9000, 1300)},
            "tablet": {"a": ProportionStatistic(20, 9), "b": ProportionStatistic(20, 1)},
        }
    )
    assert not isinstance(found, Unavailable)
    assert found["mobile"].allocation.shares["a"] > 0.98
    assert found["desktop"].allocation.shares["b"] > 0.98
    assert found["tablet"].pooled
    assert found["tablet"].allocation.shares["b"] > 0.9
    assert allocate_by_segment({}) == Unavailable(FailureCode.MISMATCHED_STATISTICS)


def test_floors_beyond_one_are_refused() -> None:
    """A setting's mistake is an error, not a result."""
    arms = {name: ProportionStatistic(200, 20) for name in "abc"}
    with pytest.raises(ValueError, match="floors"):
        allocate(arms, BanditSettings(floor=0.4))
