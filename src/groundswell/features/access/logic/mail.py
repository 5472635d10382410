"""The outbox: what was sent, what waits, what was kept."""

from datetime import datetime
from uuid import UUID

from groundswell.core.audit import audit
from groundswell.core.errors import NotFoundError
from groundswell.core.mail import store
from groundswell.core.mail.send import send_again
from groundswell.core.mail.types import MailContent, MailEntry
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Scope


async def list_mail(
    platform: Platform, scope: Scope, status: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[MailEntry]:
    """The tenant's mails without bodies, newest first; an empty ``status`` is any."""
    async with platform.postgres.transaction(scope) as tx:
        return await store.entries(tx, status, after, limit)


async def read_mail(platform: Platform, scope: Scope, mail_id: UUID) -> MailContent:
    """One mail with its body.

    Raises:
        NotFoundError: there is no such mail.
    """
    async with platform.postgres.transaction(scope) as tx:
        found = await store.read(tx, platform.encryption, mail_id)
    if found is None:
        raise NotFoundError("There is no such mail.")
    return found


async def resend(platform: Platform, scope: Scope, mail_id: UUID) -> None:
    """Send a mail that was kept or failed.

    Raises:
        NotFoundError: there is no such mail, or it was sent or waits already.
        ConflictError: this server sends no mail.
    """
    async with platform.postgres.transaction(scope) as tx:
        await send_again(tx, platform, mail_id)
        await audit(tx, "mail.resent", "mail", mail_id)
        await emit(tx, "mail.resent", {"mail_id": str(mail_id)})


def key_of(entry: MailEntry) -> tuple[datetime, UUID]:
    """The place of a mail in the list."""
    return entry.created_at, entry.mail_id
