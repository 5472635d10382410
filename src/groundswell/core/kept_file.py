"""A snapshot in a file, for cold starts: several processes write it, the newest stays."""

import fcntl
import os
import time
from pathlib import Path

import msgspec

_TIES_SECONDS = 10.0


class _Versioned(msgspec.Struct):
    version: int


def keep_newest(path: Path, version: int, content: bytes) -> None:
    """Replace the file whole (0600), unless another process has just written a newer version.

    A lower version may replace one that is older than ten seconds: after a restored backup
    versions begin again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _just_written(path) > version:
            return
        draft = path.with_name(f".{path.name}.draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)


def _just_written(path: Path) -> int:
    """The version in the file if it was written moments ago, else -1."""
    try:
        if time.time() - path.stat().st_mtime > _TIES_SECONDS:
            return -1
        return msgspec.json.decode(path.read_bytes(), type=_Versioned).version
    except (OSError, msgspec.DecodeError):
        return -1
