"""The features of this installation and what they export by convention.

A feature is a folder; its modules ``routes``, ``pages`` and ``jobs`` export tuples under fixed
names. Nothing is registered anywhere else.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import groundswell.features

FEATURES = ("people", "access", "events", "flags", "commerce", "insights", "operations", "growth")
"""Low to high, as import-linter holds them."""


def exported(module: str, name: str, *, highest_first: bool = False) -> list[Any]:
    """All entries of a tuple that features export, for example ``exported("jobs", "JOBS")``."""
    modules = list(_modules(module))
    if highest_first:
        modules.reverse()
    return [entry for found in modules for entry in getattr(found, name, ())]


def template_folders() -> list[Path]:
    """Where features keep their templates."""
    root = Path(groundswell.features.__path__[0])
    return [path for name in FEATURES if (path := root / name / "templates").is_dir()]


def _modules(module: str) -> Iterator[ModuleType]:
    for feature in FEATURES:
        package = f"groundswell.features.{feature}"
        if find_spec(package) and find_spec(f"{package}.{module}"):
            yield import_module(f"{package}.{module}")
