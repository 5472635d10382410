"""Regular expressions whose time grows with the text only: RE2 has no backtracking to abuse."""

from collections.abc import Callable

import re2

MAX_PATTERN = 500
MAX_TEXT = 2_000
"""Longer property values are not searched: the condition does not hold."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20


def search_of(pattern: str) -> Callable[[str], bool] | None:
    """A search for the pattern, or None if it is too long or RE2 can't do it."""
    if len(pattern) > MAX_PATTERN:
        return None
    try:
        found = re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeEncodeError):
        return None

    def search(text: str) -> bool:
        try:
            return len(text) <= MAX_TEXT and found.search(text) is not None
        except UnicodeEncodeError:  # half a surrogate pair
            return False

    return search
