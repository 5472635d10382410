"""Charts as data. One specification draws the page, a mail and a picture; nothing here does I/O."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Literal

import msgspec
from markupsafe import Markup, escape

from groundswell.core.money import exponent
from groundswell.ui import format as formats
from groundswell.ui.i18n import gettext as _
from groundswell.ui.i18n import reader
from groundswell.ui.svg import PAGE, Palette, arc, area, fixed, line


class Unit(msgspec.Struct, frozen=True):
    """What a figure counts; money is in minor units of ``currency``."""

    kind: Literal["number", "money", "percent"] = "number"
    currency: str = ""

    def text(self, value: float | None) -> str:
        """The figure as a table shows it."""
        if value is None:
            return "–"
        if self.kind == "money":
            return formats.money(round(value), self.currency)
        if self.kind == "percent":
            return formats.percent(value)
        return formats.number(value)


class Series(msgspec.Struct, frozen=True):
    """One line: a value a day; ``previous`` is the comparison, drawn dashed and grey."""

    label: str
    values: tuple[float | None, ...]
    role: Literal["current", "previous"] = "current"


class Trend(msgspec.Struct, frozen=True, tag="trend"):
    """Lines over days. Every series has one value for each day."""

    title: str
    days: tuple[date, ...]
    series: tuple[Series, ...]
    unit: Unit = Unit()

    def rows(self) -> Iterator[tuple[date, list[str]]]:
        """The table's rows, newest day first."""
        for i in reversed(range(len(self.days))):
            yield self.days[i], [self.unit.text(one.values[i]) for one in self.series]

    def legend_class(self, index: int) -> str:
        """The legend's line of a series."""
        return LEGEND_LINES[_color(self, index)]


class Sparkline(msgspec.Struct, frozen=True, tag="sparkline"):
    """The shape of a figure over time, without axes; ``title`` says it in words."""

    values: tuple[float, ...]
    title: str = ""


class Slice(msgspec.Struct, frozen=True):
    """A part of a whole; ``href`` leads to those it counts."""

    label: str
    value: float
    href: str = ""


class Donut(msgspec.Struct, frozen=True, tag="donut"):
    """Parts of a whole, largest first; ``rest`` marks a last slice drawn in grey."""

    title: str
    slices: tuple[Slice, ...]
    caption: str = ""
    rest: bool = False

    @property
    def total(self) -> float:
        """The whole."""
        return sum(one.value for one in self.slices)

    def shares(self) -> list[tuple[Slice, float, str]]:
        """Each slice with its share and the class of its swatch."""
        whole = self.total or 1
        return [
            (one, one.value / whole, SWATCHES[_slice_color(self, i)])
            for i, one in enumerate(self.slices)
        ]


class Bars(msgspec.Struct, frozen=True, tag="bars"):
    """Labelled amounts beside each other."""

    title: str
    bars: tuple[Slice, ...]
    unit: Unit = Unit()


ChartSpec = Trend | Sparkline | Donut | Bars

# Whole names, because the style sheet's scanner does not see names made of parts.
SWATCHES = {
    1: "swatch-1",
    2: "swatch-2",
    3: "swatch-3",
    4: "swatch-4",
    5: "swatch-5",
    6: "swatch-6",
}
LEGEND_LINES = {
    0: "legend-line-prev",
    1: "legend-line-1",
    2: "legend-line-2",
    3: "legend-line-3",
    4: "legend-line-4",
    5: "legend-line-5",
    6: "legend-line-6",
}


def draw(spec: ChartSpec, palette: Palette = PAGE) -> Markup:
    """The chart as an SVG element, in the page's tokens or a mail's fixed colours."""
    match spec:
        case Sparkline():
            return _draw_sparkline(spec, palette)
        case Donut():
            return _draw_donut(spec, palette)
        case Bars():
            return _draw_bars(spec, palette)
        case Trend():
            return _draw_trend(spec, palette)


def trend_data(spec: Trend) -> str:
    """The trend as JSON for the page's script: days as seconds, values, colours, words."""
    return msgspec.json.encode(
        {
            "days": [
                int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()) for d in spec.days
            ],
            "series": [
                {"label": one.label, "values": one.values, "color": _color(spec, i)}
                for i, one in enumerate(spec.series)
            ],
            "unit": spec.unit.kind,
            "currency": spec.unit.currency,
            "scale": 10 ** exponent(spec.unit.currency) if spec.unit.currency else 1,
            "locale": str(reader().locale).replace("_", "-"),
        }
    ).decode()


def _color(spec: Trend, index: int) -> int:
    """A number of the palette: 0 the comparison, then 1, 2, … in order."""
    if spec.series[index].role == "previous":
        return 0
    earlier = sum(one.role == "current" for one in spec.series[:index])
    return min(earlier + 1, 6)


def _slice_color(spec: Donut, index: int) -> int:
    if spec.rest and index == len(spec.slices) - 1:
        return 6
    return min(index + 1, 6)


def _svg(width: int, height: int, body: str, label: str, extra: str = "") -> Markup:
    named = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(  # noqa: S704 - texts are escaped where they enter
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {named}'
        f"{extra}>{body}</svg>"
    )


def _draw_sparkline(spec: Sparkline, palette: Palette) -> Markup:
    width, height = 240, 28
    points = _points(spec.values, width, height, pad=2)
    body = (
        f'<path d="{area(points, height)}" fill="{palette.series(1)}" fill-opacity=".1"/>'
        f'<path d="{line(points)}" fill="none" stroke="{palette.series(1)}" stroke-width="1.5"'
        ' stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
    )
    return _svg(width, height, body, spec.title, ' preserveAspectRatio="none"')


