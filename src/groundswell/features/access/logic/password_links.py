"""One-time links with which a password is set: the first one, or another for a forgotten one."""

import asyncio
import secrets
from datetime import timedelta
from uuid import UUID

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.core.errors import NotFoundError
from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.identity.sessions import member_scope, token_hash
from groundswell.core.mail.send import send
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope
from groundswell.features.access import store
from groundswell.features.access.logic import letters
from groundswell.features.access.logic.checks import (
    email_errors,
    normal_email,
    password_errors,
    person_name_errors,
    refuse,
)
from groundswell.features.access.logic.sign_in import begin
from groundswell.features.access.logic.throttle import Attempt, throttle_reset, throttle_sign_in
from groundswell.features.access.types import LinkAccount, LinkPurpose, SignInRefusedError

LIFETIME: dict[LinkPurpose, timedelta] = {
    "invitation": timedelta(days=7),
    "reset": timedelta(hours=1),
}
_SAME_TIME = 0.2  # seconds; known and unknown addresses are answered after as long


async def new_link(tx: Transaction, member_id: UUID, tenant_id: UUID | None = None) -> str:
    """The token of an invitation into a tenant, or without one of a reset; nowhere stored.

    An earlier one of the same kind stops working.
    """
    token = secrets.token_urlsafe(32)
    until = clock.now() + LIFETIME["invitation" if tenant_id else "reset"]
    await store.put_link(tx, member_id, tenant_id, token_hash(token), until)
    return token


async def link_account(platform: Platform, token: str) -> LinkAccount:
    """Whose set-password link this is.

    Raises:
        NotFoundError: the link was used, replaced, or is too old.
    """
    async with platform.postgres.across_tenants("set-password") as tx:
        account = await store.account_of_link(tx, token_hash(token))
    return _good(account)


async def set_password(
    platform: Platform, *, token: str, name: str, password: str, attempt: Attempt
) -> str:
    """Use a link, once; returns the token of a new session.

    A reset sets another password and ends every session: whoever had the old one is out. An
    invitation sets the first password, or asks for the one there is, and opens its tenant.

    Raises:
        NotFoundError: the link was used, replaced, or is too old.
        InvalidError: names every wrong field.
        SignInRefusedError: the invited account has another password.
        RateLimitedError: too many passwords were tried.
    """
    account = await link_account(platform, token)
    name, hashed = name.strip(), None
    if account.asks_for_password:
        await throttle_sign_in(platform, attempt, account.email)
        if not await PASSWORDS.verify(password, account.password_hash):
            raise SignInRefusedError("The password is wrong.")
    else:
        refuse(password_errors(password, account.email), person_name_errors(name))
        hashed = await PASSWORDS.hash(password)
    async with platform.postgres.across_tenants("set-password") as tx:
        found = _good(await store.account_of_link(tx, token_hash(token), lock=True))
        if found.password_hash != account.password_hash:
            raise SignInRefusedError("The password was changed meanwhile. Please try again.")
        if hashed is not None:
            await store.set_password(tx, found.member_id, hashed)
            await store.delete_reset(tx, found.member_id)
            await store.delete_other_sessions(tx, found.member_id, None)
            if name:
                await store.set_name(tx, found.member_id, name)
        await _join(tx, found)
        await store.signed_in(tx, found.member_id, None)
        return await begin(tx, found.member_id, attempt, found.tenant_id)


async def _join(tx: Transaction, account: LinkAccount) -> None:
    if account.tenant_id is None or account.role is None:
        return
    scope = member_scope(account.tenant_id, account.role, account.member_id, account.email)
    scoped = ScopedTransaction(tx.connection, scope)
    if await store.accept_membership(scoped, account.member_id):
        await audit(scoped, "member.joined", "member", account.member_id)
        await emit(scoped, "member.joined", {"member_id": str(account.member_id)})


async def request_reset(platform: Platform, *, email: str, attempt: Attempt) -> None:
    """Mail a reset link, if the address has an account; nobody learns whether it has.

    The mail belongs to the member's first workspace. A member of none gets no mail: there is
    nothing they could sign in to.

    Raises:
        InvalidError: that is no address.
        RateLimitedError: too many requests.
    """
    email = normal_email(email)
    refuse(email_errors(email))
    await throttle_reset(platform, attempt, email)
    await asyncio.gather(_mail_reset(platform, email), asyncio.sleep(_SAME_TIME))


async def reset_link(platform: Platform, email: str) -> str:
    """The address of a reset link, for the operator of a server that sends no mail.

    Raises:
        NotFoundError: the address has no account.
    """
    email = normal_email(email)
    refuse(email_errors(email))
    async with platform.postgres.across_tenants("password-reset") as tx:
        account = await store.account_by_email(tx, email)
        if account is None:
            raise NotFoundError(f"{email} has no account.")
        token = await new_link(tx, account.member_id)
    return letters.address_of_link(platform.settings, token)


async def _mail_reset(platform: Platform, email: str) -> None:
    async with platform.postgres.across_tenants("password-reset") as tx:
        account = await store.account_by_email(tx, email)
        home = await store.home_tenant(tx, account.member_id) if account else None
        if account is None or home is None:
            return
        token = await new_link(tx, account.member_id)
        actor = Actor(ActorKind.MEMBER, str(account.member_id), account.email)
        scoped = ScopedTransaction(tx.connection, Scope(home.tenant_id, actor))
        mail = letters.password_reset(platform.settings, account, home.name, token)
        await send(scoped, platform, mail)


def _good(account: LinkAccount | None) -> LinkAccount:
    if account is None:
        raise NotFoundError("This link was used already or is too old. Get a new one.")
    return account
