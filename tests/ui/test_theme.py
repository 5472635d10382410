"""Whatever brand a tenant picks, its pages can be read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.ui import theme
from groundswell.ui.color import (
    contrast,
    from_oklch,
    hue_distance,
    mix,
    parse_hex,
    to_hex,
    to_oklch,
)

brands = st.tuples(*[st.integers(0, 255)] * 3).map(to_hex)


@settings(max_examples=300, deadline=None)
@given(brands)
def test_every_brand_gives_readable_tokens(brand: str) -> None:
    for surface in (theme.LIGHT, theme.DARK):
        made = theme.tokens(brand, surface)
        tint = mix(made.link, surface.card, surface.tint)
        assert contrast(made.primary_content, made.primary) >= 4.5
        assert contrast(made.primary, surface.card) >= 1.6
        assert min(contrast(made.link, b) for b in (surface.card, surface.canvas, tint)) >= 4.5
        assert contrast(made.chart, surface.card) >= surface.chart


@settings(max_examples=300, deadline=None)
@given(brands)
def test_no_chart_category_is_close_to_the_brand(brand: str) -> None:
    own = to_oklch(parse_hex(brand))
    if own.chroma < theme.GREY:
        return
    sheet = theme.stylesheet(brand)
    for number, hue in theme.CATEGORIES.items():
        replaced = f"--chart-{number}:" in sheet
        assert replaced == (hue_distance(hue, own.hue) < theme.TOO_CLOSE)
    for line in sheet.split(";"):
        name, _, value = line.partition(":light-dark(")
        if name.startswith("--chart-") and name != "--chart-1":
            color = parse_hex(value.split(",")[0])
            assert hue_distance(to_oklch(color).hue, own.hue) > theme.TOO_CLOSE
            assert contrast(color, theme.LIGHT.card) >= 3


@given(brands)
def test_a_colour_survives_the_way_to_oklch_and_back(brand: str) -> None:
    color = parse_hex(brand)
    back = from_oklch(to_oklch(color))
    assert all(abs(a - b) <= 1 for a, b in zip(color, back, strict=True))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_the_brand_itself_fills_the_button_where_it_can() -> None:
    assert theme.tokens("#3b5bdb", theme.LIGHT).primary == (0x3B, 0x5B, 0xDB)


@pytest.mark.parametrize("text", ["", "#12", "blue", "#12345g", "url(x)", "#1234567"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        theme.stylesheet(text)


def test_the_digest_changes_with_the_brand_only() -> None:
    assert theme.digest("#3b5bdb") == theme.digest("3B5BDB")
    assert theme.digest("#3b5bdb") != theme.digest("#3b5bdc")


def test_the_sheet_is_small() -> None:
    assert len(theme.stylesheet("#ff7a00")) < 600
