"""A whole installation in a temporary home, run as a user runs it: ``groundswell up``."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from groundswell.core.engines.endpoints import Published, read_published
from groundswell.core.engines.home import Home

CLI = [sys.executable, "-m", "groundswell"]
READY_SECONDS = 60


class Installation:
    """``start`` until ready, use, ``stop``; may be started again on the same home."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> float:
        """Start and wait until it says it is ready; seconds it took."""
        started = time.monotonic()
        with (self.home.path.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*CLI, "up", "--home", str(self.home.path), "--port", "0"], stdout=log, stderr=log
            )
        while time.monotonic() < started + READY_SECONDS:
            published = read_published(self.home)
            if published and published.url and answers(f"{published.url}/readyz"):
                self.url = published.url
                return time.monotonic() - started
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        log_text = (self.home.path.parent / "up.log").read_text()[-2_000:]
        raise RuntimeError(f"the server did not become ready\n{log_text}")

    def stop(self) -> float:
        """Ctrl-C; seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        return time.monotonic() - started

    def cli(self, *arguments: str) -> str:
        """Run a command on this home; its output. Fails with what it said on a bad exit."""
        done = subprocess.run(
            [*CLI, *arguments, "--home", str(self.home.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def init(self, tenant: str, email: str, password: str) -> dict[str, str]:
        """A tenant with an owner and keys."""
        answer: dict[str, str] = json.loads(
            self.cli("init", "--tenant", tenant, "--email", email, "--password", password, "--json")
        )
        return answer

    def programs(self) -> dict[str, dict[str, Any]]:
        """The supervisor's view: name → pid, ready, restarts."""
        status = json.loads((self.home.path / "run" / "status.json").read_bytes())
        return {entry["name"]: entry for entry in status["programs"]}

    def published(self) -> Published:
        """Where the engines of the running installation answer."""
        found = read_published(self.home)
        assert found is not None
        return found


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
