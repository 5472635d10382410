"""What access knows: tenants and their settings, members, keys."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from groundswell.core.errors import ForbiddenError
from groundswell.core.http.pagination import PageQuery
from groundswell.core.identity.keys import KeyKind
from groundswell.core.mail.types import MailStatus
from groundswell.core.tenancy.permissions import Role

KeyState = Literal["active", "expiring", "expired", "revoked"]


class NewTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant to be made. ``slug`` is its word in addresses and customer tokens."""

    slug: str
    name: str
    currency: str = "USD"
    timezone: str = "UTC"


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may set about itself."""

    name: str
    currency: str
    timezone: str
    activation_event: str
    order_source: str
    trusts_publishable: bool = False


class Account(msgspec.Struct, frozen=True):
    """A member as sign-in sees them; without a password nobody can sign in as them yet."""

    member_id: UUID
    email: str
    name: str
    password_hash: str | None


LinkPurpose = Literal["invitation", "reset"]


class LinkAccount(Account, frozen=True):
    """Whose link it is, and what for: an invitation opens ``tenant_id`` for ``role``."""

    purpose: LinkPurpose
    tenant_id: UUID | None
    role: Role | None

    @property
    def asks_for_password(self) -> bool:
        """Whether the account shows that it knows its password rather than getting one."""
        return self.purpose == "invitation" and self.password_hash is not None


class HomeTenant(msgspec.Struct, frozen=True):
    """The tenant in whose name a member gets mail about their account."""

    tenant_id: UUID
    name: str


class TenantMember(msgspec.Struct, frozen=True):
    """A member of one tenant. Of who has not accepted yet only the address is told."""

    member_id: UUID
    email: str
    name: str
    role: str
    created_at: datetime
    last_sign_in_at: datetime | None
    has_accepted: bool


class AddedMember(msgspec.Struct, frozen=True):
    """The outcome of adding a member, who accepts by ``link_token``."""

    member_id: UUID
    email: str
    role: Role
    link_token: str


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as it may be shown: never its secret."""

    key_id: UUID
    kind: KeyKind
    name: str
    prefix: str
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    replaced_by: UUID | None

    def state(self, now: datetime) -> KeyState:
        """Whether it works now, and whether it is about to stop (a rotation overlaps)."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is None:
            return "active"
        if self.expires_at <= now:
            return "expired"
        return "expiring" if self.replaced_by else "active"


class IssuedKey(msgspec.Struct, frozen=True):
    """A key just made: ``secret`` is the whole key, shown this once."""

    key: ApiKey
    secret: str


class OpenSession(msgspec.Struct, frozen=True):
    """A session in the list of one's own."""

    session_id: UUID
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str


class SignedUp(msgspec.Struct, frozen=True):
    """The outcome of signing up: keys are shown once, the token goes into the cookie."""

    tenant_id: UUID
    member_id: UUID
    token: str
    secret_key: str
    publishable_key: str


class MailQuery(PageQuery, frozen=True, kw_only=True):
    """Only mail in this state."""

    status: MailStatus | None = None


class SignInRefusedError(ForbiddenError):
    """E-mail or password is wrong; the text never says which."""

    status = 403
    slug = "sign-in-refused"
    title = "Sign-in refused"
