"""Metrics of all processes of a home in one answer: each writes its own to a file.

Any web process may answer ``/metrics``; counters live in the memory of each. Every process
writes its exposition every few seconds, and the answer is all of them under a ``process`` label.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from prometheus_client import generate_latest

from groundswell.core.metrics import REGISTRY

EVERY = 2.0  # seconds

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (.+)$")


@asynccontextmanager
async def published_metrics(home: Path, role: str) -> AsyncIterator[None]:
    """Write this process's metrics while the block runs. ``role`` is web, writer or worker."""
    file = home / "run" / "metrics" / f"{role}-{os.getpid()}.prom"
    file.parent.mkdir(parents=True, exist_ok=True)
    task = asyncio.create_task(_keep_writing(file))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        file.unlink(missing_ok=True)


async def _keep_writing(file: Path) -> None:
    while True:
        draft = file.with_suffix(".draft")
        with suppress(OSError):  # a full disk must not end the process
            draft.write_bytes(generate_latest(REGISTRY))
            draft.replace(file)
        await asyncio.sleep(EVERY)


def merged(folder: Path) -> bytes:
    """One exposition of every living process's file; files of dead ones are removed."""
    families: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.prom")):
        role, _, pid = file.stem.rpartition("-")
        if not _lives(pid):
            file.unlink(missing_ok=True)
            continue
        with suppress(OSError):
            _take(file.read_text(), f'process="{role}-{pid}"', families)
    lines = [line for family in families.values() for line in family]
    return ("\n".join(lines) + "\n").encode()


def _take(text: str, label: str, families: dict[str, list[str]]) -> None:
    """Add a file's samples under the headings of their families."""
    family: list[str] = []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = families.setdefault(line.split(" ", 3)[2], [])
        if line.startswith("#"):
            if line not in family:
                family.append(line)
            continue
        sample = _SAMPLE.match(line)
        if sample:
            name, _, labels, value = sample.groups()
            family.append(f"{name}{{{label}{',' + labels if labels else ''}}} {value}")


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
