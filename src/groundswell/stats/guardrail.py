"""Guardrails: has a metric that must not suffer been harmed, beyond what is tolerated?

Two one-sided tests around the tolerated loss (a margin on the effect's scale, 0 or more):
*harmed* when the effect is significantly worse than the margin, *cleared* when it is
significantly better than it (non-inferiority), *uncertain* in between. Each side errs at most
alpha of the time. Guardrails are not corrected for multiplicity: that would hide harm, so of
twenty unaffected guardrails at margin 0 up to one is expected to look harmed.
Source of the tests: Schuirmann (1987), two one-sided tests.
"""

from enum import StrEnum

from groundswell.stats.effect import Difference
from groundswell.stats.frequentist import Alternative, FrequentistResult, Method, welch
from groundswell.stats.result import Unavailable
from groundswell.stats.sequential import DEFAULT_TUNING, confidence_sequence


class GuardrailState(StrEnum):
    """What is known of a guardrail."""

    HARMED = "harmed"
    UNCERTAIN = "uncertain"
    CLEARED = "cleared"
    UNKNOWN = "unknown"
    """No result: too few units or no variation."""


def guardrail_state(
    effect: Difference | Unavailable,
    *,
    tolerated_loss: float = 0.0,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    method: Method = Method.SEQUENTIAL,
    tuning: float = DEFAULT_TUNING,
) -> GuardrailState:
    """State of a guardrail; sequential by default, since guardrails are watched all the time.

    Raises:
        ValueError: a negative ``tolerated_loss``, ``alpha`` outside (0, ½).
    """
    if tolerated_loss < 0:
        raise ValueError("a tolerated loss is not negative")
    worse = Alternative.LESS if higher_is_better else Alternative.GREATER
    better = Alternative.GREATER if higher_is_better else Alternative.LESS
    margin = -tolerated_loss if higher_is_better else tolerated_loss

    def rejects(side: Alternative) -> bool | None:
        result: FrequentistResult | Unavailable
        if method is Method.SEQUENTIAL:
            result = confidence_sequence(
                effect, alpha=alpha, alternative=side, null_value=margin, tuning=tuning
            )
        else:
            result = welch(effect, alpha=alpha, alternative=side, null_value=margin)
        return None if isinstance(result, Unavailable) else result.significant

    harmed = rejects(worse)
    if harmed is None:
        return GuardrailState.UNKNOWN
    if harmed:
        return GuardrailState.HARMED
    return GuardrailState.CLEARED if rejects(better) else GuardrailState.UNCERTAIN
