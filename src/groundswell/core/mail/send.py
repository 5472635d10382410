"""Sending: a row and a job in the caller's transaction, then attempts until the server answers.

At least once: a worker that dies between the server's promise and our note sends again, under the
same Message-ID, by which mail programs recognise the repetition.
"""

from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import ConflictError, NotFoundError
from groundswell.core.ids import new_id
from groundswell.core.jobs import Job, Schedule, defer
from groundswell.core.mail import store
from groundswell.core.mail.address import header_address, parse_sender, parse_server
from groundswell.core.mail.compose import check, message_of
from groundswell.core.mail.smtp import MailDeferredError, MailRefusedError, deliver
from groundswell.core.mail.types import Mail, MailContent, MailStatus
from groundswell.core.metrics import MAILS
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import system_scope

ATTEMPTS = 13
"""With the queue's back-off these take about two hours: longer than servers greylist."""
KEPT_DAYS = 30


class SendMail(msgspec.Struct, frozen=True):
    """Payload of the job."""

    mail_id: UUID


async def send(tx: ScopedTransaction, platform: Platform, mail: Mail) -> UUID:
    """Write the mail in the caller's transaction and queue it; returns its id.

    Without ``SMTP_URL`` it is only kept.

    Raises:
        InvalidError: the address, the name or the subject can't stand in a header.
    """
    check(mail)
    mail_id = new_id()
    domain = parse_sender(platform.settings.mail_from)[1].rpartition("@")[2]
    message_id = f"<{mail_id}@{header_address('', f'x@{domain}').domain}>"
    status: MailStatus = "queued" if platform.settings.smtp_url else "kept"
    await store.insert(tx, platform.encryption, mail_id, mail, status, message_id)
    if status == "queued":
        await defer(tx, SEND_MAIL, SendMail(mail_id))
    return mail_id


async def send_again(tx: ScopedTransaction, platform: Platform, mail_id: UUID) -> None:
    """Queue a mail that was kept or failed.

    Raises:
        ConflictError: this server sends no mail.
        NotFoundError: there is no such mail, or it was sent or waits already.
    """
    if platform.settings.smtp_url is None:
        raise ConflictError("This server sends no mail: its operator has set no SMTP_URL.")
    if not await store.requeue(tx, mail_id):
        raise NotFoundError("There is no such mail that was kept or failed.")
    await defer(tx, SEND_MAIL, SendMail(mail_id))


async def _run(platform: Platform, tenant_id: UUID, payload: SendMail) -> None:
    """One attempt. What is to be tried again is raised, so that the queue's back-off does it."""
    scope = system_scope(tenant_id, "worker")
    async with platform.postgres.transaction(scope) as tx:
        mail = await store.claim(tx, platform.encryption, payload.mail_id)
    if mail is None:
        return
    status: MailStatus = "sent" if platform.settings.smtp_url else "kept"
    problem: str | None = None
    deferred: MailDeferredError | None = None
    try:
        await _attempt(platform, mail)
    except MailRefusedError as error:
        status, problem = "failed", str(error)
    except MailDeferredError as error:
        problem = str(error)
        status = "queued" if mail.attempts < ATTEMPTS else "failed"
        deferred = error if status == "queued" else None
    MAILS.labels("deferred" if status == "queued" else status).inc()
    async with platform.postgres.transaction(scope) as tx:
        await store.note(tx, mail.mail_id, status, problem)
    if deferred is not None:
        raise deferred


async def _attempt(platform: Platform, mail: MailContent) -> None:
    url = platform.settings.smtp_url
    if url is None:
        return
    sender = parse_sender(platform.settings.mail_from)
    message = message_of(mail, sender)
    await deliver(
        parse_server(url.get_secret_value()),
        message,
        sender=header_address("", sender[1]).addr_spec,
        recipient=header_address("", mail.to_address).addr_spec,
    )


async def _purge(platform: Platform) -> None:
    async with platform.postgres.across_tenants("mail-purge") as tx:
        await store.purge(tx, KEPT_DAYS)


# More retries than attempts: the mail itself says when it is over.
SEND_MAIL = Job("mail.send", SendMail, _run, retries=ATTEMPTS + 2)
PURGE_MAIL = Schedule("mail.purge", "41 3 * * *", _purge)
