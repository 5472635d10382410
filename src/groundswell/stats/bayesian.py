"""Normal-normal posterior of an effect: chance to win, credible interval, expected loss.

The estimate's sampling distribution is taken as normal. Two priors on the effect: the flat
one (improper: the posterior is the data), and a proper normal, by default N(0, 0.3²) on the
relative lift, which pulls early, noisy lifts towards zero. On the absolute scale the prior is
multiplied by the control's mean. Expected loss: Stucchio (2015), "Bayesian A/B Testing at VWO".

What it does not control: with the flat prior "chance to win above 95 %" is a one-sided test at
5 % on each side, so of A/A tests read once about 10 % end with a "winner" or a "loser", more
when read daily. The guide says so next to every such verdict.
"""

from dataclasses import dataclass
from math import hypot, inf, isfinite

from groundswell.stats.distributions import normal_cdf, normal_density, normal_quantile
from groundswell.stats.effect import Difference, EffectKind
from groundswell.stats.result import FailureCode, Interval, Unavailable, probability_setting


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """A proper prior N(mean, standard_deviation²) on the effect, on the scale of ``kind``."""

    mean: float = 0.0
    standard_deviation: float = 0.3
    kind: EffectKind = EffectKind.RELATIVE

    def __post_init__(self) -> None:
        if self.standard_deviation <= 0:
            raise ValueError("a prior's standard deviation must be positive")

    def scale_for(self, effect: Difference) -> float:
        """Factor that brings the prior to the scale of the effect."""
        if self.kind is effect.kind:
            return 1.0
        level = abs(effect.control_mean)
        return 1 / level if effect.kind is EffectKind.RELATIVE else level


@dataclass(frozen=True, slots=True)
class BayesianResult:
    """Posterior of an effect.

    ``chance_to_win`` is P(treatment better than control); ``loss_if_shipped`` the expected
    loss of choosing the treatment, E[max(0, -effect)], and ``loss_if_kept`` of keeping the
    control, both in units of the effect and in the metric's good direction.
    """

    kind: EffectKind
    estimate: float
    standard_deviation: float
    interval: Interval
    credibility: float
    chance_to_win: float
    loss_if_shipped: float
    loss_if_kept: float
    control_n: int
    treatment_n: int


def posterior(
    effect: Difference | Unavailable,
    *,
    prior: NormalPrior | None = None,
    credibility: float = 0.95,
    higher_is_better: bool = True,
) -> BayesianResult | Unavailable:
    """Posterior under a proper prior, or under the flat one when ``prior`` is None.

    An absolute effect over a control at exactly 0 has no relative scale: flat prior.

    Raises:
        ValueError: ``credibility`` outside (0, 1).
    """
    probability_setting("credibility", credibility)
    if isinstance(effect, Unavailable):
        return effect
    mean, deviation = _update(effect, prior)
    if not (isfinite(mean) and 0 < deviation < inf):
        return Unavailable(FailureCode.NOT_FINITE)
    z = normal_quantile((1 + credibility) / 2)
    up, down = _expected_loss(-mean, deviation), _expected_loss(mean, deviation)
    toward_win = mean if higher_is_better else -mean
    return BayesianResult(
        kind=effect.kind,
        estimate=mean,
        standard_deviation=deviation,
        interval=Interval(mean - z * deviation, mean + z * deviation),
        credibility=credibility,
        chance_to_win=normal_cdf(toward_win / deviation),
        loss_if_shipped=down if higher_is_better else up,
        loss_if_kept=up if higher_is_better else down,
        control_n=effect.control_n,
        treatment_n=effect.treatment_n,
    )


def _update(effect: Difference, prior: NormalPrior | None) -> tuple[float, float]:
    """Posterior mean and standard deviation: precisions add (written to survive any scale)."""
    scale = prior.scale_for(effect) if prior else 0.0
    spread = prior.standard_deviation * scale if prior else 0.0
    if prior is None or spread == 0:
        return effect.estimate, effect.standard_error
    ratio = effect.standard_error / spread
    data_weight = 1 / (1 + ratio * ratio)
    mean = data_weight * effect.estimate + (1 - data_weight) * prior.mean * scale
    return mean, effect.standard_error / hypot(ratio, 1)


def _expected_loss(mean: float, deviation: float) -> float:
    """E[max(0, -X)] of X ~ N(mean, deviation²): σ·φ(μ/σ) - μ·Φ(-μ/σ)."""
    z = mean / deviation
    return max(0.0, deviation * normal_density(z) - mean * normal_cdf(-z))
