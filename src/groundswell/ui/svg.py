"""Paths of charts, and the colours to draw them in."""

from math import cos, pi, sin

import msgspec

Point = tuple[float, float]


class Palette(msgspec.Struct, frozen=True):
    """Colours of a drawing: custom properties on a page, fixed values in a mail."""

    categories: tuple[str, ...]
    previous: str
    grid: str
    text: str
    muted: str

    def series(self, number: int) -> str:
        """Colour 1 to 6, or 0 for the comparison."""
        return self.previous if number == 0 else self.categories[number - 1]


PAGE = Palette(
    categories=tuple(f"var(--chart-{n})" for n in range(1, 7)),
    previous="var(--chart-prev)",
    grid="var(--chart-grid)",
    text="var(--color-base-content)",
    muted="var(--ui-muted)",
)


def fixed(value: float) -> str:
    """A coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def line(points: list[Point]) -> str:
    """A path through the points; one point becomes a short level stroke."""
    if not points:
        return "M0 0"
    if len(points) == 1:
        x, y = points[0]
        return f"M{fixed(x)} {fixed(y)}h4"
    return "M" + "L".join(f"{fixed(x)} {fixed(y)}" for x, y in points)


def area(points: list[Point], floor: float) -> str:
    """The surface between the points and the floor."""
    if len(points) < 2:
        return "M0 0"
    last, first = points[-1][0], points[0][0]
    return f"{line(points)}L{fixed(last)} {fixed(floor)}L{fixed(first)} {fixed(floor)}Z"


def arc(centre: float, outer: float, inner: float, start: float, end: float) -> str:
    """A ring's part between two fractions of a turn, clockwise from the top."""
    if end - start >= 0.9999:
        return _ring(centre, outer) + _ring(centre, inner, reverse=True)
    gap = 1.0
    a, b = _angles(start, end, gap / outer)
    c, d = _angles(start, end, gap / inner)
    large = int(end - start > 0.5)
    p, q = _at(centre, outer, a), _at(centre, outer, b)
    r, s = _at(centre, inner, d), _at(centre, inner, c)
    return (
        f"M{p}A{fixed(outer)} {fixed(outer)} 0 {large} 1 {q}"
        f"L{r}A{fixed(inner)} {fixed(inner)} 0 {large} 0 {s}Z"
    )


def _angles(start: float, end: float, margin: float) -> tuple[float, float]:
    """Both ends drawn in by a margin, unless the slice is too thin for it."""
    a, b = start * 2 * pi, end * 2 * pi
    return (a + margin, b - margin) if b - a > 3 * margin else (a, b)


def _at(centre: float, radius: float, angle: float) -> str:
    return f"{fixed(centre + radius * sin(angle))} {fixed(centre - radius * cos(angle))}"


def _ring(centre: float, radius: float, *, reverse: bool = False) -> str:
    sweep = 0 if reverse else 1
    r = fixed(radius)
    top, low = fixed(centre - radius), fixed(centre + radius)
    x = fixed(centre)
    return f"M{x} {top}A{r} {r} 0 1 {sweep} {x} {low}A{r} {r} 0 1 {sweep} {x} {top}Z"
