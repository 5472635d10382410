"""Files of the bundle, from memory: their names hold a hash, so browsers keep them for ever."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path
from typing import cast

from litestar.types import HTTPScope, Receive, Scope, Send

from groundswell.core.http.headers import security_headers

_PACKED = (".js", ".css", ".svg", ".json", ".html")
_FOREVER = b"public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    kind: bytes
    etag: bytes
    body: bytes
    packed: bytes | None


class StaticFiles:
    """ASGI application for the files of one folder."""

    def __init__(self, folder: Path, prefix: str = "/static/", *, secure: bool = False) -> None:
        self._prefix = prefix
        self._files = {
            path.name: _read(path)
            for path in folder.glob("*")
            if path.is_file() and not path.name.startswith(".") and path.name != "manifest.json"
        }
        common = dict(security_headers(api=True, secure=secure))
        common[b"cache-control"] = _FOREVER
        common[b"cross-origin-resource-policy"] = b"same-origin"
        self._common = list(common.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        scope = cast("HTTPScope", scope)
        file = self._files.get(scope["path"].removeprefix(self._prefix))
        if file is None or scope["method"] not in ("GET", "HEAD"):
            status = 404 if file is None else 405
            headers = [(b"content-length", b"0"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._send(file, scope, send)

    async def _send(self, file: _File, scope: HTTPScope, send: Send) -> None:
        asked = dict(scope["headers"])
        headers = [*self._common, (b"etag", file.etag), (b"vary", b"accept-encoding")]
        if file.etag in asked.get(b"if-none-match", b""):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        body = file.body
        if file.packed is not None and b"gzip" in asked.get(b"accept-encoding", b""):
            body = file.packed
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-type", file.kind))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _read(path: Path) -> _File:
    body = path.read_bytes()
    kind = guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in _PACKED else None
    etag = f'"{sha256(body).hexdigest()[:16]}"'.encode()
    return _File(kind.encode(), etag, body, packed)
