"""Asymptotic confidence sequences: intervals that may be read at any time, every day.

Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2021-2024), "Time-uniform central limit
theory and asymptotic confidence sequences", arXiv 2103.06476, equations 9 (interval), 155
(p-value) and 161 (tuning); N is the units of both arms, N* where the interval is tightest.
The probability that the interval EVER excludes the truth is at most alpha, asymptotically:
with very few units the normal approximation is not there yet, so keep a minimum sample.

The one-sided form mixes over positive effects only (a half-normal mixture), with the e-value

    E = 2·Φ(x)·exp(x²/2)/sqrt(Nρ² + 1),   x = z·sqrt(Nρ²/(Nρ² + 1)),   z = (estimate - null)/SE

and its interval inverts that e-value exactly, so that interval and p-value always agree.
"""

import math

from groundswell.stats.distributions import normal_log_scaled_cdf
from groundswell.stats.effect import Difference
from groundswell.stats.frequentist import (
    Alternative,
    FrequentistResult,
    Method,
    one_sided_interval,
)
from groundswell.stats.result import Interval, Unavailable, probability_setting

DEFAULT_TUNING = 5000.0
"""N*: the units of both arms at which the interval is tightest (gbstats' default)."""


def mixture_rho(alpha: float, tuning: float = DEFAULT_TUNING) -> float:
    """ρ of the normal mixture that is tightest at ``tuning`` units (equation 161)."""
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuning)


def critical_value(units: int, alpha: float, tuning: float = DEFAULT_TUNING) -> float:
    """Half-width of the two-sided sequence in standard errors (1.96 for one fixed reading)."""
    growth = units * mixture_rho(alpha, tuning) ** 2
    return math.sqrt(2 * (growth + 1) / growth * (math.log(growth + 1) / 2 - math.log(alpha)))


def one_sided_critical_value(units: int, alpha: float, tuning: float = DEFAULT_TUNING) -> float:
    """Width of the one-sided sequence in standard errors: where the e-value reaches 1/alpha.

    By bisection: the e-value increases with x, and is below 1/alpha at 0.
    """
    growth = units * mixture_rho(2 * alpha, tuning) ** 2
    target = math.log(growth + 1) / 2 - math.log(2 * alpha)
    low, high = 0.0, 1.0
    while normal_log_scaled_cdf(high) < target:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if normal_log_scaled_cdf(middle) < target else (low, middle)
        if high - low < 1e-13 * max(1.0, abs(high)):
            break
    return (low + high) / 2 * math.sqrt((growth + 1) / growth)


def confidence_sequence(
    effect: Difference | Unavailable,
    *,
    alpha: float = 0.05,
    alternative: Alternative = Alternative.TWO_SIDED,
    null_value: float = 0.0,
    tuning: float = DEFAULT_TUNING,
) -> FrequentistResult | Unavailable:
    """The sequence's interval and always-valid p-value at the present sample.

    Raises:
        ValueError: ``alpha`` outside (0, 1), one-sided ``alpha`` of ½ or more, or ``tuning``
            not positive.
    """
    probability_setting("alpha", alpha if alternative is Alternative.TWO_SIDED else 2 * alpha)
    if tuning <= 0:
        raise ValueError(f"tuning must be positive, not {tuning}")
    if isinstance(effect, Unavailable):
        return effect
    units = effect.control_n + effect.treatment_n
    z = (effect.estimate - null_value) / effect.standard_error
    if alternative is Alternative.TWO_SIDED:
        p_value = _p_value(z, units, mixture_rho(alpha, tuning))
        width = critical_value(units, alpha, tuning) * effect.standard_error
        interval = Interval(effect.estimate - width, effect.estimate + width)
    else:
        towards = z if alternative is Alternative.GREATER else -z
        p_value = _one_sided_p_value(towards, units, mixture_rho(2 * alpha, tuning))
        width = one_sided_critical_value(units, alpha, tuning) * effect.standard_error
        interval = one_sided_interval(alternative, effect.estimate, width)
    return FrequentistResult(
        method=Method.SEQUENTIAL,
        kind=effect.kind,
        alternative=alternative,
        estimate=effect.estimate,
        standard_error=effect.standard_error,
        interval=interval,
        p_value=p_value,
        alpha=alpha,
        null_value=null_value,
        control_n=effect.control_n,
        treatment_n=effect.treatment_n,
    )


def _p_value(z: float, units: int, rho: float) -> float:
    growth = units * rho**2
    log_e_value = growth * z * z / (2 * (growth + 1)) - math.log(growth + 1) / 2
    return math.exp(min(0.0, -log_e_value))


def _one_sided_p_value(z: float, units: int, rho: float) -> float:
    growth = units * rho**2
    x = z * math.sqrt(growth / (growth + 1))
    log_e_value = math.log(2) + normal_log_scaled_cdf(x) - math.log(growth + 1) / 2
    return math.exp(min(0.0, -log_e_value))
