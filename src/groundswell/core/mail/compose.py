"""From words to a mail (text and HTML), and from a stored mail to the message on the wire."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from groundswell.core.errors import FieldError, InvalidError
from groundswell.core.mail.address import address_fault, header_address, is_breaking, one_line
from groundswell.core.mail.types import Letter, Mail, MailContent

_SUBJECT, _NAME = 200, 120


def compose(
    letter: Letter, *, kind: str, to_address: str, to_name: str = "", is_private: bool = False
) -> Mail:
    """The letter as a mail; what stands in it is text, never markup."""
    env = _templates()
    return Mail(
        to_address=to_address,
        to_name=to_name,
        subject=one_line(letter.subject, _SUBJECT),
        text=env.get_template("letter.txt.jinja").render(letter=letter),
        html=env.get_template("letter.html.jinja").render(letter=letter),
        kind=kind,
        is_private=is_private,
    )


def check(mail: Mail) -> None:
    """Refuse what can't stand in a header.

    Raises:
        InvalidError: names every wrong field.
    """
    errors = []
    if fault := address_fault(mail.to_address):
        errors.append(FieldError("email", fault))
    for field, value, most in (("name", mail.to_name, _NAME), ("subject", mail.subject, _SUBJECT)):
        if is_breaking(value):
            errors.append(FieldError(field, "must not contain control characters"))
        elif len(value) > most:
            errors.append(FieldError(field, f"must have at most {most} characters"))
    if not mail.subject.strip():
        errors.append(FieldError("subject", "must not be empty"))
    if errors:
        raise InvalidError("This mail can't be sent.", errors=errors)


def message_of(mail: MailContent, sender: tuple[str, str]) -> EmailMessage:
    """The message, the same at each attempt: date and Message-ID are the mail's own."""
    message = EmailMessage(policy=SMTP)
    message["From"] = header_address(*sender)
    message["To"] = header_address(mail.to_name, mail.to_address)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = mail.message_id
    # Answering machines stay silent (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.jinja",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
