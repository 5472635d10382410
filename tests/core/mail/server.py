"""A real mail server whose answers a test scripts."""

import ssl
import threading
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller


class AnyPort(Controller):
    """Port 0 works: the base class would knock at the port it was given."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Server:
    """Answers each message with the next scripted line, then with 250."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: list[str] = []
        self.received: list = []
        self.recipients: list[list[str]] = []
        self._lock = threading.Lock()
        self._controller = AnyPort(
            self, hostname="127.0.0.1", port=0, enable_SMTPUTF8=False, tls_context=tls
        )

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - the library's
        with self._lock:
            answer = self.answers.pop(0) if self.answers else "250 taken"
            message = message_from_bytes(envelope.content, policy=policy.default)
            self.received.append((answer, message))
            self.recipients.append(list(envelope.rcpt_tos))
        return answer

    def start(self) -> str:
        self._controller.start()
        return f"smtp://127.0.0.1:{self._controller.port}"

    def stop(self) -> None:
        self._controller.stop(no_assert=True)
