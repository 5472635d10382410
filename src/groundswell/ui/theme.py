"""A tenant's brand as tokens: readable on every surface, in light and in dark."""

import hashlib
from collections.abc import Callable

import msgspec

from groundswell.ui.color import (
    RGB,
    Oklch,
    contrast,
    from_oklch,
    hue_distance,
    mix,
    parse_hex,
    to_hex,
    to_oklch,
)

DEFAULT_BRAND = "#3b5bdb"
TEXT, EDGE = 4.5, 1.6
"""Least WCAG contrast of text; least contrast of a filled button with its card."""
TOO_CLOSE = 35
"""Degrees of hue within which a chart category reads as the brand."""
GREY = 0.04
"""Below this chroma a brand has no hue to be confused with."""


class Surface(msgspec.Struct, frozen=True):
    """The surfaces of one mode and what the mode asks of a colour."""

    card: RGB
    canvas: RGB
    tint: float
    chart: float
    step: float


LIGHT = Surface(from_oklch(Oklch(1, 0, 0)), from_oklch(Oklch(0.98, 0.003, 265)), 0.08, 3.0, -0.004)
DARK = Surface(
    from_oklch(Oklch(0.212, 0.012, 268)), from_oklch(Oklch(0.172, 0.011, 268)), 0.14, 4.0, 0.004
)


class Tokens(msgspec.Struct, frozen=True):
    """The four colours a tenant sets, in one mode."""

    primary: RGB
    primary_content: RGB
    link: RGB
    chart: RGB


CATEGORIES = {2: 195, 3: 65, 4: 5, 5: 305}
"""Hue of each chart category in the main style sheet."""
RESERVES = {
    255: (Oklch(0.58, 0.14, 255), Oklch(0.72, 0.12, 255)),
    135: (Oklch(0.6, 0.13, 135), Oklch(0.76, 0.13, 135)),
}
"""Categories, light and dark, that step in for one too close to the brand."""


def tokens(brand: str, surface: Surface) -> Tokens:
    """The brand's tokens on a surface.

    Raises:
        ValueError: not a colour such as ``#3b5bdb``.
    """
    given = parse_hex(brand)
    primary = _move(given, surface.step, lambda c: contrast(c, surface.card) >= EDGE)
    return Tokens(
        primary=primary,
        primary_content=_content(primary),
        link=_move(given, surface.step, lambda c: _reads(c, surface)),
        chart=_move(given, surface.step, lambda c: contrast(c, surface.card) >= surface.chart),
    )


def stylesheet(brand: str) -> str:
    """The tenant's style sheet, to be loaded after the main one."""
    light, dark = tokens(brand, LIGHT), tokens(brand, DARK)
    rules = {
        "--color-primary": (light.primary, dark.primary),
        "--color-primary-content": (light.primary_content, dark.primary_content),
        "--ui-link": (light.link, dark.link),
        "--chart-1": (light.chart, dark.chart),
        **_replaced_categories(brand),
    }
    body = "".join(
        f"{name}:light-dark({to_hex(day)},{to_hex(night)});" for name, (day, night) in rules.items()
    )
    return f":root{{{body}}}\n"


def digest(brand: str) -> str:
    """A short hash of the sheet, for an address that may be cached for ever."""
    return hashlib.sha256(stylesheet(brand).encode()).hexdigest()[:12]


def _replaced_categories(brand: str) -> dict[str, tuple[RGB, RGB]]:
    own = to_oklch(parse_hex(brand))
    if own.chroma < GREY:
        return {}
    close = [n for n, hue in CATEGORIES.items() if hue_distance(hue, own.hue) < TOO_CLOSE]
    spare = sorted(RESERVES, key=lambda hue: -hue_distance(hue, own.hue))
    pairs = zip(close, spare, strict=False)
    return {f"--chart-{n}": _both(*RESERVES[hue]) for n, hue in pairs}


def _both(light: Oklch, dark: Oklch) -> tuple[RGB, RGB]:
    return from_oklch(light), from_oklch(dark)


def _reads(color: RGB, surface: Surface) -> bool:
    tint = mix(color, surface.card, surface.tint)
    return all(contrast(color, back) >= TEXT for back in (surface.card, surface.canvas, tint))


def _move(color: RGB, step: float, enough: Callable[[RGB], bool]) -> RGB:
    """The colour with its lightness moved, a step at a time, until it is enough."""
    moved, at = color, to_oklch(color)
    while not enough(moved) and 0 <= at.lightness <= 1:
        at = at._replace(lightness=at.lightness + step)
        moved = from_oklch(at)
    return moved


def _content(background: RGB) -> RGB:
    """White where it can be read, else near-black in the same hue, else pure black."""
    white = (255, 255, 255)
    if contrast(white, background) >= TEXT:
        return white
    inked = from_oklch(to_oklch(background)._replace(lightness=0.2))
    return inked if contrast(inked, background) >= TEXT else (0, 0, 0)
