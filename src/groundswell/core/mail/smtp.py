"""Handing a message to a mail server, and what its answer means for the next attempt."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import aiosmtplib

from groundswell.core.mail.address import SmtpServer, one_line

_PATIENCE = 20.0  # seconds for each step of the conversation
_ERROR_LENGTH = 500


class MailRefusedError(Exception):
    """The server won't take this mail, however often it is asked."""


class MailDeferredError(Exception):
    """Not now: the server is away, busy or greylisting."""


async def deliver(
    server: SmtpServer, message: EmailMessage, *, sender: str, recipient: str
) -> None:
    """Hand over one message; returns once the server has promised to deliver it.

    Raises:
        MailRefusedError: a 5xx answer, with the server's words.
        MailDeferredError: a 4xx answer, a broken connection, no answer in time.
    """
    try:
        async with _session(server) as client:
            await client.send_message(message, sender=sender, recipients=[recipient])
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _meaning(error.recipients[0]) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _meaning(error) from None


async def probe(server: SmtpServer) -> None:
    """Connect, greet and sign in; the same errors as :func:`deliver`."""
    try:
        async with _session(server):
            pass
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _meaning(error) from None


@asynccontextmanager
async def _session(server: SmtpServer) -> AsyncIterator[aiosmtplib.SMTP]:
    # TLS is begun when the server offers it, and its certificate is always checked.
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.is_tls,
        start_tls=None,
        timeout=_PATIENCE,
    )
    await client.connect()
    try:
        if server.username:
            await _sign_in(client, server)
        yield client
    finally:
        await _leave(client)


async def _sign_in(client: aiosmtplib.SMTP, server: SmtpServer) -> None:
    if client.get_transport_info("sslcontext") is None and not server.is_local:
        raise MailRefusedError(
            "The server offers no TLS, so the password was not sent. Use smtps:// or another port."
        )
    await client.login(server.username, server.password)


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye; what was accepted stays accepted however that goes."""
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        client.close()


def _meaning(error: Exception) -> Exception:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        words = one_line(f"{error.code} {error.message}", _ERROR_LENGTH)
        return MailRefusedError(words) if error.code >= 500 else MailDeferredError(words)
    words = one_line(str(error) or type(error).__name__, _ERROR_LENGTH)
    # A certificate that can't be trusted is an OSError and a ValueError: it may be renewed.
    is_final = isinstance(error, aiosmtplib.SMTPNotSupported | ValueError)
    if is_final and not isinstance(error, OSError):
        return MailRefusedError(words)
    return MailDeferredError(words)
