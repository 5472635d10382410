"""``groundswell up`` as a person runs it: one command, one home, Ctrl-C; and as fate does: kill."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest

from groundswell.app.up import choose_web_port, web_url
from groundswell.core.config import load_settings
from groundswell.core.engines.endpoints import Published, read_published
from groundswell.core.engines.home import Home
from groundswell.core.engines.supervisor import Status, StatusFile
from groundswell.core.errors import ConfigurationError

pytestmark = pytest.mark.timeout(180)
UP = [sys.executable, "-W", "ignore", "-m", "groundswell", "up"]
START_SECONDS = 60


class Running:
    """One ``up`` on one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start; its first line, said when all is ready."""
        self.process = subprocess.Popen(
            [*UP, "--home", str(self.home), "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "GROUNDSWELL_WEB_WORKERS": "2"},
        )
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def stop(self) -> float:
        """Ctrl-C; seconds until it was gone."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 0
        return time.monotonic() - began

    def published(self) -> Published:
        found = read_published(Home(self.home))
        assert found is not None
        return found

    def programs(self) -> dict[str, Status]:
        path = self.home / "run" / "status.json"
        file = msgspec.json.decode(path.read_bytes(), type=StatusFile)
        return {status.name: status for status in file.programs}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    one = Running(tmp_path_factory.mktemp("up") / "my home")
    said = one.start()
    assert "http://127.0.0.1:" in said, said
    assert "Create the first account" in said
    yield one
    if one.process and one.process.poll() is None:
        one.process.kill()
        one.process.wait()


def _until_ready(running: Running, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not all(s.ready and s.pid for s in running.programs().values()):
        assert time.monotonic() < deadline, running.programs()
        time.sleep(0.05)


def test_all_roles_and_engines_run(running: Running) -> None:
    names = {"postgres", "log", "cache", "store", "web-1", "web-2", "writer", "worker"}
    assert set(running.programs()) == names
    url = running.published().url
    assert url
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_second_up_on_one_home_says_so(running: Running) -> None:
    second = subprocess.run(
        [*UP, "--home", str(running.home), "--port", "0"], capture_output=True, text=True
    )
    assert second.returncode == 1
    assert f"pid {running.published().pid}" in second.stderr
    assert str(running.published().url) in second.stderr
    assert "Traceback" not in second.stderr


async def test_one_web_process_killed_at_a_time_leaves_the_port_served(running: Running) -> None:
    url = f"{running.published().url}/healthz"
    for name in ("web-1", "web-2"):
        _until_ready(running)
        pid = running.programs()[name].pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        # Whom the kernel had already handed to the dead process may fail; nobody after that.
        await asyncio.sleep(0.1)
        for _ in range(30):
            async with httpx.AsyncClient() as fresh:
                assert (await fresh.get(url, timeout=5)).status_code == 200
    _until_ready(running)


def test_every_process_comes_back_after_kill_9(running: Running) -> None:
    _until_ready(running)
    before = running.programs()
    for status in before.values():
        assert status.pid
        os.kill(status.pid, signal.SIGKILL)
    deadline = time.monotonic() + START_SECONDS
    while any(s.restarts <= before[n].restarts for n, s in running.programs().items()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    _until_ready(running)


def test_ctrl_c_stops_all_within_five_seconds_and_leaves_nothing(running: Running) -> None:
    _until_ready(running)
    pids = [status.pid for status in running.programs().values()]
    assert running.stop() < 5.5
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert read_published(Home(running.home)) is None


def test_restart_says_where_to_sign_in(running: Running) -> None:
    assert "Sign in: http://" in running.start()
    running.stop()


def test_killed_supervisor_leaves_the_home_ready_for_the_next(running: Running) -> None:
    running.start()
    assert running.process is not None
    running.process.kill()
    running.process.wait()
    assert "Sign in" in running.start()
    running.stop()


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = load_settings(home=tmp_path / "home", port=port)
        with pytest.raises(ConfigurationError, match=f"Port {port}"):
            choose_web_port(settings)
    assert choose_web_port(settings) == port


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
    ],
)
def test_address_is_one_a_person_can_open(tmp_path: Path, host: str, url: str) -> None:
    assert web_url(load_settings(home=tmp_path, host=host), 80) == url
