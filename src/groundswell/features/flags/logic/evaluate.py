"""Evaluation: which variant a person gets, and why. Pure: no I/O, no clock.

Order: off in this environment → an override → prerequisites → targeting groups from the first →
off. A group for everybody in it needs no id; one with a percentage or a split does. Answers of a
flag are few, so each is made once, and its encodings are kept with it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from groundswell.features.flags.logic import deal
from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.operators import Test, compile_condition
from groundswell.features.flags.types import (
    OFF,
    ON,
    Answer,
    Flag,
    Group,
    Reason,
    ReasonCode,
    Rules,
    Share,
)
from groundswell.stats.bucketing import Weight

Memo = dict[str, "Outcome"]
"""Answers already given to the same question, by flag."""


class Outcome:
    """An answer and, by protocol, its encoding (kept: the same answer is given many times)."""

    __slots__ = ("answer", "encoded", "number")

    def __init__(self, answer: Answer, number: int) -> None:
        self.answer = answer
        self.number = number
        self.encoded: dict[str, bytes] = {}


class _Group:
    """A targeting group, compiled."""

    __slots__ = ("admits", "choose", "outcomes", "tests")

    def __init__(
        self,
        tests: tuple[Test, ...],
        admits: deal.Admits | None,
        outcomes: tuple[Outcome, ...],
        choose: deal.Chooses | None,
    ) -> None:
        self.tests = tests
        self.admits = admits
        self.outcomes = outcomes
        self.choose = choose

    def holds(self, context: Context) -> bool | None:
        """Whether all conditions hold; None if none fails and memory can't tell one."""
        held: bool | None = True
        known = context.known
        for test in self.tests:
            if test in known:
                found = known[test]
            else:
                found = known[test] = test(context)
            if found is False:
                return False
            if found is None:
                held = None
        return held


class CompiledFlag:
    """A flag in one environment, ready to be asked."""

    def __init__(self, flag: Flag, rules: Rules) -> None:
        self.flag = flag
        self.key = flag.key
        self._payloads = {variant.key: variant.payload for variant in flag.variants}
        self._outcomes: dict[tuple[str | None, Reason], Outcome] = {}
        self._enabled = rules.enabled
        self._disabled = self.off(ReasonCode.DISABLED)
        self._missing = self.off(ReasonCode.UNIT_MISSING, detail=_unit_name(flag))
        self._none = self.off(ReasonCode.NO_MATCH)
        self._fallback = self.off(ReasonCode.FALLBACK, detail="a segment is not in memory")
        self._circular = self.off(ReasonCode.PREREQUISITE, detail=flag.key)
        self._overrides = {
            each.id: self.outcome(each.variant, Reason(ReasonCode.OVERRIDE))
            for each in rules.overrides
        }
        self._prerequisites = tuple((p.flag, frozenset(p.variants)) for p in rules.prerequisites)
        self.needs_others = bool(rules.prerequisites)
        self._unit = _unit_of(flag)
        self._groups = tuple(
            self._compile(number, group, rules) for number, group in enumerate(rules.groups)
        )

    def evaluate(self, context: Context, flags: "FlagSet", memo: Memo) -> Outcome:
        """The person's answer; ``memo`` holds what other flags said to the same question."""
        if not self._enabled:
            return self._disabled
        if self._overrides:
            found = self._override(context)
            if found is not None:
                return found
        if self._prerequisites:
            failed = self._failed(context, flags, memo)
            if failed is not None:
                return failed
        if self._unit is None:
            return self._target(context, context.unit)
        return self._target(context, deal.unit_bytes(self._unit(context)))

    def alone(self) -> "Outcome | Ask":
        """The one answer of a flag that gives everybody the same, else the shortest way to ask it.

        For flags without prerequisites; the same as :meth:`evaluate`, with fewer steps.
        """
        if not self._enabled:
            return self._disabled
        if self._overrides or self._unit is not None:
            return lambda context: self.evaluate(context, _NO_FLAGS, {})
        if not self._groups:
            return self._none
        first = self._groups[0]
        if not first.tests and first.admits is None and first.choose is None:
            return first.outcomes[0]
        if len(self._groups) == 1 and not first.tests and first.choose is None:
            return self._rolled_out(first)
        return lambda context: self._target(context, context.unit)

    def _rolled_out(self, group: _Group) -> "Ask":
        admits, inside, outside, missing = (
            group.admits,
            group.outcomes[0],
            self._none,
            self._missing,
        )
        assert admits is not None

        def ask(context: Context) -> Outcome:
            unit = context.unit
            if not unit:
                return missing
            return inside if admits(unit) else outside

        return ask

    def _target(self, context: Context, unit: bytes) -> Outcome:
        unknown = missing = False
        for group in self._groups:
            held = group.holds(context) if group.tests else True
            if held is None:
                unknown = True
            elif not held:
                continue
            elif group.admits is None and group.choose is None:
                return group.outcomes[0]
            elif not unit:
                missing = True
            elif group.admits is None or group.admits(unit):
                place = 0 if group.choose is None else group.choose(unit)
                if place is not None:
                    return group.outcomes[place]
        if unknown:
            return self._fallback
        return self._missing if missing else self._none

    def _override(self, context: Context) -> Outcome | None:
        if self._unit is not None:
            return self._overrides.get(self._unit(context))
        return self._overrides.get(context.distinct_id) or self._overrides.get(context.person)

    def _failed(self, context: Context, flags: "FlagSet", memo: Memo) -> Outcome | None:
        # A circle can't be saved; should one be read all the same, it ends here.
        memo[self.key] = self._circular
        for key, wanted in self._prerequisites:
            other = flags.outcome(key, context, memo)
            given = None if other is None else given_by(other.answer)
            if given not in wanted:
                return self.off(ReasonCode.PREREQUISITE, detail=key)
        return None

    def off(self, code: ReasonCode, detail: str = "") -> Outcome:
        """What the flag gives when it gives nothing else."""
        variant = OFF if self.flag.kind == "boolean" else self.flag.off_variant
        return self.outcome(variant, Reason(code, None, detail), enabled=False)

    def outcome(self, variant: str | None, reason: Reason, *, enabled: bool = True) -> Outcome:
        """The one Outcome of a variant and a reason."""
        found = self._outcomes.get((variant, reason))
        if found is None:
            answer = self._answer(variant, reason, enabled=enabled)
            found = self._outcomes[(variant, reason)] = Outcome(answer, self.flag.number)
        return found

    def _answer(self, variant: str | None, reason: Reason, *, enabled: bool) -> Answer:
        payload = None if variant is None else self._payloads.get(variant)
        value: Any
        if self.flag.kind == "boolean":
            enabled = enabled and variant == ON
            value = enabled
        else:
            value = variant if payload is None else payload
        return Answer(self.key, enabled, variant, value, payload, reason, self.flag.version)

    def _compile(self, number: int, group: Group, rules: Rules) -> _Group:
        flag = self.flag
        shares = _shares(flag, group, rules)
        code = ReasonCode.SPLIT if group.rollout < 100 or len(shares) > 1 else ReasonCode.MATCH
        outcomes = tuple(self.outcome(each.variant, Reason(code, number)) for each in shares)
        weights = [Weight(each.variant, each.weight) for each in shares]
        choose = deal.split(flag.key, flag.salt, weights, flag.hashing) if weights[1:] else None
        return _Group(
            tuple(compile_condition(condition) for condition in group.conditions),
            deal.rollout(flag.key, flag.salt, group.rollout, flag.hashing),
            outcomes,
            choose,
        )


