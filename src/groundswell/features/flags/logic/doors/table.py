"""Which address is answered by which door, and the same as lines of the route table."""

from typing import Any

from groundswell.core.http.access import Access, RouteEntry
from groundswell.core.http.access import Door as AccessDoor
from groundswell.core.platform import Platform
from groundswell.features.flags.logic.doors.http import Door
from groundswell.features.flags.logic.doors.ofrep import PATH as OFREP
from groundswell.features.flags.logic.doors.ofrep import OfrepDoor
from groundswell.features.flags.logic.doors.ours import (
    Definitions,
    DefinitionsDoor,
    Evaluate,
    Evaluated,
    EvaluateDoor,
)
from groundswell.features.flags.logic.doors.posthog import PosthogDefinitionsDoor, PosthogDoor
from groundswell.features.flags.logic.snapshot import FlagSnapshot

_DOORS: dict[str, type[Door]] = {
    "/api/flags/evaluate": EvaluateDoor,
    "/api/flags/definitions": DefinitionsDoor,
    OFREP: OfrepDoor,
    OFREP + "/*": OfrepDoor,
    "/flags": PosthogDoor,
    "/flags/": PosthogDoor,
    "/decide": PosthogDoor,
    "/decide/": PosthogDoor,
    "/flags/definitions": PosthogDefinitionsDoor,
    "/flags/definitions/": PosthogDefinitionsDoor,
    "/api/feature_flag/local_evaluation": PosthogDefinitionsDoor,
    "/api/feature_flag/local_evaluation/": PosthogDefinitionsDoor,
}
_SUMMARIES: dict[type[Door], str] = {
    EvaluateDoor: "Evaluate flags",
    DefinitionsDoor: "Definitions for local evaluation",
    OfrepDoor: "Evaluate flags (OFREP)",
    PosthogDoor: "Evaluate flags (PostHog)",
    PosthogDefinitionsDoor: "Definitions for local evaluation (PostHog)",
}


def doors_of(platform: Platform, snapshot: FlagSnapshot) -> dict[str, Door]:
    """The doors of one process."""
    made = {kind: kind(platform, snapshot) for kind in _SUMMARIES}
    return {path: made[kind] for path, kind in _DOORS.items()}


def _entry(path: str, kind: type[Door]) -> RouteEntry:
    details: dict[str, Any] = {}
    if kind is EvaluateDoor:
        details = {"body": Evaluate, "answers": {200: Evaluated}}
    elif kind is DefinitionsDoor:
        details = {"answers": {200: Definitions}}
    elif kind is OfrepDoor or kind is PosthogDoor:
        details = {"body": dict[str, Any]}
    access = Access(
        door=AccessDoor.PERMISSION,
        permission=kind.permission,
        summary=_SUMMARIES[kind],
        **details,
    )
    (method,) = kind.methods - {"OPTIONS"}
    shown = path.replace("/*", "/{key:str}")
    return RouteEntry(method=method, path=shown, access=access, handler=None)


ROUTES = tuple(_entry(path, kind) for path, kind in _DOORS.items())
"""The doors check keys and permission themselves."""
