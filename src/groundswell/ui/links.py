"""Addresses of the same page with other choices: sorted, filtered, paged, another range."""

from typing import Literal
from urllib.parse import urlencode

import msgspec


def with_query(path: str, query: dict[str, str], **changes: str | int | None) -> str:
    """``path`` with ``query`` and the changes; None or an empty text removes a parameter."""
    merged = {**query, **changes}
    kept = {name: value for name, value in merged.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


class Choice(msgspec.Struct, frozen=True):
    """One of a few links of which one is current."""

    label: str
    href: str
    current: bool = False
    count: int | None = None


class Sort(msgspec.Struct, frozen=True):
    """Which column orders a table; other parameters of the address are kept."""

    path: str
    column: str
    descending: bool = True
    query: dict[str, str] = {}

    def href(self, column: str) -> str:
        """The address that sorts by a column, or turns its order round."""
        descending = not self.descending if column == self.column else True
        value = f"-{column}" if descending else column
        return with_query(self.path, self.query, sort=value, cursor=None)

    def state(self, column: str) -> Literal["ascending", "descending"] | None:
        """The value of ``aria-sort``."""
        if column != self.column:
            return None
        return "descending" if self.descending else "ascending"


class Pager(msgspec.Struct, frozen=True):
    """Where a cursor-paged list goes on; ``note`` says what is shown ("1–50 of 2,357")."""

    previous: str = ""
    next: str = ""
    note: str = ""


class Column(msgspec.Struct, frozen=True):
    """A table column. ``key`` makes it sortable; ``wide`` hides it on a phone."""

    label: str
    numeric: bool = False
    key: str = ""
    wide: bool = False
    hidden_label: bool = False
