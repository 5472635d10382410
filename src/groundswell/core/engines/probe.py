"""Whether a port is free, whether something answers on it."""

import asyncio
import socket

import psutil


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there. REUSEADDR only: REUSEPORT would share it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def listens(pid: int, port: int) -> bool:
    """Whether the process itself has a listening socket on ``port``."""
    found = psutil.Process(pid).net_connections(kind="tcp")
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in found)


async def http_answers(host: str, port: int, path: str) -> bool:
    """Whether a GET answers 200.

    Raises:
        OSError: nobody listens.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        line = await asyncio.wait_for(reader.readline(), 5.0)
        return line.startswith(b"HTTP/1.1 200")
    finally:
        writer.close()
