"""``groundswell up``: engines, schema, roles, in this order, until told to stop."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from groundswell.core.config import Settings
from groundswell.core.db.schema import pending
from groundswell.core.engines.embedded import plan
from groundswell.core.engines.endpoints import Endpoints, publish, withdraw
from groundswell.core.engines.home import Home
from groundswell.core.engines.probe import http_answers, is_free, listens
from groundswell.core.engines.program import Program, always_ready, python_program
from groundswell.core.engines.supervisor import StartError, Supervisor
from groundswell.core.errors import ConfigurationError

_ROLES = ("writer", "worker")


async def up(settings: Settings) -> int:
    """Run everything of one home until SIGINT or SIGTERM. Returns the exit code.

    Raises:
        AlreadyRunningError: the home is in use; nothing was touched.
        ConfigurationError: the port is taken, or settings are wrong.
        StartError: something does not start; what did is stopped again.
    """
    home = Home(settings.home).create()
    is_new = not (home / "secrets.toml").exists()
    with home.locked():
        port = choose_web_port(settings)
        endpoints, programs = plan(settings, home)
        supervisor = Supervisor(home, programs)
        async with _stop_signal() as stop:
            try:
                work = _start(settings, home, port, endpoints, supervisor, programs)
                if await _unless(stop, work):
                    _greet(settings, port, is_new)
                    await stop.wait()
            finally:
                withdraw(home)
                await supervisor.stop()
    return 0


async def _start(
    settings: Settings,
    home: Home,
    port: int,
    endpoints: Endpoints,
    supervisor: Supervisor,
    engines: list[Program],
) -> None:
    """Engines, schema, roles. The roles' interpreters start meanwhile: they wait for `publish`."""
    names = [program.name for program in engines]
    beginning = asyncio.create_task(supervisor.add(roles(settings, home, port, after=names)))
    try:
        await supervisor.start()
        if await asyncio.to_thread(pending, endpoints.database_owner_url, endpoints.clickhouse_url):
            await migrate_apart(home, endpoints)
        # Roles and commands attach from here on; the address follows when it answers.
        publish(home, endpoints)
        await beginning
    finally:
        beginning.cancel()
    publish(home, endpoints, url=web_url(settings, port))


async def migrate_apart(home: Home, endpoints: Endpoints) -> None:
    """Run ``groundswell migrate`` as a process: what it imports would stay in the supervisor.

    Raises:
        StartError: with what it said.
    """
    env = {
        "DATABASE_URL": endpoints.database_url,
        "DATABASE_OWNER_URL": endpoints.database_owner_url,
        "DATABASE_SYSTEM_URL": endpoints.database_system_url,
        "CLICKHOUSE_URL": endpoints.clickhouse_url,
        "LOG_URL": endpoints.log_url,
        "CACHE_URL": endpoints.cache_url,
    }
    process = await asyncio.create_subprocess_exec(
        *python_program("groundswell", "migrate", "--home", str(home.path)),
        env={**os.environ, **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    (home / "logs" / "migrate.log").write_bytes(said)
    if process.returncode != 0:
        raise StartError(f"The schema can't be brought up to date:\n{said.decode()}")


def roles(settings: Settings, home: Home, port: int, after: list[str]) -> list[Program]:
    """The product's own processes.

    Each web process binds the port itself (SO_REUSEPORT): one that is killed takes no other with
    it, and is started again like any other program.
    """
    address = {"GROUNDSWELL_HOST": settings.host, "GROUNDSWELL_PORT": str(port)}

    async def answers(pid: int) -> bool:
        # Any web process may answer on the shared port, so ask first whether this one listens.
        return listens(pid, port) and await http_answers(_local(settings.host), port, "/healthz")

    web = [
        _role(home, "web", f"web-{number}", address, after, answers)
        for number in range(1, web_processes(settings) + 1)
    ]
    return [*web, *(_role(home, role, role, address, after, always_ready) for role in _ROLES)]


def _role(
    home: Home, role: str, name: str, env: dict[str, str], after: list[str], ready: Any
) -> Program:
    argv = python_program("groundswell", role, "--home", str(home.path))
    return Program(
        name=name,
        argv=argv,
        env=env,
        ready=ready,
        after=after,
        starts_at_once=True,
        ready_within=90.0,
    )


def web_processes(settings: Settings) -> int:
    """How many web processes: sharing one port is Linux's."""
    return settings.web_workers if sys.platform == "linux" else 1


def choose_web_port(settings: Settings) -> int:
    """The configured port, or a free one for 0.

    Raises:
        ConfigurationError: another program listens there (SO_REUSEPORT would share it silently).
    """
    if settings.port == 0:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.bind((settings.host, 0))
            return int(probe.getsockname()[1])
    if not is_free(settings.host, settings.port):
        raise ConfigurationError(
            f"Port {settings.port} on {settings.host} is taken by another program:"
            " stop it, or choose another with --port."
        )
    return settings.port


def web_url(settings: Settings, port: int) -> str:
    """Where a person on this machine reaches the web role."""
    host = _local(settings.host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _local(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def _greet(settings: Settings, port: int, is_new: bool) -> None:
    address = settings.public_url or f"{web_url(settings, port)}/"
    first = "Create the first account and sign in" if is_new else "Sign in"
    sys.stdout.write(f"Groundswell is ready. {first}: {address}\nCtrl-C stops it.\n")
    sys.stdout.flush()


@contextlib.asynccontextmanager
async def _stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do ``work`` unless ``stop`` is set first; whether it was done."""
    doing, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        return doing.done()
    finally:
        stopping.cancel()
        doing.cancel()
        with contextlib.suppress(BaseException):
            await doing
