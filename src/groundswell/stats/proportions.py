"""Conversion, funnel and retention as proportions, with an interval for one arm alone."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from groundswell.stats.distributions import normal_quantile
from groundswell.stats.result import Interval, probability_setting
from groundswell.stats.statistic import ProportionStatistic


def funnel(reached: Sequence[int]) -> list[ProportionStatistic]:
    """Share of ALL exposed units that reached each step; the first count is the exposed.

    Arms are compared on these. The share from step to step is no experiment metric: who
    reaches a step is already chosen by the treatment.

    Raises:
        ValueError: a later step counts more units than an earlier one.
    """
    if any(after > before for before, after in pairwise(reached)):
        raise ValueError("a funnel's steps cannot grow")
    return [ProportionStatistic(reached[0], count) for count in reached[1:]]


def retention(mature: Sequence[int], returned: Sequence[int]) -> list[ProportionStatistic]:
    """Retention per period: of the units observed through the period, those that returned.

    ``mature[k]`` counts only units whose period k has fully passed; younger ones would count
    as lost.
    """
    return [ProportionStatistic(n, count) for n, count in zip(mature, returned, strict=True)]


def wilson_interval(proportion: ProportionStatistic, confidence: float = 0.95) -> Interval:
    """Interval of one arm's share, for display; never empty, never outside [0, 1].

    Source: Wilson (1927). Without units: [0, 1]. Raises ValueError outside (0, 1).
    """
    probability_setting("confidence", confidence)
    n, share = proportion.n, proportion.mean
    if n == 0:
        return Interval(0.0, 1.0)
    z2 = normal_quantile((1 + confidence) / 2) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * share * (1 - share) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))
