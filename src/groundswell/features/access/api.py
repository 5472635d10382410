"""The door of access for other features, commands and the app."""

from uuid import UUID

from groundswell.core.platform import Platform
from groundswell.features.access.logic.installation import Initialised, initialise
from groundswell.features.access.logic.keys import create_key, flush_used, list_keys
from groundswell.features.access.logic.password_links import reset_link
from groundswell.features.access.logic.tenants import create_tenant as _create_tenant
from groundswell.features.access.types import IssuedKey, NewTenant

__all__ = [
    "FLUSHES",
    "Initialised",
    "IssuedKey",
    "create_key",
    "create_tenant",
    "flush_used",
    "initialise",
    "list_keys",
    "reset_link",
]

FLUSHES = (flush_used,)
"""What a web process holds in memory and writes down now and then."""


async def create_tenant(
    platform: Platform,
    *,
    slug: str,
    name: str = "",
    currency: str = "USD",
    timezone: str = "UTC",
) -> UUID:
    """A tenant without members, for commands and tests; its name is its slug if none is given.

    Raises:
        InvalidError: names every wrong field, also a slug that is taken.
    """
    new = NewTenant(slug=slug, name=name or slug, currency=currency, timezone=timezone)
    return await _create_tenant(platform, new)
