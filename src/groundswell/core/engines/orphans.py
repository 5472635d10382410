"""Programs whose supervisor was killed: found again by pid and start time, and ended."""

import contextlib
import signal
import time

import psutil

_SAME_START = 2.0  # seconds between the start we noted and the one the kernel tells
_POLL = 0.01


def end_orphan(pid: int, since: float, number: signal.Signals) -> None:
    """End the process that was ``pid`` at ``since`` (unix seconds).

    A pid that belongs to another program by now is left alone.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if abs(process.create_time() - since) <= _SAME_START:
            end(process, number)


def end(process: psutil.Process, number: signal.Signals, within: float = 5.0) -> None:
    """Send ``number``; what is still there after ``within`` seconds gets SIGKILL."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
        if not _gone(process, within):
            process.kill()
            _gone(process, 1.0)


def _gone(process: psutil.Process, within: float) -> bool:
    """Whether it ended. In a container without a real init it may stay a zombie for ever."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(_POLL)
    return False
