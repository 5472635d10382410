"""The verdict: what may be decided from an experiment now, and why.

A winner needs all of: significance (after correction), the minimum sample in every arm, the
minimum duration, a balanced sample, no harmed guardrail, and, for methods that may be read
only once, the planned end. The verdict names the error rate it controls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from groundswell.stats.bayesian import BayesianResult
from groundswell.stats.frequentist import FrequentistResult, Method
from groundswell.stats.guardrail import GuardrailState
from groundswell.stats.result import Unavailable
from groundswell.stats.sample_ratio import SampleRatio


class Decision(StrEnum):
    """What the data allow."""

    WINNER = "winner"
    """Ship the named variant."""
    CONTROL = "control"
    """Every variant is significantly worse: roll back."""
    HARM = "harm"
    """Every variant harms a guardrail: stop."""
    NO_WINNER = "no_winner"
    """The planned end came without a significant difference."""
    WAIT = "wait"
    """Keep running; the reasons say what is missing."""
    INVALID = "invalid"
    """The data cannot be believed."""


class ReasonCode(StrEnum):
    """Why; ``subject`` of the reason names the variant or metric it is about."""

    SAMPLE_RATIO_MISMATCH = "sample_ratio_mismatch"
    MINIMUM_SAMPLE = "minimum_sample"
    MINIMUM_DURATION = "minimum_duration"
    BEFORE_PLANNED_END = "before_planned_end"
    NO_RESULT = "no_result"
    SIGNIFICANTLY_BETTER = "significantly_better"
    SIGNIFICANTLY_WORSE = "significantly_worse"
    NOT_SIGNIFICANT = "not_significant"
    GUARDRAIL_HARMED = "guardrail_harmed"
    GUARDRAIL_NOT_CLEARED = "guardrail_not_cleared"


class ErrorControl(StrEnum):
    """Which error rate a verdict controls."""

    ONE_READING = "one_reading"
    """False positives of a single reading at the planned end."""
    ANY_TIME = "any_time"
    """False positives over all readings, however many."""
    POSTERIOR = "posterior"
    """None: a degree of belief under the prior."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a verdict."""

    code: ReasonCode
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant against the control on the primary metric, with its guardrails by name.

    ``adjusted_p_value`` replaces the result's own after a multiplicity correction.
    """

    variant: str
    result: FrequentistResult | BayesianResult | Unavailable
    guardrails: Mapping[str, GuardrailState] = field(default_factory=dict)
    adjusted_p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When a verdict may fall.

    ``chance_to_win`` 0.975 agrees with "the 95 % interval excludes zero". ``minimum_units`` is
    per arm, ``minimum_days`` of exposure. ``early_bayesian`` lets a Bayesian verdict fall
    before the planned end, at the price of more false winners.
    """

    minimum_units: int = 150
    minimum_days: float = 7.0
    chance_to_win: float = 0.975
    higher_is_better: bool = True
    require_cleared_guardrails: bool = False
    early_bayesian: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a verdict rests on."""

    candidates: Sequence[Candidate]
    units: Mapping[str, int]
    days: float
    sample_ratio: SampleRatio
    planned_end_reached: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with its reasons and the error rate it controls."""

    decision: Decision
    winner: str | None
    reasons: tuple[Reason, ...]
    error_control: ErrorControl


def verdict(evidence: Evidence, rule: Rule | None = None) -> Verdict:
    """What may be decided now."""
    rule = rule or Rule()
    control = error_control(evidence.candidates)
    if evidence.sample_ratio.mismatch:
        return Verdict(Decision.INVALID, None, (Reason(ReasonCode.SAMPLE_RATIO_MISMATCH),), control)
    short = _minimum_sample(evidence, rule)
    harm = _guardrails(evidence.candidates, (GuardrailState.HARMED,), ReasonCode.GUARDRAIL_HARMED)
    harmed = {variant for variant, _ in harm}
    if not short and harmed and len(harmed) == len(evidence.candidates):
        return Verdict(Decision.HARM, None, tuple(reason for _, reason in harm), control)
    waiting = [*short, *_early(evidence, rule, control)]
    findings = {item.variant: finding(item, rule) for item in evidence.candidates}
    reasons = [*waiting, *(reason for _, reason in harm)]
    reasons += [Reason(code, variant) for variant, code in findings.items()]
    if waiting:
        return Verdict(Decision.WAIT, None, tuple(reasons), control)
    blocked, uncleared = harmed, _uncleared(evidence.candidates, rule)
    reasons += [reason for _, reason in uncleared]
    blocked |= {variant for variant, _ in uncleared}
    winner = _best(evidence.candidates, findings, blocked, rule)
    decision = Decision.WINNER if winner else _without_winner(evidence, findings)
    return Verdict(decision, winner, tuple(reasons), control)


