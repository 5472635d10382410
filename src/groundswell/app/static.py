"""Files of the bundle, from memory: their names hold a hash, so browsers keep them for ever."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path
from typing import cast

from litestar.types import HTTPScope, Receive, Scope, Send

from groundswell.core.http.headers import Raw, security_headers

FOREVER = b"public, max-age=31536000, immutable"

_PACKED = (".js", ".mjs", ".css", ".svg", ".json", ".html")


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent; ``packed`` is gzip, where that pays."""

    kind: bytes
    etag: bytes
    body: bytes
    packed: bytes | None


class StaticFiles:
    """ASGI application for the files of one folder."""

    def __init__(self, folder: Path, prefix: str = "/static/", *, secure: bool = False) -> None:
        self._prefix = prefix
        self._files: Mapping[str, File] = {
            path.name: read_file(path)
            for path in folder.glob("*")
            if path.is_file() and not path.name.startswith(".") and path.name != "manifest.json"
        }
        common = dict(security_headers(api=True, secure=secure))
        common[b"cache-control"] = FOREVER
        common[b"cross-origin-resource-policy"] = b"same-origin"
        self._common = list(common.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        scope = cast("HTTPScope", scope)
        file = self._files.get(scope["path"].removeprefix(self._prefix))
        await answer(file, self._common, scope, send)


async def answer(file: File | None, common: Sequence[Raw], scope: HTTPScope, send: Send) -> None:
    """Send a file to GET and HEAD, or say that there is none."""
    if file is None or scope["method"] not in ("GET", "HEAD"):
        headers = [(b"content-length", b"0"), (b"cache-control", b"no-store")]
        await _send(send, 404 if file is None else 405, headers)
        return
    asked = dict(scope["headers"])
    headers = [*common, (b"etag", file.etag), (b"vary", b"accept-encoding")]
    if file.etag in asked.get(b"if-none-match", b""):
        await _send(send, 304, headers)
        return
    body = file.body
    if file.packed is not None and b"gzip" in asked.get(b"accept-encoding", b""):
        body = file.packed
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-type", file.kind))
    headers.append((b"content-length", str(len(body)).encode()))
    await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


async def _send(send: Send, status: int, headers: Sequence[Raw], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def read_file(path: Path) -> File:
    """A file of the bundle in memory."""
    body = path.read_bytes()
    name = path.with_suffix(".js") if path.suffix == ".mjs" else path
    kind = guess_type(name.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in _PACKED else None
    etag = f'"{sha256(body).hexdigest()[:16]}"'.encode()
    return File(kind.encode(), etag, body, packed)
