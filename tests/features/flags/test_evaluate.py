"""The order in which a flag decides, and the reason each answer gives."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.evaluate import FlagSet
from groundswell.features.flags.types import (
    Condition,
    Group,
    Operator,
    Override,
    Prerequisite,
    ReasonCode,
    Rules,
    Share,
    Variant,
)

AB = [Variant("a", {"price": 900}), Variant("b")]
PRO = Condition("plan", Operator.IS, "pro")


def ask(flags, key="f", distinct_id="u1", **context):
    found = FlagSet.of(flags if isinstance(flags, list) else [flags], "production")
    return found.outcome(key, Context(distinct_id, now=0.0, **context)).answer


def test_off_gives_off_and_says_so(make):
    answer = ask(make("f", Rules(groups=[Group()], overrides=[Override("u1", "on")])))
    assert (answer.enabled, answer.value, answer.reason.code) == (False, False, "disabled")


def test_a_tester_gets_the_override_before_any_rule(make):
    rules = Rules(enabled=True, overrides=[Override("u1", "on")])
    assert ask(make("f", rules)).reason.code is ReasonCode.OVERRIDE
    assert ask(make("f", rules), distinct_id="u2").enabled is False
    assert ask(make("f", rules), distinct_id="later", person="u1").enabled is True


def test_the_first_group_that_holds_decides_and_is_named(make):
    groups = [Group([PRO], variant="a"), Group(variant="b")]
    flag = make("f", Rules(enabled=True, groups=groups), kind="multivariate", variants=AB)
    pro = ask(flag, properties={"plan": "pro"})
    assert (pro.variant, pro.value, pro.reason.group) == ("a", {"price": 900}, 0)
    free = ask(flag, properties={"plan": "free"})
    assert (free.variant, free.value, free.reason.group) == ("b", "b", 1)


def test_all_conditions_of_a_group_must_hold(make):
    other = Condition("country", Operator.IS, "at")
    flag = make("f", Rules(enabled=True, groups=[Group([PRO, other])]))
    assert ask(flag, properties={"plan": "pro"}).reason.code is ReasonCode.NO_MATCH
    assert ask(flag, properties={"plan": "pro", "country": "AT"}).enabled


def test_properties_of_groups_are_read_from_the_group(make):
    condition = Condition("tier", Operator.IS, "gold", of="group", group_type="company")
    flag = make("f", Rules(enabled=True, groups=[Group([condition])]))
    assert ask(flag, group_properties={"company": {"tier": "gold"}}).enabled
    assert not ask(flag, properties={"tier": "gold"}).enabled


@pytest.mark.parametrize(
    ("known", "code"), [(True, "targeting_match"), (False, "no_match"), (None, "fallback")]
)
def test_a_segment_that_memory_does_not_hold_falls_back_and_says_so(make, known, code):
    condition = Condition("whales", Operator.IN_SEGMENT, of="segment")
    flag = make("f", Rules(enabled=True, groups=[Group([condition])]))
    answer = ask(flag, segments=lambda _segment, _id: known)
    assert answer.reason.code == code
    assert answer.enabled is bool(known)


def test_an_unknown_segment_does_not_hide_a_group_that_holds(make):
    condition = Condition("whales", Operator.NOT_IN_SEGMENT, of="segment")
    assert ask(make("f", Rules(enabled=True, groups=[Group([condition]), Group()]))).enabled


def test_a_prerequisite_must_give_one_of_its_variants(make):
    rules = Rules(enabled=True, groups=[Group()], prerequisites=[Prerequisite("base")])
    on = [make("f", rules), make("base")]
    off = [make("f", rules), make("base", Rules(enabled=False))]
    assert ask(on).enabled
    assert ask(off).reason.code is ReasonCode.PREREQUISITE
    assert ask(off).reason.detail == "base"
    assert ask([make("f", rules)]).reason.detail == "base"


def test_a_flag_may_need_that_another_is_off(make):
    wanted = Rules(enabled=True, groups=[Group()], prerequisites=[Prerequisite("base", ["off"])])
    assert ask([make("f", wanted), make("base", Rules(enabled=False))]).enabled
    assert not ask([make("f", wanted), make("base")]).enabled


def test_a_circle_that_was_never_meant_to_be_ends(make):
    def need(key):
        return Rules(enabled=True, groups=[Group()], prerequisites=[Prerequisite(key)])

    flags = [make("f", need("g")), make("g", need("f")), make("h", need("f"))]
    assert not ask(flags).enabled
    found = FlagSet.of(flags, "production").outcomes(Context("u", now=0.0))
    assert [each.answer.enabled for each in found] == [False, False, False]


def test_all_at_once_says_what_each_alone_says(make):
    rules = Rules(enabled=True, groups=[Group(rollout=50)], prerequisites=[Prerequisite("z")])
    flags = [
        make("a", rules),
        make("b", rules),
        make("z", Rules(enabled=True, groups=[Group(rollout=40)])),
    ]
    found = FlagSet.of(flags, "production")
    for n in range(200):
        context = Context(f"u{n}", now=0.0)
        alone = [found.outcome(key, context) for key in ("a", "b", "z")]
        assert found.outcomes(context) == alone


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.booleans()), max_size=2),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["u1", "tester", ""]),
    st.sampled_from(["boolean", "multivariate"]),
)
def test_the_short_way_gives_what_the_long_way_gives(make, groups, enabled, tester, unit, kind):
    rules = Rules(
        enabled=enabled,
        groups=[Group([PRO] if condition else [], rollout=share) for condition, share, _ in groups],
        overrides=[Override("tester", "on" if kind == "boolean" else "a")] if tester else [],
    )
    flag = make("f", rules, kind=kind, variants=AB if kind == "multivariate" else [])
    found = FlagSet.of([flag], "production")
    for plan in ("pro", "free"):
        there = {"now": 0.0, "properties": {"plan": plan}}
        long = found.outcome("f", Context(unit, **there))
        assert found.outcomes(Context(unit, **there)) == [long]


def test_dealing_by_device_and_group_survives_another_person(make):
    rules = Rules(enabled=True, groups=[Group(rollout=50)])
    by_device = make("f", rules, bucket_by="device")
    by_company = make("f", rules, bucket_by="group", group_type="company")
    for n in range(50):
        there = {"device": f"d{n}", "groups": {"company": f"c{n}"}}
        assert ask(by_device, distinct_id="x", **there) == ask(by_device, distinct_id="y", **there)
        assert ask(by_company, distinct_id="x", **there) == ask(
            by_company, distinct_id="y", **there
        )
    assert ask(by_device).reason.code is ReasonCode.UNIT_MISSING
    assert ask(by_company).reason.detail == "group company"
    assert ask(make("f", bucket_by="device")).enabled, "everybody needs no id"


def test_a_log_in_changes_nothing_while_the_first_id_is_carried(make):
    flag = make("f", Rules(enabled=True, groups=[Group(rollout=50)]))
    for n in range(100):
        before = ask(flag, distinct_id=f"anon{n}")
        after = ask(flag, distinct_id=f"user{n}", person=f"anon{n}")
        assert before == after


@given(st.text(min_size=1, max_size=30), st.floats(0, 100), st.floats(0, 100))
def test_a_variant_stays_when_the_roll_out_grows(make, unit, first, second):
    low, high = sorted((first, second))

    def at(percentage):
        rules = Rules(
            enabled=True,
            groups=[Group(rollout=percentage)],
            split=[Share("a", 30), Share("b", 70)],
        )
        flag = make("f", rules, kind="multivariate", variants=AB)
        return ask(flag, distinct_id=unit).variant

    was, now = at(low), at(high)
    assert was is None or was == now
    assert at(low) == was, "the same question has the same answer"


def test_a_multivariate_flag_that_is_off_gives_its_off_variant_or_nothing(make):
    off = Rules(enabled=False)
    assert ask(make("f", off, kind="multivariate", variants=AB)).value is None
    answer = ask(make("f", off, kind="multivariate", variants=AB, off_variant="a"))
    assert (answer.enabled, answer.value) == (False, {"price": 900})


def test_a_group_with_a_split_of_its_own_ignores_the_common_one(make):
    rules = Rules(enabled=True, groups=[Group(split=[Share("b", 1)])], split=[Share("a", 1)])
    assert ask(make("f", rules, kind="multivariate", variants=AB)).variant == "b"
