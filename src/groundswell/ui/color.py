"""Colour arithmetic: oklch to 8-bit sRGB inside the gamut, and WCAG contrast.

Source: B. Ottosson, "A perceptual color space for image processing" (Oklab, 2020);
WCAG 2.2, relative luminance and contrast ratio.
"""

from math import atan2, cos, degrees, hypot, radians, sin
from typing import NamedTuple

RGB = tuple[int, int, int]


class Oklch(NamedTuple):
    """Lightness 0-1, chroma from 0, hue in degrees."""

    lightness: float
    chroma: float
    hue: float


def parse_hex(text: str) -> RGB:
    """``#3b5bdb`` or ``#35d`` as three bytes.

    Raises:
        ValueError: not a colour written that way.
    """
    digits = text.strip().removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    if len(digits) != 6 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise ValueError(f"{text!r} is not a colour such as #3b5bdb")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def to_hex(color: RGB) -> str:
    """Three bytes as ``#3b5bdb``."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def to_oklch(color: RGB) -> Oklch:
    """An sRGB colour as lightness, chroma and hue."""
    r, g, b = (_linear(channel / 255) for channel in color)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b_axis = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return Oklch(lightness, hypot(a, b_axis), degrees(atan2(b_axis, a)) % 360)


def from_oklch(color: Oklch) -> RGB:
    """The nearest sRGB colour of the same lightness and hue: chroma shrinks until it fits."""
    low, high = 0.0, color.chroma
    if _fits(_channels(color)):
        low = high
    for _ in range(20 if low < high else 0):
        middle = (low + high) / 2
        if _fits(_channels(color._replace(chroma=middle))):
            low = middle
        else:
            high = middle
    r, g, b = (_byte(channel) for channel in _channels(color._replace(chroma=low)))
    return r, g, b


def mix(color: RGB, other: RGB, share: float) -> RGB:
    """``share`` of ``color`` in ``other``, mixed in oklab so that the hue does not drift."""
    one, two = _lab(to_oklch(color)), _lab(to_oklch(other))
    lightness, a, b = (x * share + y * (1 - share) for x, y in zip(one, two, strict=True))
    return from_oklch(Oklch(lightness, hypot(a, b), degrees(atan2(b, a)) % 360))


def contrast(color: RGB, other: RGB) -> float:
    """WCAG contrast ratio, 1 to 21."""
    dark, light = sorted((_luminance(color), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def hue_distance(one: float, other: float) -> float:
    """Degrees between two hues, 0 to 180."""
    gap = abs(one - other) % 360
    return min(gap, 360 - gap)


def _lab(color: Oklch) -> tuple[float, float, float]:
    angle = radians(color.hue)
    return color.lightness, color.chroma * cos(angle), color.chroma * sin(angle)


def _channels(color: Oklch) -> tuple[float, float, float]:
    """Linear light, possibly outside 0-1."""
    lightness, a, b = _lab(color)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _fits(channels: tuple[float, float, float]) -> bool:
    return all(-1e-4 <= channel <= 1 + 1e-4 for channel in channels)


def _byte(channel: float) -> int:
    clipped = min(max(channel, 0.0), 1.0)
    shown = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055
    return round(shown * 255)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _luminance(color: RGB) -> float:
    r, g, b = (_linear(channel / 255) for channel in color)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
