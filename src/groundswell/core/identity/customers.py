"""Customer tokens: a person proven by the tenant's backend, with a short-lived signed token.

HS256 with the tenant's signing secret; ``sub`` is the distinct id, ``aud`` the tenant's slug,
``exp`` at most a day ahead.
"""

from datetime import datetime, timedelta
from uuid import UUID

import jwt
import msgspec

from groundswell.core import clock
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.encryption import Encryption
from groundswell.core.identity.keys import random_text
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope, system_scope

LONGEST = timedelta(hours=24)
_SKEW = timedelta(seconds=30)
_NAME = "customer_tokens"
_MAX_TOKEN = 4_096
_MAX_SUBJECT = 400


class SigningSecret(msgspec.Struct, frozen=True):
    """The tenant's signing secret and, while a rotation overlaps, the one before."""

    current: str
    previous: str | None = None
    previous_until: datetime | None = None

    def usable(self, now: datetime) -> list[str]:
        """The secrets a token may be signed with at this moment."""
        if self.previous and self.previous_until and now < self.previous_until:
            return [self.current, self.previous]
        return [self.current]


async def customer_scope(platform: Platform, token: str) -> Scope | None:
    """The Scope of a person with a valid token, else None. It carries no permission.

    Raises:
        UnavailableError: the database is away.
    """
    tenant_id = _claimed_tenant(platform, token)
    if tenant_id is None:
        return None
    async with platform.postgres.transaction(system_scope(tenant_id, "customer-tokens")) as tx:
        secret = await read_secret(tx, platform.encryption)
    tenant = platform.directory.tenant(tenant_id)
    if secret is None or tenant is None:
        return None
    for usable in secret.usable(clock.now()):
        subject = _verified_subject(token, usable, tenant.slug)
        if subject is not None:
            return Scope(tenant_id, Actor(ActorKind.PERSON, subject))
    return None


async def read_secret(tx: ScopedTransaction, encryption: Encryption) -> SigningSecret | None:
    """The tenant's signing secret, or None before it was first asked for."""
    sealed = await tx.value(
        "select value from tenant_secrets where tenant_id = %s and name = %s",
        (tx.tenant_id, _NAME),
    )
    if sealed is None:
        return None
    plain = encryption.decrypt(tx.tenant_id, _NAME, bytes(sealed))
    return msgspec.json.decode(plain, type=SigningSecret)


async def ensure_secret(
    tx: ScopedTransaction, encryption: Encryption
) -> tuple[SigningSecret, bool]:
    """The tenant's signing secret, made now if there is none; and whether it was made."""
    sealed = _seal(tx.tenant_id, encryption, SigningSecret(_new_secret()))
    made = await tx.execute(
        "insert into tenant_secrets (tenant_id, name, value) values (%s, %s, %s)"
        " on conflict do nothing",
        (tx.tenant_id, _NAME, sealed),
    )
    found = await read_secret(tx, encryption)
    assert found is not None
    return found, bool(made)


async def rotate_secret(
    tx: ScopedTransaction, encryption: Encryption, overlap: timedelta
) -> SigningSecret:
    """A new signing secret; tokens under the old one stay good for ``overlap``."""
    await ensure_secret(tx, encryption)
    await tx.execute(
        "select 1 from tenant_secrets where tenant_id = %s and name = %s for update",
        (tx.tenant_id, _NAME),
    )
    old = await read_secret(tx, encryption)
    assert old is not None
    fresh = SigningSecret(_new_secret(), old.current, clock.now() + overlap)
    await tx.execute(
        "update tenant_secrets set value = %s, created_at = now()"
        " where tenant_id = %s and name = %s",
        (_seal(tx.tenant_id, encryption, fresh), tx.tenant_id, _NAME),
    )
    return fresh


def _claimed_tenant(platform: Platform, token: str) -> UUID | None:
    """The tenant a token says it is for; nothing of it is believed before the signature."""
    if len(token) > _MAX_TOKEN:
        return None
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        return None
    audience = claims.get("aud")
    tenant = platform.directory.tenant_by_slug(audience) if isinstance(audience, str) else None
    return tenant.tenant_id if tenant and tenant.status == "active" else None


def _verified_subject(token: str, secret: str, audience: str) -> str | None:
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],  # ours, never the token's: `none` and confusion end here
            audience=audience,
            leeway=_SKEW,
            options={"require": ["exp", "sub", "aud"]},
        )
        subject = str(claims["sub"])
        subject.encode()  # half a surrogate pair is no text that an engine takes
    except (jwt.PyJWTError, ArithmeticError, RecursionError, UnicodeEncodeError):
        return None
    longest = (clock.now() + LONGEST + _SKEW).timestamp()
    if int(claims["exp"]) > longest or not 1 <= len(subject) <= _MAX_SUBJECT or "\x00" in subject:
        return None
    return subject


def _seal(tenant_id: UUID, encryption: Encryption, secret: SigningSecret) -> bytes:
    return encryption.encrypt(tenant_id, _NAME, msgspec.json.encode(secret))


def _new_secret() -> str:
    return "gcs_" + random_text(48)
