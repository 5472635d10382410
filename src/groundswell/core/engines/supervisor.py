"""Runs programs: in order, again when they die, all stopped together, none left behind."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec

from groundswell.core.engines.endpoints import write_private
from groundswell.core.engines.home import Home
from groundswell.core.engines.logs import LogFile
from groundswell.core.engines.orphans import end_orphan
from groundswell.core.engines.program import Program
from groundswell.core.errors import ConfigurationError

FIRST_PAUSE = 0.1  # seconds before the first restart; doubles up to
LONGEST_PAUSE = 10.0
STABLE_AFTER = 10.0  # seconds up after which the pause is short again
STOP_WITHIN = 5.0  # seconds for all together, then SIGKILL
_KEPT_FOR_LAST = 1.3  # seconds of that for what all others stand on
_POLL = 0.02
_FIRST_TRIES = 4  # deaths before it was ever ready, after which `start` gives up


class Status(msgspec.Struct, kw_only=True):
    """One line of ``run/status.json``. ``since`` is a unix time in seconds."""

    name: str
    pid: int | None = None
    restarts: int = 0
    since: float | None = None
    ready: bool = False
    last_exit: int | None = None  # as subprocess reports it: negative is a signal


class StatusFile(msgspec.Struct, kw_only=True):
    """``run/status.json``: who supervises, and what."""

    pid: int
    programs: list[Status]


class StartError(ConfigurationError):
    """A program did not become ready; the text ends with the last lines it logged."""


class _Child:
    """One program through its lives."""

    def __init__(self, program: Program, log: LogFile, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.program = program
        self.log = log
        self.status = Status(name=program.name)
        self.ready = asyncio.Event()
        self.hopeless = asyncio.Event()
        self.was_ready = False
        self.process: asyncio.subprocess.Process | None = None
        self._pause = FIRST_PAUSE

    async def run(self) -> None:
        """Start, wait for the end, pause, start again; until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await self._live()
            except Exception as error:  # noqa: BLE001 - whatever stops a start is tried again
                self.log.write(f"start failed: {error}\n")
            if time.monotonic() - began > STABLE_AFTER:
                self._pause = FIRST_PAUSE
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self.status.restarts += 1
            if not self.was_ready and self.status.restarts >= _FIRST_TRIES:
                self.hopeless.set()

    async def _live(self) -> None:
        await asyncio.to_thread(self.program.prepare)
        with self.log.open() as output:
            self.process = await asyncio.create_subprocess_exec(
                *self.program.command(),
                env=self.program.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C reaches the supervisor only, which stops the rest in order.
                start_new_session=True,
            )
        self.status.pid, self.status.since = self.process.pid, time.time()
        self._changed()
        watch = asyncio.create_task(self._watch(self.process))
        try:
            self.status.last_exit = await self.process.wait()
        finally:
            watch.cancel()
            self.ready.clear()
            self.status.ready, self.status.pid = False, None
            self._changed()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Set ``ready`` once the program says so; end it when that takes too long."""
        deadline = time.monotonic() + self.program.ready_within
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                if await self.program.ready(process.pid):
                    self.status.ready = self.was_ready = True
                    self.ready.set()
                    self._changed()
                    return
            await asyncio.sleep(_POLL)
        self.log.write(f"not ready within {self.program.ready_within} s: ended\n")
        process.kill()

    def signal(self, number: int) -> None:
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


class Supervisor:
    """Runs ``programs`` of ``home`` from ``start`` to ``stop``."""

    def __init__(self, home: Home, programs: Iterable[Program]) -> None:
        self._home = home
        self._path = home / "run" / "status.json"
        self._children = {program.name: self._child(program) for program in programs}
        self._swept = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._keeper: asyncio.Task[None] | None = None

    def _child(self, program: Program) -> _Child:
        return _Child(program, LogFile(self._home, program.name), self._write_status)

    async def start(self, within: float = 120.0) -> None:
        """Start everything in order of ``after``; return when all are ready.

        Raises:
            StartError: something keeps dying, or is not ready after ``within`` seconds; all is
                stopped then.
        """
        first = list(self._children.values())
        await asyncio.to_thread(self._sweep)
        self._swept.set()
        self._keeper = asyncio.create_task(self._keep())
        try:
            await self._start_all(first, within)
        except BaseException:
            await self.stop()
            raise

    async def add(self, programs: Iterable[Program], within: float = 120.0) -> None:
        """Start more programs beside those of ``start``; return when they are ready.

        Raises:
            StartError: as ``start``; what runs goes on running.
        """
        # The sweep reads the status file that new children write.
        await self._swept.wait()
        added = [self._child(program) for program in programs]
        self._children.update({child.program.name: child for child in added})
        await self._start_all(added, within)

    async def _start_all(self, children: list[_Child], within: float) -> None:
        try:
            await asyncio.wait_for(_together(self._start(child) for child in children), within)
        except TimeoutError:
            late = [c for c in children if not c.ready.is_set()]
            story = "\n".join(f"{c.program.name}: {c.log.tail()}" for c in late)
            raise StartError(f"Not ready after {within:.0f} s.\n{story}") from None

    async def _start(self, child: _Child) -> None:
        if not child.program.starts_at_once:
            for name in child.program.after:
                if name in self._children:
                    await self._children[name].ready.wait()
        self._tasks[child.program.name] = asyncio.create_task(child.run())
        waits = [asyncio.ensure_future(e.wait()) for e in (child.ready, child.hopeless)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not child.ready.is_set():
            raise StartError(f"{child.program.name} does not start:\n{child.log.tail()}")

    def status(self) -> list[Status]:
        """Every program as it is now."""
        return [child.status for child in self._children.values()]

    async def stop(self) -> None:
        """Stop all: first what others do not lean on; what is left after 5 s is killed."""
        if self._keeper:
            self._keeper.cancel()
        layers = self._layers()
        began = time.monotonic()
        for layer in layers:
            # A role that hangs must not cost the engines their time.
            kept = 0.0 if layer is layers[-1] else _KEPT_FOR_LAST
            await self._stop_layer(layer, began + STOP_WITHIN - kept)
        self._path.unlink(missing_ok=True)

    async def _stop_layer(self, layer: list[_Child], deadline: float) -> None:
        for child in layer:
            task = self._tasks.pop(child.program.name, None)
            if task:
                task.cancel()
            child.signal(child.program.stop_signal)
        waits = [c.process.wait() for c in layer if c.process]
        if not waits:
            return
        left = max(0.2, deadline - time.monotonic())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*waits), left)
        for child in layer:
            if child.process and child.process.returncode is None:
                child.signal(9)
                await child.process.wait()

    def _layers(self) -> list[list[_Child]]:
        """Children in the order they are stopped: who has ``after`` goes before whom it names."""
        left = dict(self._children)
        layers: list[list[_Child]] = []
        while left:
            needed = {name for child in left.values() for name in child.program.after}
            layer = [child for name, child in left.items() if name not in needed]
            layers.append(layer or list(left.values()))
            for child in layers[-1]:
                left.pop(child.program.name)
        return layers

    async def _keep(self) -> None:
        """Keep logs short."""
        while True:
            for child in self._children.values():
                child.log.rotate()
            await asyncio.sleep(1.0)

    def _write_status(self) -> None:
        said = StatusFile(pid=os.getpid(), programs=self.status())
        write_private(self._path, msgspec.json.encode(said))

    def _sweep(self) -> None:
        """End what a killed supervisor left running, where the kernel did not do it."""
        try:
            left = msgspec.json.decode(self._path.read_bytes(), type=StatusFile)
        except (FileNotFoundError, msgspec.DecodeError):
            return
        for status in left.programs:
            child = self._children.get(status.name)
            if status.pid and status.since:
                number = child.program.death if child else signal.SIGKILL
                end_orphan(status.pid, status.since, number)
        self._path.unlink(missing_ok=True)


async def _together(waits: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
