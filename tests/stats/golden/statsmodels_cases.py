"""Cases of statsmodels and scipy.stats; imported by make.py."""

from typing import Any

from scipy.stats import chi2, norm, t
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint

Case = dict[str, Any]

P_VALUES = [
    [0.01, 0.04, 0.03, 0.005, 0.55, 0.6],
    [0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138],
    [0.05],
    [0.2, 0.2, 0.2],
    [1e-12, 0.5, 1.0, 0.0, 0.049],
]


def cases() -> list[Case]:
    """Corrections, Wilson intervals, power and distribution functions."""
    found: list[Case] = []
    for p_values in P_VALUES:
        for name, method in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
            answer = [float(p) for p in multipletests(p_values, method=method)[1]]
            found.append({"test": name, "p_values": p_values, "answer": answer})
    for n, successes in ((28, 14), (1000, 3), (50, 0), (50, 50), (7, 2)):
        ends = proportion_confint(successes, n, method="wilson")
        arm = {"n": n, "successes": successes}
        found.append({"test": "wilson", **arm, "answer": [float(end) for end in ends]})
    return found + power() + distributions()


def power() -> list[Case]:
    """Power of the z test of two means with unit variance."""
    solver = NormalIndPower()
    found = []
    for effect, n, ratio in ((0.1, 1000, 1.0), (0.03, 20000, 1.0), (0.2, 300, 0.5)):
        for alternative in ("two-sided", "larger"):
            answer = float(solver.power(effect, n, 0.05, ratio=ratio, alternative=alternative))
            case = {"effect": effect, "control": n, "ratio": ratio, "alternative": alternative}
            found.append({"test": "power", **case, "answer": answer})
    return found


def distributions() -> list[Case]:
    """Quantiles and tails, near and far."""
    found: list[Case] = []
    for df in (1.5, 7, 120.5, 1e6):
        for q in (0.6, 0.975, 0.9999999):
            answer = float(t.ppf(q, df))
            found.append({"test": "student_quantile", "q": q, "df": df, "answer": answer})
        for x in (-12.0, -2.0, 0.3):
            answer = float(t.cdf(x, df))
            found.append({"test": "student_cdf", "x": x, "df": df, "answer": answer})
    for x in (-30.0, -8.0, -1.0, 0.0, 2.5):
        found.append({"test": "normal_cdf", "x": x, "answer": float(norm.cdf(x))})
    for x, df in ((18.18, 1), (0.5, 3), (200.0, 4)):
        found.append({"test": "chi_square_sf", "x": x, "df": df, "answer": float(chi2.sf(x, df))})
    return found
