"""Figures and times read as the reader writes them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.ui import format as formats
from groundswell.ui.i18n import Reader, gettext, reader, reading_as

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2933, "USD", "$29.33"),
        (24409194, "USD", "$244,091.94"),
        (500, "JPY", "¥500"),
        (-482, "EUR", "−€4.82"),
        (0, "EUR", "€0.00"),
    ],
)
def test_money_is_written_with_its_own_minor_units(amount: int, currency: str, text: str) -> None:
    assert formats.money(amount, currency) == text


def test_whole_and_compact_money_leave_out_the_minor_units() -> None:
    assert formats.money(45778249, "EUR", whole=True) == "€457,782"
    assert formats.money(500, "JPY", whole=True) == "¥500"
    assert formats.money_compact(124000000, "EUR") == "€1.2M"


@given(st.integers(-(10**15), 10**15))
def test_no_minor_unit_is_lost_in_writing(amount: int) -> None:
    digits = "".join(c for c in formats.money(amount, "USD") if c.isdigit())
    assert int(digits) == abs(amount)


def test_numbers_and_shares() -> None:
    assert formats.number(12345) == "12,345"
    assert formats.number(-1) == "−1"
    assert formats.compact(12345) == "12.3K"
    assert formats.percent(0.2184) == "21.8%"
    assert formats.percent(0.5, 0) == "50%"
    assert formats.percent(0.1, signed=True) == "+10.0%"


def test_growth_from_nothing_is_not_a_number() -> None:
    assert formats.change(5, 0) is None
    assert formats.change(6, 5) == pytest.approx(0.2)


def test_another_language_keeps_latin_digits() -> None:
    with reading_as(Reader("de", "Europe/Berlin")):
        assert formats.number(1234567) == "1.234.567"
        assert formats.money(2933, "EUR") == "29,33\xa0€"
        assert "15:05" in formats.moment(NOW)
    with reading_as(Reader("ar_EG")):
        assert formats.number(12) == "12"
        assert reader().direction == "rtl"


def test_days_and_moments() -> None:
    assert formats.day(date(2026, 10, 22)) == "Oct 22, 2026"
    assert formats.day_short(date(2026, 10, 22)) == "Oct 22"
    assert formats.period(date(2026, 10, 22), date(2026, 10, 22)) == "Oct 22, 2026"
    assert formats.moment(NOW).startswith("Nov 20, 2026, 2:05")


def test_relative_time_looks_both_ways() -> None:
    assert formats.relative(NOW - timedelta(minutes=3), NOW) == "3 minutes ago"
    assert formats.relative(NOW + timedelta(days=2), NOW) == "in 2 days"
    assert "second" in formats.relative(NOW, NOW)


@pytest.mark.parametrize(
    ("name", "letters"), [("Mira Okafor", "MO"), ("ada@x.example", "AX"), ("Ünal", "Ü"), ("", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert formats.initials(name) == letters


def test_an_unknown_language_reads_english() -> None:
    with reading_as(Reader("xx-nonsense!")):
        assert str(reader().locale) == "en"
        assert gettext("Sign out") == "Sign out"
