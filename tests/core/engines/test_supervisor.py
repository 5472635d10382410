"""The supervisor: order, restarts with back-off, clean stop, nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.core.engines.conftest import is_alive, statuses, until

from groundswell.core.engines.home import Home
from groundswell.core.engines.logs import LogFile
from groundswell.core.engines.program import Program
from groundswell.core.engines.supervisor import StartError, Supervisor

SLEEP = ["/bin/sleep", "1000"]


def _shell(name: str, script: str, **options: object) -> Program:
    return Program(name=name, argv=["/bin/sh", "-c", script], **options)


async def test_programs_start_after_those_they_need(home: Home, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    async def marked(pid: int) -> bool:
        return mark.exists()

    first = _shell("first", f"sleep 0.3; touch '{mark}'; sleep 1000", ready=marked)
    second = _shell("second", f"test -e '{mark}' && echo fine; sleep 1000", after=["first"])
    supervisor = Supervisor(home, [second, first])
    await supervisor.start()
    await until(lambda: "fine" in LogFile(home, "second").tail())
    await supervisor.stop()


async def test_what_dies_is_started_again_with_growing_pauses(home: Home) -> None:
    def lives() -> int:
        return LogFile(home, "weak").tail().count("life")

    async def third_life(pid: int) -> bool:
        return lives() >= 3

    supervisor = Supervisor(home, [_shell("weak", "echo life; sleep 0.1", ready=third_life)])
    began = time.monotonic()
    await supervisor.start()
    assert time.monotonic() - began >= 0.1 + 0.1 + 0.1 + 0.2
    assert statuses(home.path)["weak"].restarts == 2
    await supervisor.stop()


async def test_start_gives_up_on_what_never_lives_and_says_what_it_said(home: Home) -> None:
    async def never(pid: int) -> bool:
        return False

    meek = Program(name="meek", argv=SLEEP)
    supervisor = Supervisor(home, [meek, _shell("weak", "echo my reason; exit 3", ready=never)])
    with pytest.raises(StartError, match=r"(?s)weak does not start.*my reason"):
        await supervisor.start()
    assert all(status.pid is None for status in supervisor.status())


async def test_killed_program_comes_back(home: Home) -> None:
    supervisor = Supervisor(home, [Program(name="sleeper", argv=SLEEP)])
    await supervisor.start()
    first = statuses(home.path)["sleeper"]
    assert first.pid
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: statuses(home.path)["sleeper"].restarts == 1)
    await until(lambda: statuses(home.path)["sleeper"].pid not in (None, first.pid))
    assert statuses(home.path)["sleeper"].last_exit == -signal.SIGKILL
    await supervisor.stop()


async def test_stop_is_bounded_for_programs_that_ignore_it(home: Home) -> None:
    stubborn = _shell("stubborn", "trap '' TERM; while true; do sleep 0.1; done")
    supervisor = Supervisor(home, [stubborn, Program(name="meek", argv=SLEEP)])
    await supervisor.start()
    await asyncio.sleep(0.2)
    pids = [status.pid for status in supervisor.status()]
    began = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - began < 5.5
    assert not any(is_alive(pid) for pid in pids if pid)
    assert not (home / "run" / "status.json").exists()


async def test_dependents_stop_first(home: Home, tmp_path: Path) -> None:
    story = tmp_path / "story"
    script = f"trap 'echo NAME >> \"{story}\"; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    base = _shell("base", script.replace("NAME", "base"))
    top = _shell("top", script.replace("NAME", "top"), after=["base"])
    supervisor = Supervisor(home, [base, top])
    await supervisor.start()
    for name in ("base", "top"):
        await until(lambda name=name: "up" in LogFile(home, name).tail())
    await supervisor.stop()
    assert story.read_text().split() == ["top", "base"]


def test_logs_are_kept_short(home: Home) -> None:
    log = LogFile(home, "chatty", max_bytes=100)
    with log.open() as child:
        for number in range(5):
            child.write(f"{number}".encode() * 150)
            log.rotate()
        child.write(b"end")
    assert log.path.read_bytes() == b"end"
    kept = sorted(p.name for p in (home / "logs").iterdir())
    assert kept == ["chatty.log", "chatty.log.1", "chatty.log.2", "chatty.log.3"]
    assert (home / "logs" / "chatty.log.1").read_bytes() == b"4" * 150


_SUPERVISE = """
import asyncio, sys
from pathlib import Path
from groundswell.core.engines.home import Home
from groundswell.core.engines.program import Program
from groundswell.core.engines.supervisor import Supervisor
async def main():
    supervisor = Supervisor(Home(Path(sys.argv[1])), [Program(name="s", argv=["/bin/sleep", "99"])])
    await supervisor.start()
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_children_die_with_a_killed_supervisor(home: Home) -> None:
    process = subprocess.Popen([sys.executable, "-c", _SUPERVISE, str(home.path)])
    await until(lambda: (home / "run" / "status.json").exists())
    await until(lambda: statuses(home.path)["s"].ready)
    pid = statuses(home.path)["s"].pid
    assert pid
    assert is_alive(pid)
    process.kill()
    process.wait()
    await until(lambda: not is_alive(pid), 2)


async def test_orphans_of_a_killed_supervisor_are_ended(home: Home) -> None:
    supervisor = Supervisor(home, [Program(name="sleeper", argv=SLEEP)])
    orphan = subprocess.Popen(SLEEP)
    kept = subprocess.Popen(SLEEP)
    now = time.time()
    (home / "run" / "status.json").write_text(
        f'{{"pid": 1, "programs": [{{"name": "sleeper", "pid": {orphan.pid}, "since": {now}}},'
        f' {{"name": "other", "pid": {kept.pid}, "since": {now - 3600}}}]}}'
    )
    await supervisor.start()
    await until(lambda: not is_alive(orphan.pid), 1)
    assert kept.poll() is None, "its pid belongs to another program by now"
    kept.kill()
    kept.wait()
    await supervisor.stop()
