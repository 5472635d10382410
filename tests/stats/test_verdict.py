"""A winner needs everything at once; anything missing is named."""

from dataclasses import replace

import pytest

from groundswell.stats.bayesian import posterior
from groundswell.stats.effect import EffectKind, compare
from groundswell.stats.frequentist import welch
from groundswell.stats.guardrail import GuardrailState, guardrail_state
from groundswell.stats.result import FailureCode, Unavailable
from groundswell.stats.sample_ratio import sample_ratio
from groundswell.stats.sequential import confidence_sequence
from groundswell.stats.statistic import MeanStatistic, ProportionStatistic
from groundswell.stats.verdict import (
    Candidate,
    Decision,
    ErrorControl,
    Evidence,
    Reason,
    ReasonCode,
    Rule,
    verdict,
)

CONTROL = ProportionStatistic(10_000, 1000)
BETTER = ProportionStatistic(10_000, 1250)
WORSE = ProportionStatistic(10_000, 800)
SAME = ProportionStatistic(10_000, 1005)


def sequential(arm: ProportionStatistic) -> Candidate:
    """A candidate read by a confidence sequence."""
    return Candidate("test", confidence_sequence(compare(CONTROL, arm)))


def evidence(*candidates: Candidate, days: float = 14, ended: bool = False) -> Evidence:
    """Balanced, large, two weeks old."""
    return Evidence(
        candidates,
        units={"control": 10_000, **{c.variant: 10_000 for c in candidates}},
        days=days,
        sample_ratio=sample_ratio([10_000, 10_000], [1, 1]),
        planned_end_reached=ended,
    )


def codes(found: Evidence, rule: Rule | None = None) -> set[ReasonCode]:
    """Codes of the reasons."""
    return {reason.code for reason in verdict(found, rule).reasons}


def test_a_significant_balanced_mature_unharmed_variant_wins() -> None:
    """Any-time error control, so before the planned end too."""
    found = verdict(evidence(sequential(BETTER)))
    assert (found.decision, found.winner) == (Decision.WINNER, "test")
    assert found.error_control is ErrorControl.ANY_TIME
    assert found.reasons == (Reason(ReasonCode.SIGNIFICANTLY_BETTER, "test"),)


def test_each_missing_condition_alone_prevents_the_winner() -> None:
    """Sample, duration, balance, guardrail: the reason says which."""
    base = evidence(sequential(BETTER))
    harmed = replace(sequential(BETTER), guardrails={"refunds": GuardrailState.HARMED})
    uncertain = replace(sequential(BETTER), guardrails={"refunds": GuardrailState.UNCERTAIN})
    strict = Rule(require_cleared_guardrails=True)
    off = sample_ratio([9_000, 11_000], [1, 1])
    cases = [
        (replace(base, units={"control": 10_000, "test": 149}), None, ReasonCode.MINIMUM_SAMPLE),
        (replace(base, days=6.9), None, ReasonCode.MINIMUM_DURATION),
        (replace(base, sample_ratio=off), None, ReasonCode.SAMPLE_RATIO_MISMATCH),
        (evidence(harmed), None, ReasonCode.GUARDRAIL_HARMED),
        (evidence(uncertain), strict, ReasonCode.GUARDRAIL_NOT_CLEARED),
    ]
    for found, rule, code in cases:
        assert verdict(found, rule).winner is None
        assert code in codes(found, rule)
    assert verdict(evidence(uncertain)).winner == "test"


def test_an_unbalanced_sample_invalidates_whatever_it_shows() -> None:
    """No other reason is given: nothing of it is believed."""
    off = sample_ratio([9_000, 11_000], [1, 1])
    found = verdict(replace(evidence(sequential(BETTER)), sample_ratio=off))
    assert found.decision is Decision.INVALID
    assert found.reasons == (Reason(ReasonCode.SAMPLE_RATIO_MISMATCH),)


@pytest.mark.parametrize("bayesian", [False, True])
def test_methods_for_one_reading_wait_for_the_planned_end(bayesian: bool) -> None:
    """Fixed horizon and Bayesian; only the Bayesian one can be let off by the rule."""
    effect = compare(CONTROL, BETTER)
    candidate = Candidate("test", posterior(effect) if bayesian else welch(effect))
    early = verdict(evidence(candidate))
    assert early.decision is Decision.WAIT
    assert Reason(ReasonCode.BEFORE_PLANNED_END) in early.reasons
    assert verdict(evidence(candidate, ended=True)).winner == "test"
    loosened = verdict(evidence(candidate), Rule(early_bayesian=True))
    assert (loosened.winner == "test") is bayesian
    promise = ErrorControl.POSTERIOR if bayesian else ErrorControl.ONE_READING
    assert early.error_control is promise


