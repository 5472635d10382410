"""What a mail is before it is written, and as the outbox shows it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

MailStatus = Literal["kept", "queued", "sent", "failed"]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a mail, in the reader's language; paragraphs are plain text.

    ``action`` is the label of the one button and ``link`` where it leads. ``sender`` is on whose
    behalf it is written: the tenant's name.
    """

    subject: str
    sender: str
    title: str
    paragraphs: tuple[str, ...]
    action: str = ""
    link: str = ""
    footnote: str = ""
    language: str = "en"


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be sent. ``kind`` is what it is for, such as ``invitation``.

    ``is_private``: its links are for the reader alone; the outbox shows it without them.
    """

    to_address: str
    subject: str
    text: str
    html: str
    kind: str
    to_name: str = ""
    is_private: bool = False


class MailEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the outbox. ``kept``: this server sends none. ``last_error`` is a sentence."""

    mail_id: UUID
    to_address: str
    to_name: str
    subject: str
    kind: str
    status: MailStatus
    attempts: int
    last_error: str | None
    message_id: str
    created_at: datetime
    sent_at: datetime | None


class MailContent(MailEntry, frozen=True, kw_only=True):
    """A mail with its body; of a private one the secrets in links are left out."""

    text: str
    html: str
