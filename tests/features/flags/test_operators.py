"""Each operator over values as clients send them, and what RE2 keeps from happening."""

import time

import pytest

from groundswell.features.flags.logic import semver
from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.operators import compile_condition, predicate
from groundswell.features.flags.types import Condition, Operator

HOLDS = [
    (Operator.IS, "pro", "PRO"),
    (Operator.IS, ["pro", "team"], "team"),
    (Operator.IS, 5, "5"),
    (Operator.IS, "true", True),
    (Operator.IS, ["a"], ["b", "a"]),
    (Operator.IS, 1.0, 1),
    (Operator.IS_NOT, "pro", "free"),
    (Operator.IS_NOT, "pro", None),
    (Operator.CONTAINS, "@acme.", "Jo@ACME.com"),
    (Operator.NOT_CONTAINS, "@acme.", None),
    (Operator.STARTS_WITH, ["de-", "at-"], "AT-9"),
    (Operator.ENDS_WITH, ".com", "a@b.COM"),
    (Operator.REGEX, "^a.+z$", "abcz"),
    (Operator.NOT_REGEX, "^a.+z$", "abc"),
    (Operator.GT, 5, 5.1),
    (Operator.GTE, "5", 5),
    (Operator.LT, 5, "4"),
    (Operator.LTE, 0, -1),
    (Operator.SEMVER_EQ, "1.2", "v1.2.0"),
    (Operator.SEMVER_NEQ, "1.2.0", "1.2.1"),
    (Operator.SEMVER_GT, "1.2.0", "1.10.0"),
    (Operator.SEMVER_LT, "2.0.0", "2.0.0-rc.1"),
    (Operator.SEMVER_LTE, "2.0.0", "2.0.0+build7"),
    (Operator.SEMVER_TILDE, "1.2.3", "1.2.9"),
    (Operator.SEMVER_CARET, "1.2.3", "1.9.0"),
    (Operator.SEMVER_CARET, "0.2.3", "0.2.4"),
    (Operator.IS_SET, None, ""),
    (Operator.IS_NOT_SET, None, None),
]
FAILS = [
    (Operator.IS, "pro", None),
    (Operator.IS, "1", True),
    (Operator.CONTAINS, "x", None),
    (Operator.GT, 5, None),
    (Operator.GT, 5, "many"),
    (Operator.GT, 0, True),
    (Operator.LT, 5, "nan"),
    (Operator.SEMVER_GT, "1.2", "new"),
    (Operator.SEMVER_TILDE, "1.2.3", "1.3.0"),
    (Operator.SEMVER_CARET, "1.2.3", "2.0.0"),
    (Operator.SEMVER_CARET, "0.2.3", "0.3.0"),
    (Operator.REGEX, r"(a)\1", "aa"),
    (Operator.IS_SET, None, None),
]


@pytest.mark.parametrize(("operator", "value", "found"), HOLDS)
def test_holds(operator, value, found):
    assert predicate(operator, value)(found) is True


@pytest.mark.parametrize(("operator", "value", "found"), FAILS)
def test_does_not_hold(operator, value, found):
    assert predicate(operator, value)(found) is False


@pytest.mark.parametrize("operator", [o for o in Operator if "segment" not in o.value])
@pytest.mark.parametrize(
    "found", [None, "", {}, [], [None], 10**400, float("nan"), "\ud800", {"a": 1}]
)
def test_no_value_of_a_property_is_an_error(operator, found):
    for value in ("1.2", 3, ["a"], None, {}, "(", "-30d", "2026-01-01"):
        compile_condition(Condition("p", operator, value))(
            Context("u", now=0.0, properties={"p": found})
        )


@pytest.mark.parametrize(
    ("operator", "value", "found", "holds"),
    [
        (Operator.BEFORE, "2026-01-01", "2025-12-31T23:59:59Z", True),
        (Operator.BEFORE, "2026-01-01T00:00:00+02:00", "2025-12-31T22:30:00Z", False),
        (Operator.AFTER, "-30d", "1970-01-02", False),
        (Operator.AFTER, "-30d", 86_400 * 80, True),
        (Operator.AFTER, "-30d", 86_400_000 * 80_000, True),
        (Operator.AFTER, "-30d", "soon", False),
        (Operator.BEFORE, "-1w", None, False),
    ],
)
def test_dates_are_moments_or_so_long_ago(operator, value, found, holds):
    test = compile_condition(Condition("p", operator, value))
    assert test(Context("u", now=86_400.0 * 100, properties={"p": found})) is holds


def test_a_pattern_made_to_explode_takes_no_time():
    search = predicate(Operator.REGEX, r"(a+)+$")
    began = time.perf_counter()
    search("a" * 2_000 + "!")
    assert time.perf_counter() - began < 0.05


def test_versions_are_ordered_as_semver_says():
    order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
             "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"]  # fmt: skip
    parsed = [semver.parse(text) for text in order]
    assert parsed == sorted(parsed)
    assert len(set(parsed)) == len(order)
