"""Formulas say what Python says, and nothing but a formula is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.features.insights.logic.formulas import FormulaError, read_formula

NUMBERS = st.integers(-9, 9).map(float)
TREES = st.recursive(
    st.sampled_from(["A", "B", "2", "0.5", "10"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-({text})"),
    ),
    max_leaves=12,
)


@given(text=TREES, a=NUMBERS, b=NUMBERS)
def test_a_formula_gives_what_python_gives(text, a, b):
    try:
        wanted = eval(text, {}, {"A": a, "B": b})
    except ZeroDivisionError:
        wanted = None
    got = read_formula(text, 2)({"A": a, "B": b})
    assert got == wanted or got == pytest.approx(wanted)


def test_what_is_not_known_makes_the_formula_unknown():
    assert read_formula("A / B", 2)({"A": None, "B": 2.0}) is None
    assert read_formula("A / B", 2)({"A": 1.0, "B": 0.0}) is None


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "A +", "A B", "C", "(A", "A)", "A ** B", "A.x", "__import__('os')", "1e9", "AA",
        "A;B", "1..2", "(" * 60 + "A" + ")" * 60, "-" * 60 + "A", "A,B", "lambda: 1", "√A",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_reason(text):
    with pytest.raises(FormulaError, match=r"\w+"):
        read_formula(text, 2)
