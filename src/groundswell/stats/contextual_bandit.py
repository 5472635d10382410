"""Contextual bandits: shares per segment, where the best arm may differ.

Each segment learns on its own data; a segment still short of data follows the shares of all
segments together, and says so. Segments are exclusive: each person is in one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from groundswell.stats.bandit import Allocation, ArmStatistic, BanditSettings, allocate
from groundswell.stats.result import FailureCode, Unavailable


@dataclass(frozen=True, slots=True)
class SegmentAllocation:
    """A segment's shares; ``pooled`` when they are those of all segments together."""

    allocation: Allocation
    pooled: bool


def allocate_by_segment(
    segments: Mapping[str, Mapping[str, ArmStatistic]], settings: BanditSettings | None = None
) -> Mapping[str, SegmentAllocation] | Unavailable:
    """Shares of every segment from its arms' data (segment → arm → statistic).

    Raises:
        ValueError: floors that add to more than 1.
    """
    arms = [set(segment) for segment in segments.values()]
    if not arms or any(names != arms[0] for names in arms):
        return Unavailable(FailureCode.MISMATCHED_STATISTICS)
    everyone = allocate(_pool(segments, sorted(arms[0])), settings)
    if isinstance(everyone, Unavailable):
        return everyone
    allocations: dict[str, SegmentAllocation] = {}
    for name, segment in segments.items():
        own = allocate(segment, settings)
        usable = isinstance(own, Allocation) and not own.warming_up
        chosen = own if isinstance(own, Allocation) and usable else everyone
        allocations[name] = SegmentAllocation(chosen, pooled=not usable)
    return allocations


def _pool(
    segments: Mapping[str, Mapping[str, ArmStatistic]], names: list[str]
) -> dict[str, ArmStatistic]:
    """Each arm's statistic over all segments."""
    return {name: reduce(add, [segment[name] for segment in segments.values()]) for name in names}
