"""Programs whose supervisor was killed: found again by pid and start time, and ended."""

import signal

import psutil

_SAME_START = 2.0  # seconds between the start we noted and the one the kernel tells


def end_orphan(pid: int, since: float, number: signal.Signals, within: float = 5.0) -> None:
    """Send ``number`` to the process that was ``pid`` at ``since``; after ``within`` s, SIGKILL.

    A pid that belongs to another program by now is left alone.
    """
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - since) > _SAME_START:
            return
        process.send_signal(number)
        _, alive = psutil.wait_procs([process], timeout=within)
        for each in alive:
            each.kill()
    except psutil.NoSuchProcess:
        pass
