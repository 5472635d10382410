"""A shop's website on an origin of its own, under the strictest policy that lets it work."""

import http.server
import threading
from typing import Any

STUB = """
window.groundswell = window.groundswell || [];
groundswell.push(["init", KEY, { host: HOST, flushInterval: 50 }]);
groundswell.push(["register", { plan: "gold" }]);
groundswell.push(["track", "Stub Used", { early: true }], (gs) => gs.track("Stub Called"));
"""


class Site:
    """Serves any path: ``/tag/…`` starts by its script tag, ``/stub/…`` by the snippet's queue,
    ``/module/…`` imports the library, all others load it and leave the start to the test.
    ``pages`` are content type and text of further paths.
    """

    def __init__(self, groundswell: str, key: str) -> None:
        self.groundswell = groundswell
        self.key = key
        self.pages: dict[str, tuple[str, str]] = {}
        self.policy = (
            f"default-src 'none'; script-src 'self' {groundswell}; connect-src {groundswell};"
            " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
        )
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = site.answer(self.path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Security-Policy", site.policy)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str) -> tuple[str, str]:
        """Content type and text of a path."""
        if path in self.pages:
            return self.pages[path]
        constants = f"const KEY = '{self.key}', HOST = '{self.groundswell}';"
        if path == "/stub.js":
            return "text/javascript", constants + STUB
        if path == "/module.js":
            address = f"{self.groundswell}/sdk/0.1.0/groundswell.mjs"
            use = "gs.init(KEY, { host: HOST }); gs.track('Module Used');"
            return "text/javascript", f"import gs from '{address}'; {constants} {use}"
        sdk = f'<script async src="{self.groundswell}/sdk.js"'
        tags = {
            "tag": f'{sdk} data-key="{self.key}" data-persistence="localStorage"></script>',
            "stub": f'<script src="/stub.js"></script>{sdk}></script>',
            "module": '<script type="module" src="/module.js"></script>',
        }
        tag = tags.get(path.split("/")[1], f"{sdk}></script>")
        return "text/html", f"<!doctype html><title>Page {path}</title>{tag}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