def test_all_worse_means_back_to_the_control() -> None:
    """And the direction of the metric decides what is worse."""
    assert verdict(evidence(sequential(WORSE))).decision is Decision.CONTROL
    flipped = Rule(higher_is_better=False)
    assert verdict(evidence(sequential(WORSE)), flipped).winner == "test"
    assert verdict(evidence(sequential(BETTER)), flipped).decision is Decision.CONTROL


def test_no_difference_waits_until_the_planned_end() -> None:
    """Then there is no winner; that is not proof of equality."""
    assert verdict(evidence(sequential(SAME))).decision is Decision.WAIT
    ended = evidence(sequential(SAME), ended=True)
    assert verdict(ended).decision is Decision.NO_WINNER
    assert ReasonCode.NOT_SIGNIFICANT in codes(ended)


def test_harm_to_every_variant_stops_before_the_minimum_duration() -> None:
    """With one unharmed variant left, the experiment goes on."""
    harmed = replace(sequential(SAME), guardrails={"errors": GuardrailState.HARMED})
    assert verdict(evidence(harmed, days=1)).decision is Decision.HARM
    other = replace(sequential(BETTER), variant="other")
    assert verdict(evidence(harmed, other)).winner == "other"


def test_harm_in_a_tiny_sample_is_no_verdict_yet() -> None:
    """The minimum sample comes first, since the sequence is valid for large samples only."""
    harmed = replace(sequential(SAME), guardrails={"errors": GuardrailState.HARMED})
    tiny = replace(evidence(harmed), units={"control": 40, "test": 40})
    assert verdict(tiny).decision is Decision.WAIT


def test_a_p_value_just_above_alpha_is_not_significant() -> None:
    """Of either kind, raw or corrected."""
    result = welch(compare(CONTROL, BETTER))
    assert not isinstance(result, Unavailable)
    for p_value, wins in ((0.0499, True), (0.05, False), (0.0501, False)):
        raw = Candidate("test", replace(result, p_value=p_value))
        corrected = Candidate("test", result, adjusted_p_value=p_value)
        for candidate in (raw, corrected):
            found = verdict(evidence(candidate, ended=True))
            assert (found.decision is Decision.WINNER) is wins


def test_one_result_for_a_single_reading_spoils_reading_at_any_time() -> None:
    """The verdict promises what its weakest part keeps."""
    fixed = Candidate("other", welch(compare(CONTROL, BETTER)))
    found = verdict(evidence(sequential(BETTER), fixed))
    assert found.error_control is ErrorControl.ONE_READING
    assert found.decision is Decision.WAIT


def test_the_best_of_several_winners_ships_and_corrections_count() -> None:
    """The corrected p-value replaces the raw one."""
    good = replace(sequential(BETTER), variant="good")
    great = replace(sequential(ProportionStatistic(10_000, 1400)), variant="great")
    assert verdict(evidence(good, great)).winner == "great"
    corrected = replace(great, adjusted_p_value=0.2)
    assert verdict(evidence(good, corrected)).winner == "good"


def test_a_variant_without_a_result_is_named() -> None:
    """Not silently dropped."""
    missing = Candidate("test", Unavailable(FailureCode.ZERO_VARIANCE))
    found = evidence(missing, ended=True)
    assert verdict(found).decision is Decision.NO_WINNER
    assert ReasonCode.NO_RESULT in codes(found)


def test_guardrails_compare_with_the_tolerated_loss() -> None:
    """Harmed beyond it, cleared within it, uncertain around it, unknown without data."""
    effect = compare(CONTROL, WORSE)
    assert guardrail_state(effect) is GuardrailState.HARMED
    assert guardrail_state(effect, tolerated_loss=0.19) is GuardrailState.UNCERTAIN
    assert guardrail_state(effect, tolerated_loss=0.5) is GuardrailState.CLEARED
    assert guardrail_state(effect, higher_is_better=False) is GuardrailState.CLEARED
    errors = compare(CONTROL, BETTER)
    assert guardrail_state(errors, higher_is_better=False) is GuardrailState.HARMED
    empty = compare(ProportionStatistic(0, 0), WORSE, EffectKind.ABSOLUTE)
    assert guardrail_state(empty) is GuardrailState.UNKNOWN
    spend = compare(MeanStatistic(5, 10, 30), MeanStatistic(5, 11, 35))
    assert guardrail_state(spend) is GuardrailState.UNCERTAIN
