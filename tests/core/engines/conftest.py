"""Bare engines (no schema) of these tests' own, and ways to look at and kill processes."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from groundswell.core.config import Settings, load_settings
from groundswell.core.engines.embedded import engines
from groundswell.core.engines.endpoints import Endpoints
from groundswell.core.engines.home import Home
from groundswell.core.engines.supervisor import Status, StatusFile


@pytest.fixture(scope="session")
def bare_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An empty home with a space in its path."""
    return load_settings(home=tmp_path_factory.mktemp("engines") / "my home")


@pytest.fixture(scope="session")
async def bare(bare_settings: Settings) -> AsyncIterator[Endpoints]:
    """All engines of that home."""
    async with engines(bare_settings) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of one test's own."""
    return Home(tmp_path / "home").create()


def statuses(path: Path) -> dict[str, Status]:
    """The supervisor's own account, by program."""
    file = msgspec.json.decode((path / "run" / "status.json").read_bytes(), type=StatusFile)
    return {status.name: status for status in file.programs}


async def until(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition; fail when it does not come true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


async def kill(path: Path, name: str) -> None:
    """SIGKILL one program and wait until its supervisor has it ready again."""
    before = statuses(path)[name]
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    await until(lambda: statuses(path)[name].restarts > before.restarts)
    await until(lambda: statuses(path)[name].ready)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
