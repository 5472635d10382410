"""About whom a flag is asked: ids, properties, groups, and what memory knows of segments."""

from collections.abc import Callable, Mapping
from typing import Any

from groundswell.features.flags.logic.deal import unit_bytes

SegmentTest = Callable[[str, str], bool | None]
"""Whether an id is in a segment (``(segment, distinct id)``); None: memory does not hold it."""


def no_segments(_segment: str, _distinct_id: str) -> bool | None:
    """Nothing is known of any segment."""
    return None


class Context:
    """One person at one moment. ``person`` is what people are dealt by: their first distinct id.

    ``now`` is in seconds since 1970. Built once a request, so it is a plain class with slots.
    ``known`` holds what conditions said already: many flags ask the same.
    """

    __slots__ = (
        "device",
        "distinct_id",
        "group_properties",
        "groups",
        "known",
        "now",
        "person",
        "properties",
        "segments",
        "unit",
    )

    def __init__(
        self,
        distinct_id: str,
        *,
        now: float,
        person: str = "",
        device: str = "",
        properties: Mapping[str, Any] | None = None,
        groups: Mapping[str, str] | None = None,
        group_properties: Mapping[str, Mapping[str, Any]] | None = None,
        segments: SegmentTest = no_segments,
    ) -> None:
        self.distinct_id = distinct_id
        self.person = person or distinct_id
        self.device = device
        self.now = now
        self.properties: Mapping[str, Any] = properties if properties is not None else {}
        self.groups: Mapping[str, str] = groups or {}
        self.group_properties: Mapping[str, Mapping[str, Any]] = group_properties or {}
        self.segments = segments
        self.unit = unit_bytes(self.person)
        self.known: dict[Callable[[Context], bool | None], bool | None] = {}

    def property(self, name: str) -> Any:
        """A property of the person; None if it is not known. The id counts as one."""
        found = self.properties.get(name)
        return self.distinct_id if found is None and name == "distinct_id" else found

    def group_property(self, group_type: str, name: str) -> Any:
        """A property of the person's group of a type; ``$group_key`` is the group's key."""
        if name == "$group_key":
            return self.groups.get(group_type)
        return self.group_properties.get(group_type, {}).get(name)
