"""The store process as a supervisor runs it, and the URL under which it answers."""

import socket

from groundswell.core.engines.home import Home
from groundswell.core.engines.probe import http_answers, is_free
from groundswell.core.engines.program import Program, python_program

HOST = "127.0.0.1"
DATABASE = "groundswell"


def remembered_port(home: Home) -> int:
    """The port this home's store had last, so that a restarted one keeps its URL."""
    return int((home / "state" / "store-port").read_text())


def choose_port(home: Home) -> int:
    """The remembered port if it is free, else a new one, remembered. Call with the lock held."""
    try:
        port = remembered_port(home)
        if is_free(HOST, port):
            return port
    except (FileNotFoundError, ValueError):
        pass
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    (home / "state" / "store-port").write_text(str(port))
    return port


def store_url(home: Home, port: int) -> str:
    """URL for ``clickhouse_connect``'s HTTP clients."""
    return f"http://groundswell:{home.secrets.store}@{HOST}:{port}/{DATABASE}"


def store_program(home: Home, port: int) -> Program:
    """The store process of ``home``."""

    async def answers(pid: int) -> bool:
        return await http_answers(HOST, port, "/ping")

    return Program(
        name="store",
        argv=python_program("groundswell.core.engines.store", "--home", str(home.path)),
        # Dates in results are UTC whatever the machine's clock shows.
        env={"TZ": "UTC"},
        ready=answers,
        ready_within=120.0,
    )
