"""Where the engines answer, and how other commands of the same home find out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from groundswell.core.engines.home import Home


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """A URL for each engine; they carry their secrets, so never log them."""

    database_url: str
    database_owner_url: str
    database_system_url: str
    clickhouse_url: str
    log_url: str
    cache_url: str
    files_url: str


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What the holder of a home tells others: itself, where it answers, its engines."""

    pid: int
    url: str | None
    endpoints: Endpoints


def publish(home: "Home", endpoints: Endpoints, url: str | None = None) -> None:
    """Tell other commands; only the holder of the home's lock may."""
    said = Published(pid=os.getpid(), url=url, endpoints=endpoints)
    write_private(_path(home), msgspec.json.encode(said))


def withdraw(home: "Home") -> None:
    """The engines are about to stop: nobody may attach any more."""
    _path(home).unlink(missing_ok=True)


def read_published(home: "Home") -> Published | None:
    """What the holder of ``home`` published, if anything."""
    try:
        return msgspec.json.decode(_path(home).read_bytes(), type=Published)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_private(path: Path, content: bytes) -> None:
    """Replace the file at ``path`` whole, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def _path(home: "Home") -> Path:
    return home.path / "run" / "endpoints.json"
