"""A/A simulation: how often each way of reading finds a difference where there is none.

The product runs it next to its results, so that nobody has to believe this package.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundswell.stats.distributions import normal_quantile
from groundswell.stats.result import probability_setting
from groundswell.stats.sequential import DEFAULT_TUNING, critical_value

Paths = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AaSettings:
    """Simulated experiments without an effect on a conversion rate, read once a day."""

    seed: int
    experiments: int = 2000
    looks: int = 30
    units_per_arm_and_look: int = 200
    conversion_rate: float = 0.1
    alpha: float = 0.05
    tuning: float = DEFAULT_TUNING
    lift: float = 0.0
    """Relative lift of the treatment; anything but 0 turns rates into power."""

    def __post_init__(self) -> None:
        probability_setting("conversion_rate", self.conversion_rate)
        probability_setting("the treated conversion rate", self.conversion_rate * (1 + self.lift))
        probability_setting("alpha", self.alpha)
        if min(self.experiments, self.looks, self.units_per_arm_and_look) < 1:
            raise ValueError("experiments, looks and units must be at least 1")


@dataclass(frozen=True, slots=True)
class AaRates:
    """Share of experiments that were called different, by way of reading.

    ``bayesian_any_look`` declares at a chance to win above 1 - alpha or below alpha (flat
    prior), as popular tools do.
    """

    fixed_last_look: float
    fixed_any_look: float
    sequential_any_look: float
    sequential_last_look: float
    bayesian_any_look: float


def simulate_aa(settings: AaSettings) -> AaRates:
    """Rates of false positives (or, with a lift, of detection)."""
    z = np.abs(z_paths(settings))
    fixed = normal_quantile(1 - settings.alpha / 2)
    bayesian = normal_quantile(1 - settings.alpha)
    units = 2 * settings.units_per_arm_and_look * np.arange(1, settings.looks + 1)
    boundary = np.array([critical_value(int(n), settings.alpha, settings.tuning) for n in units])
    return AaRates(
        fixed_last_look=float(np.mean(z[:, -1] > fixed)),
        fixed_any_look=float(np.mean(np.any(z > fixed, axis=1))),
        sequential_any_look=float(np.mean(np.any(z > boundary, axis=1))),
        sequential_last_look=float(np.mean(z[:, -1] > boundary[-1])),
        bayesian_any_look=float(np.mean(np.any(z > bayesian, axis=1))),
    )


def z_paths(settings: AaSettings) -> Paths:
    """Difference in standard errors at every look: experiments by looks."""
    random = np.random.default_rng(settings.seed)
    shape = (settings.experiments, settings.looks)
    units = settings.units_per_arm_and_look
    rates = (settings.conversion_rate, settings.conversion_rate * (1 + settings.lift))
    seen = units * np.arange(1, settings.looks + 1)
    control, treatment = (np.cumsum(random.binomial(units, p, shape), axis=1) / seen for p in rates)
    variance = (control * (1 - control) + treatment * (1 - treatment)) / seen
    return np.divide(
        treatment - control, np.sqrt(variance), out=np.zeros(shape), where=variance > 0
    )
