"""Formulas over series: numbers, series A to J, + - * /, brackets. Nothing else is read."""

import re
from collections.abc import Callable, Mapping, Sequence

from groundswell.core.errors import FieldError

Value = float | None
Evaluate = Callable[[Mapping[str, Value]], Value]

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)|([A-Ja-j])(?![A-Za-z0-9_])|([-+*/()]))")
_DEEPEST = 20


class FormulaError(ValueError):
    """A formula that can't be read; the text says where."""


def read_formula(text: str, series: int) -> Evaluate:
    """A function from the series' values to the formula's; None where it can't be computed.

    Raises:
        FormulaError: it is not a formula over ``series`` series.
    """
    parser = _Parser(_tokens(text), [chr(65 + n) for n in range(series)])
    found = parser.sum(0)
    if parser.tokens:
        raise FormulaError(f"does not go on with {parser.tokens[0]}")
    return found


def problem_of(text: str, series: int, field: str) -> list[FieldError]:
    """What is wrong with a formula, as an error of its field."""
    try:
        read_formula(text, series)
    except FormulaError as error:
        return [FieldError(field, str(error))]
    return []


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        part = _TOKEN.match(text, place)
        if part is None:
            raise FormulaError(f"can't be read at character {place + 1}")
        found.append((part.group(1) or part.group(2) or part.group(3)).upper())
        place = part.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], names: Sequence[str]) -> None:
        self.tokens = tokens
        self._names = names

    def sum(self, depth: int) -> Evaluate:
        left = self._product(depth)
        while self.tokens[:1] in (["+"], ["-"]):
            left = _apply(self.tokens.pop(0), left, self._product(depth))
        return left

    def _product(self, depth: int) -> Evaluate:
        left = self._factor(depth)
        while self.tokens[:1] in (["*"], ["/"]):
            left = _apply(self.tokens.pop(0), left, self._factor(depth))
        return left

    def _factor(self, depth: int) -> Evaluate:
        if depth > _DEEPEST:
            raise FormulaError("is nested too deeply")
        if not self.tokens:
            raise FormulaError("ends too early")
        part = self.tokens.pop(0)
        if part == "-":
            return _apply("-", lambda _: 0.0, self._factor(depth + 1))
        if part == "(":
            inner = self.sum(depth + 1)
            if self.tokens[:1] != [")"]:
                raise FormulaError("has a bracket that is not closed")
            self.tokens.pop(0)
            return inner
        return self._leaf(part)

    def _leaf(self, part: str) -> Evaluate:
        if part in self._names:
            return lambda values: values.get(part)
        if part.isalpha():
            raise FormulaError(f"names {part}; there are series {', '.join(self._names)}")
        try:
            number = float(part)
        except ValueError:
            raise FormulaError(f"has {part} where a number or a series belongs") from None
        return lambda _: number


def _apply(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(values: Mapping[str, Value]) -> Value:
        a, b = left(values), right(values)
        if a is None or b is None or (sign == "/" and b == 0):
            return None
        match sign:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case _:
                return a / b

    return evaluate
