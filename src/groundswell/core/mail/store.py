"""The only code that touches mails. Bodies are encrypted, each for its own row and column."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.core.encryption import Encryption
from groundswell.core.mail.types import Mail, MailContent, MailEntry, MailStatus

_INSERT = """
insert into mails (tenant_id, mail_id, to_address, to_name, subject, text, html, kind, is_private,
                   status, message_id)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_ENTRIES = """
select mail_id, to_address, to_name, subject, kind, status, attempts, last_error, message_id,
       created_at, sent_at
from mails
where tenant_id = %(tenant)s and (%(status)s = '' or status = %(status)s)
  and (%(at)s::timestamptz is null or (created_at, mail_id) < (%(at)s, %(id)s::uuid))
order by created_at desc, mail_id desc limit %(limit)s
"""
_ONE = """
select mail_id, to_address, to_name, subject, kind, status, attempts, last_error, message_id,
       created_at, sent_at, text, html, is_private
from mails where tenant_id = %s and mail_id = %s
"""
_CLAIM = """
update mails set attempts = attempts + 1
where tenant_id = %s and mail_id = %s and status = 'queued'
"""
_NOTE = """
update mails set status = %s, last_error = %s,
       sent_at = case when %s = 'sent' then clock_timestamp() end
where tenant_id = %s and mail_id = %s and status = 'queued'
"""
_REQUEUE = """
update mails set status = 'queued', attempts = 0, last_error = null
where tenant_id = %s and mail_id = %s and status in ('kept', 'failed')
"""
_SECRET = re.compile(r"(token=)[\w-]+")
_HIDDEN = r"\1…"


class _Row(MailEntry, frozen=True, kw_only=True):
    text: bytes
    html: bytes
    is_private: bool


async def insert(
    tx: ScopedTransaction,
    encryption: Encryption,
    mail_id: UUID,
    mail: Mail,
    status: MailStatus,
    message_id: str,
) -> None:
    """Keep a mail with its body encrypted."""
    await tx.execute(
        _INSERT,
        (
            tx.tenant_id,
            mail_id,
            mail.to_address,
            mail.to_name,
            mail.subject,
            encryption.encrypt(tx.tenant_id, _purpose(mail_id, "text"), mail.text.encode()),
            encryption.encrypt(tx.tenant_id, _purpose(mail_id, "html"), mail.html.encode()),
            mail.kind,
            mail.is_private,
            status,
            message_id,
        ),
    )


async def entries(
    tx: ScopedTransaction, status: str, after: tuple[datetime, UUID] | None, limit: int
) -> list[MailEntry]:
    """The tenant's mails without bodies, newest first; an empty ``status`` is any."""
    at, mail_id = after or (None, None)
    params: dict[str, Any] = {"tenant": tx.tenant_id, "status": status, "limit": limit}
    return await tx.fetch(MailEntry, _ENTRIES, {**params, "at": at, "id": mail_id})


async def read(tx: ScopedTransaction, encryption: Encryption, mail_id: UUID) -> MailContent | None:
    """A mail as a member may see it."""
    row = await tx.fetch_one(_Row, _ONE, (tx.tenant_id, mail_id))
    if row is None:
        return None
    found = _decrypted(tx, encryption, row)
    if not row.is_private:
        return found
    text, html = (_SECRET.sub(_HIDDEN, body) for body in (found.text, found.html))
    return msgspec.structs.replace(found, text=text, html=html)


async def claim(tx: ScopedTransaction, encryption: Encryption, mail_id: UUID) -> MailContent | None:
    """A queued mail, whole, its attempt counted; None when there is nothing to send."""
    if not await tx.execute(_CLAIM, (tx.tenant_id, mail_id)):
        return None
    row = await tx.fetch_one(_Row, _ONE, (tx.tenant_id, mail_id))
    return _decrypted(tx, encryption, row) if row else None


async def note(
    tx: ScopedTransaction, mail_id: UUID, status: MailStatus, error: str | None = None
) -> None:
    """What came of an attempt."""
    await tx.execute(_NOTE, (status, error, status, tx.tenant_id, mail_id))


async def requeue(tx: ScopedTransaction, mail_id: UUID) -> bool:
    """Queue a mail that was kept or failed; False if there is none."""
    return bool(await tx.execute(_REQUEUE, (tx.tenant_id, mail_id)))


async def purge(tx: Transaction, days: int) -> int:
    """Delete what is older, of all tenants; returns how many."""
    return await tx.execute(
        "delete from mails where created_at < now() - make_interval(days => %s)", (days,)
    )


def _decrypted(tx: ScopedTransaction, encryption: Encryption, row: _Row) -> MailContent:
    def body(column: str, sealed: bytes) -> str:
        return encryption.decrypt(tx.tenant_id, _purpose(row.mail_id, column), sealed).decode()

    known = {name: getattr(row, name) for name in MailEntry.__struct_fields__}
    return MailContent(**known, text=body("text", row.text), html=body("html", row.html))


def _purpose(mail_id: UUID, column: str) -> str:
    return f"mail:{mail_id}:{column}"
