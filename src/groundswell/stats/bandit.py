"""Bandits: the share of traffic each arm should get next, by probability matching.

Source: Thompson (1933); top-two variant: Russo (2020), "Simple Bayesian Algorithms for Best-Arm
Identification". Thompson sampling gives an arm traffic in proportion to the probability that it
is the best. That probability is integrated numerically instead of drawn: the same data always
give the same shares, with no seed and no sampling noise; people are then bucketed into the
shares by their hash. A floor keeps every arm learning.

A bandit minimises what is lost while learning. It is no significance test: arms' intervals
after adaptive allocation are biased, and a winner by bandit carries no error rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from groundswell.stats.moments import Moments
from groundswell.stats.result import FailureCode, Unavailable
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic, RatioStatistic
from groundswell.stats.strata import weighted

ArmStatistic = MeanStatistic | ProportionStatistic | RatioStatistic


class Policy(StrEnum):
    """Which share follows from the probabilities to be best."""

    THOMPSON = "thompson"
    """Traffic in proportion to the probability to be best: least loss while it runs."""
    TOP_TWO = "top_two"
    """Half to the best, half to its best rival: finds the best arm with fewer units."""


@dataclass(frozen=True, slots=True)
class BanditSettings:
    """``floor``: least share of each arm; ``minimum_units``: per arm before shares move."""

    policy: Policy = Policy.THOMPSON
    floor: float = 0.01
    minimum_units: int = 100
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Allocation:
    """Shares of the next traffic (adding to 1) and each arm's probability to be best.

    ``warming_up``: some arm is short of the minimum, so shares are equal.
    """

    shares: Mapping[str, float]
    probability_best: Mapping[str, float]
    warming_up: bool


def allocate(
    arms: Mapping[str, ArmStatistic], settings: BanditSettings | None = None
) -> Allocation | Unavailable:
    """Shares from each arm's data so far (one period, or a steady environment).

    Raises:
        ValueError: floors that add to more than 1.
    """
    return allocate_over_periods([arms], settings)


def allocate_over_periods(
    periods: Sequence[Mapping[str, ArmStatistic]], settings: BanditSettings | None = None
) -> Allocation | Unavailable:
    """Shares from data of periods between which the shares changed.

    Periods are weighted alike for every arm, by their traffic. Joined sums would compare an
    arm seen mostly on weekdays with one seen mostly at the weekend (Simpson's paradox).
    """
    settings = settings or BanditSettings()
    names = sorted({name for period in periods for name in period})
    if not names or any(period.keys() != set(names) for period in periods):
        return Unavailable(FailureCode.MISMATCHED_STATISTICS)
    if settings.floor < 0 or settings.floor * len(names) > 1:
        raise ValueError("the arms' floors must add to at most 1")
    equal = dict.fromkeys(names, 1 / len(names))
    if min(sum(period[name].n for period in periods) for name in names) < settings.minimum_units:
        return Allocation(equal, equal, warming_up=True)
    posteriors = _posteriors(names, periods)
    if isinstance(posteriors, Unavailable):
        return posteriors
    best = probability_best(*posteriors, higher_is_better=settings.higher_is_better)
    shares = _top_two(best) if settings.policy is Policy.TOP_TWO else best
    lifted = settings.floor + (1 - settings.floor * len(names)) * shares
    return Allocation(
        dict(zip(names, map(float, lifted), strict=True)),
        dict(zip(names, map(float, best), strict=True)),
        warming_up=False,
    )


def _posteriors(
    names: Sequence[str], periods: Sequence[Mapping[str, ArmStatistic]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | Unavailable:
    """Means and standard deviations of normal posteriors, flat prior, periods weighted."""
    total = sum(period[name].n for period in periods for name in names)
    weights = [sum(period[name].n for name in names) / total for period in periods]
    means, deviations = [], []
    for name in names:
        parts: list[Moments] = []
        for period in periods:
            moments = _smoothed(period[name]).moments()
            if isinstance(moments, Unavailable):
                return moments
            parts.append(moments)
        arm = weighted(parts, weights)
        means.append(arm.mean)
        deviations.append(arm.variance**0.5)
    return np.array(means), np.array(deviations)


def _smoothed(statistic: ArmStatistic) -> ArmStatistic:
    """A proportion with one success and one failure added: the mean of a uniform prior.

    Without it an arm whose first hundred people bought nothing would have no variance.
    """
    if isinstance(statistic, ProportionStatistic):
        return ProportionStatistic(statistic.n + 2, statistic.successes + 1)
    return statistic


def probability_best(
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
    *,
    higher_is_better: bool = True,
) -> NDArray[np.float64]:
    """P(arm is best) of independent normal posteriors: ∫ f_i(x)·∏_{j≠i} F_j(x) dx.

    A sum over a grid made of every arm's own, ±8 standard deviations in 1/50 steps.
    """
    centres = means if higher_is_better else -means
    steps = np.linspace(-8, 8, 801)
    grid = np.unique(np.add.outer(steps, np.zeros(len(centres))) * deviations + centres)
    cdf = special.ndtr((grid[:, None] - centres) / deviations)
    middle = (cdf[1:] + cdf[:-1]) / 2
    best = np.empty(len(centres))
    for arm in range(len(centres)):
        others = np.prod(np.delete(middle, arm, axis=1), axis=1)
        best[arm] = np.sum(np.diff(cdf[:, arm]) * others)
    return np.asarray(best / best.sum())


def _top_two(best: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected shares of top-two Thompson sampling, half to the leader's rival.

    The rival of a leader j is arm i with probability best_i / (1 - best_j).
    """
    if len(best) < 2:
        return best
    remaining = np.maximum(1 - best, 1e-300)
    rival = np.array(
        [
            sum(best[j] * best[i] / remaining[j] for j in range(len(best)) if j != i)
            for i in range(len(best))
        ]
    )
    shares = 0.5 * best + 0.5 * rival
    return np.asarray(shares / shares.sum())
