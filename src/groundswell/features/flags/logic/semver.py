"""Semantic versions (semver.org 2.0): order, tilde and caret ranges.

Missing parts count as 0 and a leading ``v`` is dropped, as apps report "1.2" and "v1.2.3";
build metadata (after ``+``) has no order and is dropped too.
"""

import re

Version = tuple[int, int, int, tuple[tuple[int, int, str], ...], bool]

_FORM = re.compile(
    r"\s*v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]{1,100}))?"
    r"(?:\+[0-9A-Za-z.-]*)?\s*",
    re.ASCII,
)


def parse(text: object) -> Version | None:
    """A value that sorts as the version does, or None if the text is none."""
    found = _FORM.fullmatch(text) if isinstance(text, str) and len(text) <= 200 else None
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    # A release is later than each of its pre-releases: the empty tuple must sort last.
    parts = tuple(_part(each) for each in pre.split(".")) if pre else ((2, 0, ""),)
    return int(major), int(minor or 0), int(patch or 0), parts, pre is None


def _part(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isdigit() and len(text) < 10 else (1, 0, text)


def tilde(wanted: Version, found: Version) -> bool:
    """``~1.2.3``: at least that, same major and minor."""
    return found >= wanted and found[:2] == wanted[:2]


def caret(wanted: Version, found: Version) -> bool:
    """``^1.2.3``: at least that, and the same leftmost part that is not 0."""
    same = 1 if wanted[0] else 2 if wanted[1] else 3
    return found >= wanted and found[:same] == wanted[:same]
