"""All wrong fields are told at once, and what is right is never refused."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.core.errors import FieldError, InvalidError, MalformedError
from groundswell.core.http.body import convert_query, decode_json
from groundswell.core.http.field_errors import MOST, collect_errors, field_error


class Line(msgspec.Struct, forbid_unknown_fields=True):
    product_id: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    quantity: Annotated[int, msgspec.Meta(ge=1)]
    price: int = 0


class Card(msgspec.Struct, tag="card"):
    number: str


class Invoice(msgspec.Struct, tag="invoice"):
    days: int


class Order(msgspec.Struct, kw_only=True, rename="camel"):
    order_id: str
    kind: Literal["new", "old"] = "new"
    placed_at: datetime | None = None
    uuid: UUID | None = None
    lines: Annotated[list[Line], msgspec.Meta(max_length=3)] = []
    pay: Card | Invoice | None = None
    tags: dict[str, list[int]] = {}
    pair: tuple[int, str] = (0, "")

    def __post_init__(self) -> None:
        if self.order_id == "forbidden":
            raise ValueError("This id is taken")


def fields(errors: list[FieldError]) -> list[str]:
    return [error.field for error in errors]


def test_every_wrong_field_is_named_with_its_path() -> None:
    value = {
        "orderId": 7,
        "kind": "other",
        "placedAt": "yesterday",
        "lines": [
            {"product_id": "", "quantity": 1},
            {"product_id": "a", "quantity": 0, "colour": "red"},
            {},
            "x",
        ],
        "pay": {"type": "card"},
        "tags": {"a": [1, "2"]},
        "pair": [1, 2],
    }
    assert fields(collect_errors(value, Order)) == [
        "orderId",
        "kind",
        "placedAt",
        "lines[0].product_id",
        "lines[1].quantity",
        "lines[1].colour",
        "lines[2].product_id",
        "lines[2].quantity",
        "lines[3]",
        "pay.number",
        "tags.a[1]",
        "pair[1]",
    ]


def test_a_rule_over_the_whole_is_told_when_its_parts_are_right() -> None:
    assert fields(collect_errors({"orderId": "forbidden"}, Order)) == [""]
    long = {"orderId": "a", "lines": [{"product_id": "a", "quantity": 1}] * 4}
    assert fields(collect_errors(long, Order)) == ["lines"]


def test_an_answer_lists_at_most_a_hundred_errors() -> None:
    assert len(collect_errors(["x"] * 500, list[int])) == MOST


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "new", "2026-01-01T00:00:00Z", "x" * 30]),
)
_junk = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


def _or_junk(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(right, right, right, _junk)


_line = st.fixed_dictionaries(
    {},
    optional={
        "product_id": _or_junk(st.just("p")),
        "quantity": _or_junk(st.integers(1, 5)),
        "price": _or_junk(st.integers()),
        "more": _junk,
    },
)
_pay = st.fixed_dictionaries(
    {"type": st.sampled_from(["card", "invoice", "?"])},
    optional={"number": _or_junk(st.just("1")), "days": _or_junk(st.just(1))},
)
_order = st.fixed_dictionaries(
    {},
    optional={
        "orderId": _or_junk(st.sampled_from(["o", "forbidden"])),
        "kind": _or_junk(st.just("old")),
        "placedAt": _or_junk(st.just("2026-01-01T00:00:00Z")),
        "uuid": _or_junk(st.uuids().map(str)),
        "lines": _or_junk(st.lists(_or_junk(_line), max_size=4)),
        "pay": _or_junk(_pay),
        "tags": _or_junk(st.dictionaries(st.sampled_from("ab"), _or_junk(st.just([1])))),
        "pair": _or_junk(st.just([1, "a"])),
    },
)


@settings(max_examples=400, deadline=None)
@given(_or_junk(_order))
def test_collected_errors_agree_with_msgspec(value: Any) -> None:
    """Nothing valid is refused; of what is refused, msgspec's own error is among those told."""
    raw = msgspec.json.encode(value)
    try:
        msgspec.json.decode(raw, type=Order)
    except msgspec.ValidationError as error:
        first = field_error(error)
        collected = collect_errors(value, Order)
        assert collected
        with pytest.raises(InvalidError) as caught:
            decode_json(raw, Order)
        assert first.field in fields(list(caught.value.errors))
    else:
        assert collect_errors(value, Order) == []
        decode_json(raw, Order)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"nul", b"\xff", b'"\xff"', b'"\\ud800"', b"[" * 100_000, b'{"a":' * 50_000],
)
def test_what_is_not_json_is_malformed(raw: bytes) -> None:
    with pytest.raises((MalformedError, InvalidError)):
        decode_json(raw, Order)
    with pytest.raises(MalformedError):
        decode_json(raw, Any)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"orderId": "a\\u0000b"}', "orderId"),
        (b'{"orderId": "a", "tags": {"a\\u0000": []}}', "tags.a\\u0000"),
        (
            b'{"orderId": "a", "lines": [{"product_id": "p", "quantity": 99999999999999999999}]}',
            "lines[0].quantity",
        ),
    ],
)
def test_what_no_engine_can_keep_is_refused_by_field(raw: bytes, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        decode_json(raw, Order)
    assert fields(list(caught.value.errors)) == [field]


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert decode_json(b'{"orderId": "\\\\u0000"}', Order).order_id == "\\u0000"


class Query(msgspec.Struct, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    only: list[str] = []
    since: datetime | None = None
    active: bool = True


def test_query_parameters_are_converted_and_their_errors_told_at_once() -> None:
    found = convert_query(b"limit=7&only=a&only=b&active=false&since=", Query)
    assert (found.limit, found.only, found.active, found.since) == (7, ["a", "b"], False, None)
    with pytest.raises(InvalidError) as caught:
        convert_query(b"limit=900&since=x&active=maybe", Query)
    assert fields(list(caught.value.errors)) == ["limit", "since", "active"]


@pytest.mark.parametrize("raw", [b"only=%ff", b"limit=1&" * 300, "only=ö".encode()])
def test_a_hostile_query_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        convert_query(raw, Query)


def test_a_nul_in_the_query_is_refused() -> None:
    with pytest.raises(InvalidError):
        convert_query(b"only=a%00", Query)
