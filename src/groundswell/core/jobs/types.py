"""What a job and a schedule are. Features list theirs; the worker runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from groundswell.core.platform import Platform

Payload = TypeVar("Payload", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Job(Generic[Payload]):
    """Work for one tenant. ``run`` may be called again after a crash: it must be repeatable."""

    name: str
    payload: type[Payload]
    run: Callable[[Platform, UUID, Payload], Awaitable[None]]
    retries: int = 8
    queue: str = "default"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Work across tenants at the times of a cron line (UTC, five fields)."""

    name: str
    cron: str
    run: Callable[[Platform], Awaitable[None]]
