"""What a signal is, and what handles one."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.platform import Platform


class Signal(msgspec.Struct, frozen=True):
    """A fact of one tenant: ``name`` is ``thing.verb`` in the past tense (``order.placed``)."""

    tenant_id: UUID
    signal_id: UUID
    name: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignalHandler:
    """Called with up to 500 signals of one tenant and name, oldest first.

    Delivery is at least once: handling the same signal again must change nothing.
    """

    name: str
    signal: str
    handle: Callable[[Platform, UUID, Sequence[Signal]], Awaitable[None]]
