"""Signing up and signing in."""

from uuid import UUID

from groundswell.core.db.postgres import Transaction
from groundswell.core.errors import FieldError, ForbiddenError, InvalidError
from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.identity.sessions import insert_session, token_hash
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.features.access import store
from groundswell.features.access.logic.checks import (
    email_errors,
    normal_email,
    password_errors,
    person_name_errors,
    refuse,
    tenant_errors,
)
from groundswell.features.access.logic.credentials import check_password
from groundswell.features.access.logic.tenants import insert_owned_tenant, tell_directory
from groundswell.features.access.logic.throttle import Attempt, throttle_sign_in, throttle_sign_up
from groundswell.features.access.types import Account, NewTenant, SignedUp, SignInRefusedError


async def sign_up(
    platform: Platform,
    *,
    email: str,
    password: str,
    name: str,
    tenant: NewTenant,
    attempt: Attempt,
) -> SignedUp:
    """An account, its tenant and two keys, made together or not at all.

    Raises:
        ForbiddenError: this installation takes no sign-ups.
        InvalidError: names every wrong field.
        RateLimitedError: too many from this address.
    """
    if not platform.settings.sign_up:
        raise ForbiddenError("This installation takes no sign-ups. Ask its operator.")
    email, name = normal_email(email), name.strip()
    refuse(
        email_errors(email),
        password_errors(password, email),
        person_name_errors(name),
        tenant_errors(tenant, "tenant_name"),
    )
    await throttle_sign_up(platform, attempt)
    account = Account(new_id(), email, name, await PASSWORDS.hash(password))
    async with platform.postgres.across_tenants("sign-up") as tx:
        if not await store.insert_account(tx, account):
            raise InvalidError(
                "Some fields are wrong.",
                errors=[FieldError("email", "has an account already; sign in instead")],
            )
        tenant_id, secret, publishable = await insert_owned_tenant(tx, account, tenant)
        await store.signed_in(tx, account.member_id, None)
        token = await begin(tx, account.member_id, attempt, tenant_id)
    await tell_directory(platform)
    return SignedUp(tenant_id, account.member_id, token, secret.secret, publishable.secret)


async def sign_in(platform: Platform, *, email: str, password: str, attempt: Attempt) -> str:
    """Check e-mail and password; returns the token of a new session, in place of an old one.

    Raises:
        SignInRefusedError: no such account or another password; it doesn't say which.
        RateLimitedError: too many attempts from this address or on this account.
        UnavailableError: too many passwords are being checked at this moment.
    """
    email = normal_email(email)[:254]
    await throttle_sign_in(platform, attempt, email)
    account = await check_password(platform, email, password)
    if account is None:
        raise SignInRefusedError("The e-mail address or the password is wrong.")
    assert account.password_hash is not None
    outdated = PASSWORDS.is_outdated(account.password_hash)
    rehashed = await PASSWORDS.hash(password) if outdated else None
    async with platform.postgres.across_tenants("sign-in") as tx:
        await store.signed_in(tx, account.member_id, rehashed)
        return await begin(tx, account.member_id, attempt)


async def begin(
    tx: Transaction, member_id: UUID, attempt: Attempt, tenant_id: UUID | None = None
) -> str:
    """A new session in place of the one the browser came with: no token survives a sign-in."""
    await store.delete_presented(tx, token_hash(attempt.presented))
    return await insert_session(tx, member_id, tenant_id, attempt.address, attempt.user_agent)
