"""The folder that holds one installation: engines' data, files, secrets, logs, run-time state."""

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

from groundswell.core.engines.secrets import Secrets, load_secrets
from groundswell.core.errors import ConfigurationError

FOLDERS = ("postgres", "valkey-log", "store", "files", "state", "logs", "run")

# sockaddr_un holds 108 bytes with its NUL; PostgreSQL adds the longest name of ours.
_SOCKET_LIMIT = 107
_LONGEST_SOCKET = ".s.PGSQL.5432"

_TRIES = 4
_MOMENT = 0.01  # seconds


class AlreadyRunningError(Exception):
    """Another process holds this home; the text says which and where it answers."""


class Home:
    """Paths of one installation. ``create`` before first use."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def create(self) -> "Home":
        """Make the folders (0700) that are not there yet.

        Raises:
            ConfigurationError: the folder can't be made or written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in FOLDERS:
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"Can't use {self.path} as home: {error.strerror}.") from None
        if not os.access(self.path / "run", os.W_OK | os.X_OK):
            raise ConfigurationError(f"Can't write to {self.path}: it belongs to another user.")
        return self

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets of this home, made at first use."""
        return load_secrets(self.path / "secrets.toml")

    @cached_property
    def sockets(self) -> Path:
        """Folder of the unix sockets: ``run``, or a short one elsewhere when its path is long."""
        wanted = self.path / "run"
        if len(os.fsencode(wanted / _LONGEST_SOCKET)) <= _SOCKET_LIMIT:
            return wanted
        return _private_folder(_short_base() / f"gs-{os.getuid()}-{self._digest}")

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:12]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this home for the block; the kernel lets go when the process dies.

        Raises:
            AlreadyRunningError: another process holds it.
        """
        path = self.path / "run" / "lock"
        with path.open("a") as file:
            if not _take(file, fcntl.LOCK_EX, _TRIES):
                raise AlreadyRunningError(self._who())
            yield

    def is_locked(self) -> bool:
        """Whether some process holds this home now."""
        with (self.path / "run" / "lock").open("a") as file:
            return not _take(file, fcntl.LOCK_SH, 1)

    def _who(self) -> str:
        from groundswell.core.engines.endpoints import read_published

        published = read_published(self)
        if published is None:
            return f"Groundswell is already starting on {self.path}."
        where = f", {published.url}" if published.url else ""
        return f"Groundswell is already running here (pid {published.pid}{where}): {self.path}"


def _take(file: IO[str], kind: int, tries: int) -> bool:
    """Lock ``file`` without waiting longer than the moment in which others only look."""
    for left in reversed(range(tries)):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(_MOMENT)
        else:
            return True
    return False


def _short_base() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(base) if 0 < len(base) < 40 and os.access(base, os.W_OK) else Path("/tmp")  # noqa: S108


def _private_folder(path: Path) -> Path:
    """A folder nobody else can have prepared for us: ours, 0700, not a link."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigurationError(f"{path} is not a private folder of this user: remove it.")
    return path