class FlagSet:
    """All flags of one environment of a workspace, in order of key."""

    def __init__(self, flags: Iterable[CompiledFlag], environment: str) -> None:
        self.environment = environment
        ordered = sorted(flags, key=lambda each: each.key)
        self.flags: Mapping[str, CompiledFlag] = {flag.key: flag for flag in ordered}
        self._all = tuple(ordered)
        self._linked = any(flag.needs_others for flag in ordered)
        alone = [flag.alone() for flag in ordered]
        self._fixed = [each if isinstance(each, Outcome) else _NONE_YET for each in alone]
        self._asked = tuple(
            (place, each) for place, each in enumerate(alone) if not isinstance(each, Outcome)
        )

    @classmethod
    def of(cls, flags: Iterable[Flag], environment: str) -> "FlagSet":
        """Compiled from flags; archived ones are left out."""
        used = (flag for flag in flags if not flag.archived)
        return cls((CompiledFlag(flag, flag.rules(environment)) for flag in used), environment)

    def outcome(self, key: str, context: Context, memo: Memo | None = None) -> Outcome | None:
        """The answer of one flag; None if there is no such flag."""
        memo = {} if memo is None else memo
        found = memo.get(key)
        if found is None:
            flag = self.flags.get(key)
            if flag is None:
                return None
            found = memo[key] = flag.evaluate(context, self, memo)
        return found

    def outcomes(self, context: Context) -> list[Outcome]:
        """The answers of every flag, in order of key."""
        if not self._linked:
            found = self._fixed.copy()
            for place, ask in self._asked:
                found[place] = ask(context)
            return found
        memo: Memo = {}
        for flag in self._all:
            if flag.key not in memo:
                memo[flag.key] = flag.evaluate(context, self, memo)
        return [memo[key] for key in self.flags]


Ask = Callable[[Context], Outcome]
_NO_FLAGS = FlagSet((), "")
_NONE_YET = Outcome(Answer("", False, None, None, None, Reason(ReasonCode.DISABLED), 0), 0)


def given_by(answer: Answer) -> str | None:
    """The variant as a prerequisite names it; None when the flag is off."""
    return answer.variant if answer.enabled or answer.variant == OFF else None


def _shares(flag: Flag, group: Group, rules: Rules) -> list[Share]:
    """Who of a group gets what: its variant, its split, the environment's, all the same."""
    if group.variant is not None:
        return [Share(group.variant, 1.0)]
    if flag.kind == "boolean":
        return [Share(ON, 1.0)]
    shares = group.split or rules.split
    if not any(each.weight > 0 for each in shares):
        shares = [Share(variant.key, 1.0) for variant in flag.variants]
    return shares


def _unit_of(flag: Flag) -> Callable[[Context], str] | None:
    """What the flag deals by; None for the person, which every context has."""
    if flag.bucket_by == "device":
        return lambda context: context.device
    if flag.bucket_by == "group":
        kind = flag.group_type
        return lambda context: context.groups.get(kind, "")
    return None


def _unit_name(flag: Flag) -> str:
    return "device_id" if flag.bucket_by == "device" else f"group {flag.group_type}"
