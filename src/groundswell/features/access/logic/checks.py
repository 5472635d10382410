"""Checks of what people type; each returns every wrong field at once."""

import re
from collections.abc import Iterator

from groundswell.core.clock import is_zone
from groundswell.core.errors import FieldError, InvalidError
from groundswell.core.identity.passwords import weakness
from groundswell.core.mail.address import address_fault, is_breaking
from groundswell.core.money import is_currency
from groundswell.core.tenancy.permissions import Role
from groundswell.features.access.types import NewTenant, TenantSettings

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Wrong = Iterator[FieldError]


def refuse(*checks: Wrong) -> None:
    """Raise InvalidError with what all the checks found, if they found anything."""
    errors = [error for check in checks for error in check]
    if errors:
        raise InvalidError("Some fields are wrong.", errors=errors)


def normal_email(text: str) -> str:
    """An e-mail address as it is stored and compared."""
    return text.strip().lower()


def email_errors(email: str) -> Wrong:
    """``email`` already normal."""
    fault = address_fault(email)
    if fault:
        yield FieldError("email", fault)


def password_errors(password: str, email: str, field: str = "password") -> Wrong:
    """A new password."""
    reason = weakness(password, email)
    if reason:
        yield FieldError(field, reason)


def text_errors(field: str, value: str, most: int = 120) -> Wrong:
    """A name people read: something, not too long, no control characters."""
    if not value.strip():
        yield FieldError(field, "must not be empty")
    elif len(value) > most:
        yield FieldError(field, f"must have at most {most} characters")
    elif is_breaking(value):
        yield FieldError(field, "must not contain control characters")


def person_name_errors(value: str) -> Wrong:
    """A member's name may be left out."""
    if value:
        yield from text_errors("name", value)


def tenant_errors(new: NewTenant, name_field: str = "name") -> Wrong:
    """A tenant to be made."""
    if not _SLUG.fullmatch(new.slug):
        yield FieldError(
            "slug", "must be 1 to 63 of a-z, 0-9 and hyphens, and not begin or end with a hyphen"
        )
    yield from text_errors(name_field, new.name)
    yield from _place_errors(new.currency, new.timezone)


def settings_errors(new: TenantSettings) -> Wrong:
    """A tenant's settings."""
    yield from text_errors("name", new.name)
    yield from _place_errors(new.currency, new.timezone)
    yield from text_errors("activation_event", new.activation_event, 200)
    yield from text_errors("order_source", new.order_source, 100)


def role_errors(role: str) -> Wrong:
    """A role's name."""
    if role not in set(Role):
        yield FieldError("role", "must be one of " + ", ".join(Role))


def _place_errors(currency: str, timezone: str) -> Wrong:
    if not is_currency(currency):
        yield FieldError("currency", "must be an ISO 4217 code such as USD")
    if not is_zone(timezone):
        yield FieldError("timezone", "must be a time zone such as Europe/Berlin")