def _points(
    values: tuple[float, ...], width: int, height: int, pad: int
) -> list[tuple[float, float]]:
    """Values from the lowest to the highest over the whole box; a flat line runs low."""
    low, high = min(values, default=0), max(values, default=0)
    span = (high - low) or 1
    step = width / max(len(values) - 1, 1)
    room = height - 2 * pad
    return [(i * step, pad + room - (v - low) / span * room) for i, v in enumerate(values)]


def _draw_donut(spec: Donut, palette: Palette) -> Markup:
    size, outer, inner = 168, 82.0, 57.0
    whole = spec.total
    body, start = "", 0.0
    for i, one in enumerate(spec.slices):
        share = one.value / whole if whole else 0
        if share > 0:
            path = arc(size / 2, outer, inner, start, start + share)
            body += f'<path d="{path}" fill="{palette.series(_slice_color(spec, i))}"/>'
        start += share
    if not whole:
        body = f'<path d="{arc(size / 2, outer, inner, 0, 1)}" fill="{palette.grid}"/>'
    body += _donut_words(spec, palette, size)
    parts = ", ".join(f"{s.label} {formats.percent(share)}" for s, share, _ in spec.shares())
    return _svg(size, size, body, f"{spec.title}: {parts}" if parts else spec.title)


def _donut_words(spec: Donut, palette: Palette, size: int) -> str:
    middle = size // 2
    value = (
        f'<text x="{middle}" y="{middle}" text-anchor="middle" font-size="18" font-weight="600"'
        f' fill="{palette.text}">{escape(formats.number(spec.total))}</text>'
    )
    return value + (
        f'<text x="{middle}" y="{middle + 18}" text-anchor="middle" font-size="12"'
        f' fill="{palette.muted}">{escape(spec.caption)}</text>'
    )


def _draw_bars(spec: Bars, palette: Palette) -> Markup:
    width, row, start, end = 600, 32, 180, 510
    largest = max((one.value for one in spec.bars), default=0) or 1
    body = ""
    for i, one in enumerate(spec.bars):
        y = i * row
        length = max((end - start) * one.value / largest, 0)
        body += (
            f'<text x="0" y="{y + 20}" font-size="13" fill="{palette.text}">'
            f"{escape(one.label)}</text>"
            f'<rect x="{start}" y="{y + 11}" width="{fixed(length)}" height="10" rx="3"'
            f' fill="{palette.series(1)}"/>'
            f'<text x="{width}" y="{y + 20}" font-size="13" text-anchor="end"'
            f' fill="{palette.text}">{escape(spec.unit.text(one.value))}</text>'
        )
    words = ", ".join(f"{one.label} {spec.unit.text(one.value)}" for one in spec.bars)
    return _svg(width, row * max(len(spec.bars), 1), body, f"{spec.title}: {words}")


def _draw_trend(spec: Trend, palette: Palette) -> Markup:
    width, height, left, bottom = 600, 260, 64, 28
    top = nice_top(max((v or 0 for s in spec.series for v in s.values), default=0))
    plot = height - bottom

    def scale(value: float) -> float:
        return 8 + (plot - 8) * (1 - value / top)

    body = ""
    for i in range(5):
        value = top * i / 4
        y = fixed(scale(value))
        body += (
            f'<path d="M{left} {y}H{width}" stroke="{palette.grid}"/>'
            f'<text x="{left - 8}" y="{y}" dy="4" font-size="11" text-anchor="end"'
            f' fill="{palette.muted}">{escape(_axis_text(spec.unit, value))}</text>'
        )
    step = (width - left) / max(len(spec.days) - 1, 1)
    for i, one in enumerate(spec.series):
        points = [(left + n * step, scale(v or 0)) for n, v in enumerate(one.values)]
        dash = ' stroke-dasharray="4 4"' if one.role == "previous" else ""
        stroke = palette.series(_color(spec, i))
        body += f'<path d="{line(points)}" fill="none" stroke="{stroke}" stroke-width="2"{dash}/>'
    body += _trend_days(spec, palette, left, step, height)
    return _svg(width, height, body, trend_sentence(spec))


def _trend_days(spec: Trend, palette: Palette, left: int, step: float, height: int) -> str:
    shown = sorted({0, len(spec.days) // 2, len(spec.days) - 1}) if spec.days else []
    anchors = {0: "start", len(spec.days) - 1: "end"}
    return "".join(
        f'<text x="{fixed(left + i * step)}" y="{height - 8}" font-size="11"'
        f' text-anchor="{anchors.get(i, "middle")}" fill="{palette.muted}">'
        f"{escape(formats.day_short(spec.days[i]))}</text>"
        for i in shown
    )


def trend_sentence(spec: Trend) -> str:
    """The trend in words: from which figure to which."""
    if not spec.days or not spec.series:
        return spec.title
    values = spec.series[0].values
    first, last = spec.unit.text(values[0]), spec.unit.text(values[-1])
    return _("{title}: {first} on {from_day}, {last} on {to_day}").format(
        title=spec.title,
        first=first,
        from_day=formats.day(spec.days[0]),
        last=last,
        to_day=formats.day(spec.days[-1]),
    )


def nice_top(value: float) -> float:
    """The axis' end: the next of 1, 2, 4, 5, 8 × a power of ten, so that quarters are round."""
    if value <= 0:
        return 4
    power = 10.0 ** (len(str(int(value))) - 1)
    return next(m * power for m in (1, 2, 4, 8, 10) if m * power >= value)


def _axis_text(unit: Unit, value: float) -> str:
    if unit.kind == "money":
        return formats.money_compact(round(value), unit.currency)
    return unit.text(value) if unit.kind == "percent" else formats.compact(value)
