"""The browser SDK: at ``/sdk.js`` the present one, under its version for ever the same bytes."""

from pathlib import Path
from typing import cast

from litestar.types import HTTPScope, Receive, Scope, Send

from groundswell.app.static import FOREVER, File, answer, read_file
from groundswell.core.http.headers import Raw, security_headers

_BRIEFLY = b"public, max-age=300, stale-while-revalidate=86400"


class BrowserSdk:
    """ASGI application for ``/sdk.js`` and ``/sdk/<version>/groundswell.js`` (and ``.mjs``).

    A version that this server does not hold, of the same major, is redirected to the present
    one: pages keep recording after an upgrade, unless they pin the bytes by an integrity hash.
    """

    def __init__(self, folder: Path, *, secure: bool = False) -> None:
        self._files: dict[str, File] = {}
        self._version = ""
        for path in folder.glob("*/groundswell.*"):
            self._version = path.parent.name
            self._files[f"/sdk/{self._version}/{path.name}"] = read_file(path)
        common = dict(security_headers(api=True, secure=secure))
        # Pages of other origins load it, also with an integrity hash, which needs CORS.
        common[b"cross-origin-resource-policy"] = b"cross-origin"
        common[b"access-control-allow-origin"] = b"*"
        self._forever: list[Raw] = [*{**common, b"cache-control": FOREVER}.items()]
        self._briefly: list[Raw] = [*{**common, b"cache-control": _BRIEFLY}.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        scope = cast("HTTPScope", scope)
        path = scope["path"]
        if path == "/sdk.js":
            present = self._files.get(f"/sdk/{self._version}/groundswell.js")
            await answer(present, self._briefly, scope, send)
        elif path not in self._files and (present_path := self._successor(path)):
            headers = [
                *self._briefly,
                (b"location", present_path.encode()),
                (b"content-length", b"0"),
            ]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await answer(self._files.get(path), self._forever, scope, send)

    def _successor(self, path: str) -> str:
        """The present file in place of one of another version; nothing if there is none."""
        _, _, version, name = [*path.split("/"), "", "", ""][:4]
        is_compatible = version.split(".")[0] == self._version.split(".")[0]
        found = f"/sdk/{self._version}/{name}"
        return found if is_compatible and version.count(".") == 2 and found in self._files else ""