def error_control(candidates: Sequence[Candidate]) -> ErrorControl:
    """The weakest promise among the results: one fixed-horizon result spoils any-time reading."""
    results = [item.result for item in candidates if not isinstance(item.result, Unavailable)]
    if any(isinstance(result, BayesianResult) for result in results):
        return ErrorControl.POSTERIOR
    methods = {result.method for result in results if isinstance(result, FrequentistResult)}
    return ErrorControl.ANY_TIME if methods == {Method.SEQUENTIAL} else ErrorControl.ONE_READING


def finding(candidate: Candidate, rule: Rule) -> ReasonCode:
    """Whether a variant is significantly better or worse on the primary metric, or neither."""
    result = candidate.result
    if isinstance(result, Unavailable):
        return ReasonCode.NO_RESULT
    if isinstance(result, BayesianResult):
        if result.chance_to_win >= rule.chance_to_win:
            return ReasonCode.SIGNIFICANTLY_BETTER
        worse = result.chance_to_win <= 1 - rule.chance_to_win
        return ReasonCode.SIGNIFICANTLY_WORSE if worse else ReasonCode.NOT_SIGNIFICANT
    adjusted = candidate.adjusted_p_value
    p_value = result.p_value if adjusted is None else adjusted
    if p_value >= result.alpha:
        return ReasonCode.NOT_SIGNIFICANT
    up = result.estimate > result.null_value
    better = up is rule.higher_is_better
    return ReasonCode.SIGNIFICANTLY_BETTER if better else ReasonCode.SIGNIFICANTLY_WORSE


def _minimum_sample(evidence: Evidence, rule: Rule) -> list[Reason]:
    return [
        Reason(ReasonCode.MINIMUM_SAMPLE, arm)
        for arm, units in evidence.units.items()
        if units < rule.minimum_units
    ]


def _early(evidence: Evidence, rule: Rule, control: ErrorControl) -> list[Reason]:
    reasons = []
    if evidence.days < rule.minimum_days:
        reasons.append(Reason(ReasonCode.MINIMUM_DURATION))
    any_time = control is ErrorControl.ANY_TIME or (
        control is ErrorControl.POSTERIOR and rule.early_bayesian
    )
    if not (any_time or evidence.planned_end_reached):
        reasons.append(Reason(ReasonCode.BEFORE_PLANNED_END))
    return reasons


def _guardrails(
    candidates: Sequence[Candidate], states: Sequence[GuardrailState], code: ReasonCode
) -> list[tuple[str, Reason]]:
    return [
        (item.variant, Reason(code, f"{item.variant}: {metric}"))
        for item in candidates
        for metric, state in item.guardrails.items()
        if state in states
    ]


def _uncleared(candidates: Sequence[Candidate], rule: Rule) -> list[tuple[str, Reason]]:
    if not rule.require_cleared_guardrails:
        return []
    states = (GuardrailState.UNCERTAIN, GuardrailState.UNKNOWN)
    return _guardrails(candidates, states, ReasonCode.GUARDRAIL_NOT_CLEARED)


def _best(
    candidates: Sequence[Candidate],
    findings: Mapping[str, ReasonCode],
    blocked: set[str],
    rule: Rule,
) -> str | None:
    """The unblocked significant variant with the largest effect in the good direction."""
    sign = 1 if rule.higher_is_better else -1
    effects = {
        item.variant: sign * item.result.estimate
        for item in candidates
        if not isinstance(item.result, Unavailable)
        and findings[item.variant] is ReasonCode.SIGNIFICANTLY_BETTER
        and item.variant not in blocked
    }
    return max(effects, key=effects.__getitem__) if effects else None


def _without_winner(evidence: Evidence, findings: Mapping[str, ReasonCode]) -> Decision:
    codes = set(findings.values())
    if codes == {ReasonCode.SIGNIFICANTLY_WORSE}:
        return Decision.CONTROL
    return Decision.NO_WINNER if evidence.planned_end_reached else Decision.WAIT
