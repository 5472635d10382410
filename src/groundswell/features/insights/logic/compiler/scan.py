"""Reading events or orders as SQL: whose, when, under which conditions.

Values only ever become bound parameters. Names of properties become quoted identifiers, and are
checked first (:mod:`checks`): no quote, backslash or control character gets here.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from groundswell.core.clock import day_bounds
from groundswell.features.events.api import CANONICAL_PERSON, person_join
from groundswell.features.insights.types import Breakdown, Condition, Owner, Scalar, Selection

ORDER_TEXTS = {
    "source": "e.source",
    "currency": "e.currency",
    "order_id": "e.order_id",
    "confirmed": "if(e.confirmed, 'true', 'false')",
    "historical": "if(e.historical, 'true', 'false')",
}
# Without a rate an order has no value in the tenant's currency yet: it counts as an order only.
ORDER_NUMBERS = {
    "revenue": "if(e.reporting_currency = '{currency}', toFloat64(e.reporting_total), null)",
    "items": "toFloat64(e.items)",
}
"""What is known of an order; money in minor units of the tenant's currency."""

_PERSON = "e.person_key"

_FEW = 100_000
_KEYS = """(select (groupArray(person_key), groupArray(canonical_key))
 from (select person_key, argMax(canonical_key, version) as canonical_key from person_overrides
       where tenant_id = {tenant:UUID} group by person_key))"""
# A constant table in the expression: a third of what the join costs for each row.
_LOOKED_UP = f"transform(e.person_key, ({_KEYS}).1, ({_KEYS}).2, e.person_key)"


