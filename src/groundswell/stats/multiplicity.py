"""Several metrics or variants at once: corrections of p-values and of interval levels.

Holm (1979) keeps the chance of any false positive at alpha under every dependence. Benjamini
and Hochberg (1995) keep the expected share of false positives among the discoveries, for
independent or positively dependent tests. Correct over the primary metrics times the
treatments; guardrails are left alone, since correcting them would hide harm.
"""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order; compare them with alpha."""
    tests = len(p_values)
    adjusted = [0.0] * tests
    running = 0.0
    for rank, index in enumerate(_ascending(p_values)):
        running = max(running, min(1.0, (tests - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (false discovery rate) in the given order."""
    tests = len(p_values)
    adjusted = [0.0] * tests
    running = 1.0
    for rank, index in reversed(list(enumerate(_ascending(p_values), start=1))):
        running = min(running, p_values[index] * tests / rank)
        adjusted[index] = running
    return adjusted


def simultaneous_alpha(alpha: float, tests: int) -> float:
    """Level per interval so that all ``tests`` intervals cover together: Bonferroni."""
    return alpha / max(1, tests)


def false_coverage_alpha(alpha: float, tests: int, discoveries: int) -> float:
    """Level per interval of the discoveries that matches Benjamini-Hochberg.

    Source: Benjamini, Yekutieli (2005), "False Discovery Rate-Adjusted Multiple Confidence
    Intervals": alpha times discoveries over tests.
    """
    return alpha * max(1, discoveries) / max(1, tests)


def _ascending(p_values: Sequence[float]) -> list[int]:
    return sorted(range(len(p_values)), key=p_values.__getitem__)
