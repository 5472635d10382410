"""Post-stratification: compare like with like, then average over the mix of strata.

Source: Miratrix, Sekhon, Yu (2013), "Adjusting treatment effect estimates by post-
stratification in randomized experiments". An arm's estimate is Σ w_k·m_k with w_k the share of
stratum k in both arms together; its variance Σ w_k²·v_k. Strata must be fixed before the
exposure (country, plan, platform, day of first exposure), never something the treatment moves.
Intervals are about people in this mix of strata.
"""

from collections.abc import Mapping

from groundswell.stats.effect import Statistic, arm_moments
from groundswell.stats.moments import Moments
from groundswell.stats.result import FailureCode, Unavailable


def post_stratify(
    control: Mapping[str, Statistic], treatment: Mapping[str, Statistic]
) -> tuple[Moments, Moments] | Unavailable:
    """Both arms' moments over common weights; give them to ``effect.difference``.

    Every stratum needs both arms: join a stratum that lacks one with another first.
    """
    if not control or control.keys() != treatment.keys():
        return Unavailable(FailureCode.MISMATCHED_STATISTICS)
    pairs: list[tuple[Moments, Moments]] = []
    for name in sorted(control):
        pair = arm_moments(control[name], treatment[name])
        if isinstance(pair, Unavailable):
            return pair
        pairs.append(pair)
    total = sum(first.n + second.n for first, second in pairs)
    weights = [(first.n + second.n) / total for first, second in pairs]
    return (
        weighted([first for first, _ in pairs], weights),
        weighted([second for _, second in pairs], weights),
    )


def weighted(parts: list[Moments], weights: list[float]) -> Moments:
    """Moments of Σ w_k·m_k of independent parts; weights add to one.

    Degrees of freedom are Satterthwaite's over the parts.
    """
    shares = list(zip(weights, parts, strict=True))
    variance = sum(w**2 * part.variance for w, part in shares)
    spread = sum(
        (w**2 * part.variance / variance) ** 2 / part.degrees_of_freedom for w, part in shares
    )
    return Moments(
        n=sum(part.n for part in parts),
        mean=sum(w * part.mean for w, part in shares),
        variance=variance,
        degrees_of_freedom=1 / spread,
        reference_mean=sum(w * part.reference_mean for w, part in shares),
        reference_variance=sum(w**2 * part.reference_variance for w, part in shares),
        reference_covariance=sum(w**2 * part.reference_covariance for w, part in shares),
    )
