"""Properties of a person, in layers: what was set on it, over what merged people brought along."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from groundswell.features.people.types import (
    MAX_PROPERTIES,
    MAX_PROPERTIES_BYTES,
    PropertyChange,
)


class Layers:
    """A person's own layer and what it shows.

    ``own`` is None while nobody is merged into the person: it then shows its own layer.
    ``shown`` is own, over the people merged into it (earlier merges first), less ``hidden``.
    What would make it larger than a person may be is left out: every event of the person carries
    a copy, so that one sender's large person would weigh on the events of all.
    """

    def __init__(
        self,
        shown: Mapping[str, Any],
        own: Mapping[str, Any] | None = None,
        hidden: Iterable[str] = (),
    ) -> None:
        self.shown = dict(shown)
        self.own = None if own is None else dict(own)
        self.hidden = set(hidden)
        self._bytes: int | None = None

    def change(self, change: PropertyChange) -> None:
        """Apply one change: set, then set once, then unset."""
        for name, value in change.set.items():
            self._set(name, value)
        for name, value in change.set_once.items():
            if name not in self.shown:
                self._set(name, value)
        for name in change.unset:
            self._unset(name)

    def take_in(self, shown: Mapping[str, Any]) -> None:
        """Another person is merged into this one: what this one lacks is taken from it."""
        if self.own is None:
            self.own = dict(self.shown)
        for name, value in shown.items():
            if name not in self.shown and name not in self.hidden and self._takes(name, value):
                self.shown[name] = value

    def rebuild(self, merged: Iterable[Mapping[str, Any]]) -> None:
        """Show the own layer over exactly these people, earliest merge first."""
        own = self.shown if self.own is None else self.own
        self.shown = dict(own)
        self.own = None
        self._bytes = None
        for shown in merged:
            self.take_in(shown)
        if self.own is None:
            self.hidden.clear()

    def _set(self, name: str, value: Any) -> None:
        if not self._takes(name, value):
            return
        self.shown[name] = value
        if self.own is not None:
            self.own[name] = value

    def _unset(self, name: str) -> None:
        if name not in self.shown:
            return
        self._bytes = self._size() - _size_of(name, self.shown.pop(name))
        if self.own is not None:
            self.own.pop(name, None)
            self.hidden.add(name)

    def _takes(self, name: str, value: Any) -> bool:
        """Whether there is room for this value; if so, it is counted as taken."""
        before = self._size()
        if name in self.shown:
            after = before + _size_of(name, value) - _size_of(name, self.shown[name])
        elif len(self.shown) < MAX_PROPERTIES:
            after = before + _size_of(name, value)
        else:
            return False
        if after > MAX_PROPERTIES_BYTES and after > before:
            return False
        self._bytes = after
        return True

    def _size(self) -> int:
        if self._bytes is None:
            self._bytes = sum(_size_of(name, value) for name, value in self.shown.items())
        return self._bytes


def _size_of(name: str, value: Any) -> int:
    return len(msgspec.json.encode({name: value}))
