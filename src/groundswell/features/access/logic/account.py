"""What members do to their own account: name, password, sessions."""

from uuid import UUID

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.core.errors import FieldError, InvalidError, NotFoundError
from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.identity.sessions import (
    IDLE,
    SessionInfo,
    member_scope,
    memberships_of,
)
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.permissions import Role
from groundswell.features.access import store
from groundswell.features.access.logic.checks import password_errors, person_name_errors, refuse
from groundswell.features.access.logic.throttle import Attempt, throttle_sign_in
from groundswell.features.access.types import OpenSession


async def list_sessions(platform: Platform, session: SessionInfo) -> list[OpenSession]:
    """One's own live sessions, last seen first."""
    async with platform.postgres.across_tenants("account") as tx:
        return await store.sessions_of(tx, session.member_id, clock.now() - IDLE)


async def revoke_session(platform: Platform, session: SessionInfo, session_id: UUID) -> None:
    """End one of one's own sessions.

    Raises:
        NotFoundError: it isn't one's own, or it has ended.
    """
    async with platform.postgres.across_tenants("account") as tx:
        if not await store.delete_session(tx, session.member_id, session_id):
            raise NotFoundError("There is no such session.")
        await _tell(tx, session, "member.sessions_ended", {"sessions": 1})


async def revoke_other_sessions(platform: Platform, session: SessionInfo) -> int:
    """End all of one's sessions but this; returns how many."""
    async with platform.postgres.across_tenants("account") as tx:
        ended = await store.delete_other_sessions(tx, session.member_id, session.session_id)
        if ended:
            await _tell(tx, session, "member.sessions_ended", {"sessions": ended})
        return ended


async def change_name(platform: Platform, session: SessionInfo, name: str) -> None:
    """The name one goes by.

    Raises:
        InvalidError: it is too long or has control characters.
    """
    name = name.strip()
    refuse(person_name_errors(name))
    async with platform.postgres.across_tenants("account") as tx:
        await store.set_name(tx, session.member_id, name)
        await _tell(tx, session, "member.renamed", {})


async def change_password(
    platform: Platform, session: SessionInfo, *, current: str, new: str, attempt: Attempt
) -> int:
    """Change one's password and end all other sessions; returns how many ended.

    Raises:
        InvalidError: the current password is wrong or the new one is weak.
        RateLimitedError: too many attempts.
    """
    refuse(password_errors(new, session.email, "new_password"))
    await throttle_sign_in(platform, attempt, session.email)
    async with platform.postgres.across_tenants("account") as tx:
        stored = await _hash_of(tx, session.member_id)
    if not await PASSWORDS.verify(current, stored):
        wrong = FieldError("current_password", "is wrong")
        raise InvalidError("Some fields are wrong.", errors=[wrong])
    hashed = await PASSWORDS.hash(new)
    async with platform.postgres.across_tenants("account") as tx:
        await store.set_password(tx, session.member_id, hashed)
        ended = await store.delete_other_sessions(tx, session.member_id, session.session_id)
        await _tell(tx, session, "member.password_changed", {"sessions": ended})
        return ended


async def drop_stale(platform: Platform) -> None:
    """Drop sessions and set-password links that no longer open anything."""
    async with platform.postgres.across_tenants("stale-sessions") as tx:
        await store.delete_stale(tx, clock.now() - IDLE)


async def _tell(
    tx: Transaction, session: SessionInfo, action: str, detail: dict[str, object]
) -> None:
    """Write it down in every tenant of the member: the account belongs to none and opens each."""
    for each in await memberships_of(tx, session.member_id):
        scope = member_scope(each.tenant_id, Role(each.role), session.member_id, session.email)
        scoped = ScopedTransaction(tx.connection, scope)
        await audit(scoped, action, "member", session.member_id, detail)
        await emit(scoped, action, {"member_id": str(session.member_id), **detail})


async def _hash_of(tx: Transaction, member_id: UUID) -> str | None:
    found = await store.account(tx, member_id)
    return found.password_hash if found else None
