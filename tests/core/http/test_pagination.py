"""Cursors carry the sort key of the last row and nothing an attacker can use."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.errors import InvalidError
from groundswell.core.http.pagination import decode_cursor, encode_cursor, page_of

Key = tuple[datetime, UUID]


_TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(_TIMES, st.uuids())
def test_a_cursor_gives_its_key_back(moment: datetime, number: UUID) -> None:
    assert decode_cursor(encode_cursor(moment, number), Key) == (moment, number)


@given(st.text(min_size=1, max_size=60))
def test_any_other_text_is_an_invalid_cursor(text: str) -> None:
    with pytest.raises(InvalidError):
        decode_cursor(text, Key)


def test_a_cursor_may_not_carry_nul() -> None:
    with pytest.raises(InvalidError):
        decode_cursor(encode_cursor("a\x00"), tuple[str])


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01"])
@pytest.mark.parametrize("kind", [tuple[datetime, str], tuple[dict[str, tuple[datetime, str]]]])
def test_a_forged_cursor_may_not_hold_a_time_that_overflows(moment: str, kind: Any) -> None:
    """The ends of the calendar and times without a zone made some lists fail with 500."""
    plain = kind == tuple[datetime, str]
    forged = encode_cursor(moment, "x") if plain else encode_cursor({"events": [moment, "x"]})
    with pytest.raises(InvalidError):
        decode_cursor(forged, kind)


def test_pages_cover_a_list_once_and_the_last_has_no_cursor() -> None:
    rows = list(range(7))
    seen: list[int] = []
    after = -1
    while True:
        page = page_of([row for row in rows if row > after][:4], 3, lambda row: (row,))
        seen += page.items
        if page.next_cursor is None:
            break
        (after,) = decode_cursor(page.next_cursor, tuple[int]) or (-1,)
    assert seen == rows
    assert page_of([], 3, lambda row: (row,)).next_cursor is None
    assert page_of([1, 2, 3], 3, lambda row: (row,)).next_cursor is None