class Params:
    """The bound values of one statement."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: Any, kind: str) -> str:
        """A placeholder for a value of a ClickHouse type; equal values share one."""
        for name, known in self.values.items():
            if name.endswith(f"_{_tag(kind)}") and known == value and type(known) is type(value):
                return f"{{{name}:{kind}}}"
        name = f"p{len(self.values)}_{_tag(kind)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"


def _tag(kind: str) -> str:
    return "".join(letter for letter in kind.lower() if letter.isalnum())


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What to read. ``merges``: how many keys of the tenant's people were ever merged.

    ``of_people_now``: properties of people as they are now that somebody asks for.
    """

    zone: str
    start_ms: int
    end_ms: int
    merges: int
    currency: str = "USD"
    orders: bool = False
    of_people_now: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """SQL of the person an event or order counts for; 0 is nobody."""
        if not self.merges:
            return _PERSON
        return _LOOKED_UP if self.merges <= _FEW else CANONICAL_PERSON

    def source(self, params: Params) -> str:
        """``from … where …`` of the rows in the range."""
        table = "orders as e final" if self.orders else "events as e"
        start, end = _moment(params, self.start_ms), _moment(params, self.end_ms)
        only = " and not e.deleted" if self.orders else ""
        return (
            f"from {table}{self.joins()}\n"
            f"where e.tenant_id = {{tenant:UUID}} and e.at >= {start} and e.at < {end}{only}"
        )

    def joins(self) -> str:
        """SQL that joins merges and people as they are now to ``e``."""
        merges = person_join() if self.merges > _FEW else ""
        if not self.of_people_now:
            return merges
        columns = ", ".join(
            f"argMax(toString({_path('properties', name)}), version) as n{number}"
            for number, name in enumerate(self.of_people_now)
        )
        return (
            f"{merges} left any join (select person_key, {columns} from people"
            " where tenant_id = {tenant:UUID} group by person_key) as n"
            f" on n.person_key = {self.person}"
        )

    def text(self, name: str, of: Owner) -> str:
        """SQL of a property as text; empty if missing."""
        if of == "order":
            return ORDER_TEXTS.get(name) or f"ifNull(toString({self._order_number(name)}), '')"
        if of == "current_person":
            return f"n.n{self.of_people_now.index(name)}"
        return f"toString({_column(name, of)})"

    def number(self, name: str, of: Owner) -> str:
        """SQL of a property as a number; null if it is none."""
        if of == "order":
            if name in ORDER_NUMBERS:
                return self._order_number(name)
            return f"toFloat64OrNull({ORDER_TEXTS[name]})"
        if of == "current_person":
            raw = f"toFloat64OrNull({self.text(name, of)})"
        else:
            path = _column(name, of)
            raw = (
                f"coalesce({path}.:Float64, toFloat64({path}.:Int64),"
                f" toFloat64({path}.:UInt64), toFloat64OrNull({path}.:String))"
            )
        return f"if(isFinite({raw}), {raw}, null)"

    def _order_number(self, name: str) -> str:
        # The database keeps currencies to three capital letters.
        return ORDER_NUMBERS[name].replace("{currency}", self.currency)

    def all_of(self, conditions: Sequence[Condition], params: Params) -> str:
        """SQL that is true where every condition holds."""
        return " and ".join(self.condition(each, params) for each in conditions) or "true"

    def selected(self, wanted: Selection, params: Params) -> str:
        """SQL that is true for the events of a selection."""
        parts = [self.condition(each, params) for each in wanted.filters]
        if wanted.event is not None:
            parts.insert(0, f"e.event = {params.add(wanted.event, 'String')}")
        return f"({' and '.join(parts)})" if parts else "true"

    def texts(self, breakdown: Sequence[Breakdown]) -> str:
        """SQL of the values that split an answer, as an array of texts."""
        return f"[{', '.join(self.text(each.property, each.of) for each in breakdown)}]"

    def condition(self, wanted: Condition, params: Params) -> str:
        """SQL of one condition: never null."""
        if wanted.op.startswith("not_") or wanted.op == "is_not_set":
            other = "is_set" if wanted.op == "is_not_set" else wanted.op.removeprefix("not_")
            return f"not ({self.condition(_as(wanted, other), params)})"
        text = self.text(wanted.property, wanted.of)
        match wanted.op:
            case "is_set":
                return f"{text} != ''"
            case "contains":
                needle = params.add(str(wanted.value), "String")
                return f"positionCaseInsensitiveUTF8({text}, {needle}) > 0"
            case "regex":
                return f"match({text}, {params.add(str(wanted.value), 'String')})"
            case "in":
                assert isinstance(wanted.value, list)
                values = [text_of(value) for value in wanted.value]
                return f"has({params.add(values, 'Array(String)')}, {text})"
            case "equals":
                return self._equals(wanted, text, params)
            case "before" | "on" | "after":
                return self._by_day(wanted, text, params)
            case _:
                return self._by_number(wanted, params)

    def _equals(self, wanted: Condition, text: str, params: Params) -> str:
        value = wanted.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = self.number(wanted.property, wanted.of)
            return f"ifNull({number} = {params.add(float(value), 'Float64')}, false)"
        assert isinstance(value, str | bool)
        return f"{text} = {params.add(text_of(value), 'String')}"

    def _by_number(self, wanted: Condition, params: Params) -> str:
        number = self.number(wanted.property, wanted.of)
        if wanted.op == "between":
            assert isinstance(wanted.value, list)
            low, high = (params.add(_float(value), "Float64") for value in wanted.value)
            return f"ifNull({number} >= {low} and {number} <= {high}, false)"
        sign = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[wanted.op]
        assert not isinstance(wanted.value, list)
        return f"ifNull({number} {sign} {params.add(_float(wanted.value), 'Float64')}, false)"

    def _by_day(self, wanted: Condition, text: str, params: Params) -> str:
        first, end = day_bounds(date.fromisoformat(str(wanted.value)), self.zone)
        zone = params.add(self.zone, "String")
        moment = f"parseDateTime64BestEffortOrNull({text}, 3, {zone})"
        start = _moment(params, round(first.timestamp() * 1000))
        after = _moment(params, round(end.timestamp() * 1000))
        tests = {
            "before": f"{moment} < {start}",
            "after": f"{moment} >= {after}",
            "on": f"{moment} >= {start} and {moment} < {after}",
        }
        # The parser takes years and seconds since 1970 for dates; only what looks like one is.
        looks = f"match({text}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ].*)?$')"
        return f"({looks} and ifNull({tests[wanted.op]}, false))"


def text_of(value: Scalar) -> str:
    """A value as the store writes it out."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _float(value: Scalar | None) -> float:
    return float(value) if value is not None else 0.0


def _as(wanted: Condition, op: str) -> Condition:
    return msgspec.structs.replace(wanted, op=op)


def _column(name: str, of: Owner) -> str:
    return _path("e.person_properties" if of == "person" else "e.properties", name)


def _path(column: str, name: str) -> str:
    return f"{column}.`{name}`"


def _moment(params: Params, ms: int) -> str:
    return f"fromUnixTimestamp64Milli({params.add(ms, 'Int64')}, 'UTC')"
