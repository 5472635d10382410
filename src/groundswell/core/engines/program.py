"""What a supervisor runs: one program, when it is ready, how it is asked to stop."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")


async def always_ready(pid: int) -> bool:
    """For programs that others do not wait for."""
    return True


def nothing_to_prepare() -> None:
    """For programs that start from any state."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One child process.

    ``ready`` is asked with the pid every 20 ms until it says yes; what it raises means "not yet".
    ``prepare`` runs in a thread before every start. ``death`` is what the kernel sends when the
    supervisor dies: at once, so that a successor never meets it. ``identity`` are launch.py's
    options that say as whom to run.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[int], Awaitable[bool]] = always_ready
    prepare: Callable[[], None] = nothing_to_prepare
    stop_signal: signal.Signals = signal.SIGTERM
    death: signal.Signals = signal.SIGKILL
    identity: Sequence[str] = ()
    after: Sequence[str] = ()
    starts_at_once: bool = False  # waits for ``after`` by itself; they still stop later
    ready_within: float = 30.0  # seconds; then it is killed and started again

    def command(self) -> list[str]:
        """The full argument vector, wrapped by the launcher."""
        launch = [sys.executable, "-I", "-S", str(LAUNCH), f"--parent={os.getpid()}"]
        return [*launch, f"--death={int(self.death)}", *self.identity, "--", *self.argv]

    def environment(self) -> dict[str, str]:
        """Our environment with the program's own on top."""
        return {**os.environ, **self.env}


def python_program(module: str, *arguments: str) -> list[str]:
    """Arguments that run one of our own modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]
