"""As whom PostgreSQL runs: it refuses root, so root lends it another identity."""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from groundswell.core.engines.program import LAUNCH
from groundswell.core.errors import ConfigurationError

# Tests and odd containers may force one of the two ways.
FORCE = "GROUNDSWELL_POSTGRES_IDENTITY"


@dataclass(frozen=True)
class Identity:
    """Options for launch.py, and the (uid, gid) that must own the files."""

    options: Sequence[str]
    owner: tuple[int, int]


@cache
def postgres_identity() -> Identity:
    """How PostgreSQL may run here.

    An ordinary user runs it as itself. Root maps itself to another user in a user namespace,
    where that is allowed; else (Docker's default) drops to that user.

    Raises:
        ConfigurationError: we are root and neither way is open.
    """
    if os.geteuid() != 0:
        return Identity((), (os.geteuid(), os.getegid()))
    uid, gid = _some_user()
    ways = {
        "namespace": Identity((f"--namespace={uid}:{gid}",), (0, os.getegid())),
        "user": Identity((f"--user={uid}:{gid}",), (uid, gid)),
    }
    wanted = os.environ.get(FORCE)
    for name, way in ways.items():
        if wanted in (None, "", name) and _works(way):
            return way
    raise ConfigurationError(
        "PostgreSQL refuses to run as root, and this container allows neither user namespaces"
        " nor another user. Start Groundswell as an ordinary user, or set DATABASE_URL."
    )


def _some_user() -> tuple[int, int]:
    """An unprivileged account that /etc/passwd knows: initdb looks its name up."""
    known = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid not in (0, 65_534)}
    for name in ("postgres", "daemon", *known, "nobody"):
        entry = known.get(name)
        if entry:
            return entry.pw_uid, entry.pw_gid
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigurationError(
            "No user but root exists here, and PostgreSQL needs one."
        ) from None
    return entry.pw_uid, entry.pw_gid


def _works(way: Identity) -> bool:
    launch = [sys.executable, "-I", "-S", str(LAUNCH), f"--parent={os.getpid()}", *way.options]
    tried = subprocess.run(  # noqa: S603
        [*launch, "--", sys.executable, "-I", "-S", "-c", ""], capture_output=True, check=False
    )
    return tried.returncode == 0


def own(path: Path, owner: tuple[int, int]) -> None:
    """Give the folder ``path`` and all in it to ``owner``, if it is not already theirs.

    The folder itself comes last: its owner says that the rest is done.
    """
    found = path.stat()
    if os.geteuid() != 0 or (found.st_uid, found.st_gid) == owner:
        return
    for each in (*path.rglob("*"), path):
        os.chown(each, *owner, follow_symlinks=False)
