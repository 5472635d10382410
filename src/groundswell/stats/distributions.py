"""Distribution functions as plain floats: the only door to scipy.

Source: scipy.special, which wraps Cephes and Boost.Math. Tails are computed as survival
functions rather than ``1 - cdf``, so that small p-values keep their digits.
"""

import math

from scipy import special


def normal_cdf(x: float) -> float:
    """P(Z ≤ x) of the standard normal."""
    return float(special.ndtr(x))


def normal_log_scaled_cdf(x: float) -> float:
    """ln(P(Z ≤ x)·exp(x²/2)), without overflow or cancellation in either tail."""
    if x >= 0:
        return float(special.log_ndtr(x)) + x * x / 2
    scaled = float(special.erfcx(-x / math.sqrt(2))) / 2
    return math.log(scaled) if scaled > 0 else -math.inf


def normal_density(x: float) -> float:
    """Density of the standard normal at x."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def normal_quantile(probability: float) -> float:
    """The z with P(Z ≤ z) = probability."""
    return float(special.ndtri(probability))


def student_cdf(x: float, degrees: float) -> float:
    """P(T ≤ x) of Student's t; infinite degrees give the normal."""
    return float(special.stdtr(degrees, x))


def student_quantile(probability: float, degrees: float) -> float:
    """The t with P(T ≤ t) = probability."""
    return float(special.stdtrit(degrees, probability))


def chi_square_sf(x: float, degrees: float) -> float:
    """P(X > x) of the chi-square distribution."""
    return float(special.chdtrc(degrees, x))
