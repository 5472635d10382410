"""Charts are well-formed, say in words what they show, and keep hostile labels harmless."""

import json
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.ui.charts import (
    Bars,
    ChartSpec,
    Donut,
    Series,
    Slice,
    Sparkline,
    Trend,
    Unit,
    draw,
    nice_top,
    trend_data,
)
from groundswell.ui.svg import Palette

DAYS = tuple(date(2026, 11, 1) + timedelta(days=i) for i in range(3))
MAIL = Palette(("#111111",) * 6, "#222222", "#333333", "#444444", "#555555")
HOSTILE = '"><script>alert(1)</script>'


def trend(*values: float | None) -> Trend:
    return Trend(
        "Revenue",
        DAYS,
        (Series("Now", values), Series("Before", values, "previous")),
        Unit("money", "EUR"),
    )


SPECS: list[ChartSpec] = [
    trend(100, 250, 50),
    trend(0, None, 0),
    Trend("None", (), ()),
    Sparkline((1, 2, 3), "Rising"),
    Sparkline(()),
    Sparkline((5,)),
    Donut("Parts", (Slice("A", 3), Slice("B", 1)), "people"),
    Donut("One", (Slice("A", 1),)),
    Donut("Nothing", ()),
    Bars("Channels", (Slice(HOSTILE, 3), Slice("Direct", 0))),
    Donut(HOSTILE, (Slice(HOSTILE, 1),), HOSTILE),
]


@pytest.mark.parametrize("spec", SPECS)
def test_a_drawing_is_well_formed_and_named(spec: ChartSpec) -> None:
    root = ElementTree.fromstring(draw(spec))
    assert root.get("role") == "img" or root.get("aria-hidden") == "true"
    assert root.get("aria-hidden") or root.get("aria-label")
    assert not [e for e in root.iter() if e.tag.endswith("script") or e.get("style")]
    assert "nan" not in draw(spec).lower().replace("finance", "")


def test_a_mail_has_fixed_colours() -> None:
    assert "var(" not in draw(trend(1, 2, 3), MAIL)
    assert "var(--chart-1)" in draw(trend(1, 2, 3))


def test_words_tell_the_figures() -> None:
    assert "A 75.0%, B 25.0%" in draw(Donut("Parts", (Slice("A", 3), Slice("B", 1))))
    assert "€1.00 on Nov 1, 2026, €0.50 on Nov 3, 2026" in draw(trend(100, 250, 50))


def test_the_table_has_every_day_newest_first() -> None:
    rows = list(trend(100, None, 50).rows())
    assert rows == [(DAYS[2], ["€0.50"] * 2), (DAYS[1], ["–"] * 2), (DAYS[0], ["€1.00"] * 2)]


def test_the_script_gets_days_values_and_the_currency_scale() -> None:
    data = json.loads(trend_data(trend(100, None, 50)))
    assert data["days"][1] - data["days"][0] == 86400
    assert [one["color"] for one in data["series"]] == [1, 0]
    assert data["series"][0]["values"] == [100, None, 50]
    assert (data["unit"], data["currency"], data["scale"]) == ("money", "EUR", 100)


def test_the_rest_of_a_donut_is_grey() -> None:
    spec = Donut("Parts", (Slice("A", 3), Slice("Other", 1)), rest=True)
    assert [swatch for *_, swatch in spec.shares()] == ["swatch-1", "swatch-6"]


@given(st.integers(1, 10**15))
def test_the_axis_holds_the_value_and_wastes_at_most_half(value: int) -> None:
    assert value <= nice_top(value) <= 2 * value


@given(st.lists(st.floats(0, 1e12), max_size=8))
def test_slices_of_any_size_draw(values: list[float]) -> None:
    ElementTree.fromstring(
        draw(Donut("Any", tuple(Slice(str(i), v) for i, v in enumerate(values))))
    )
