"""Whether an e-mail address and a password belong together."""

from uuid import UUID

from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.features.access import store
from groundswell.features.access.logic.checks import email_errors, normal_email, refuse
from groundswell.features.access.types import Account, SignInRefusedError


async def check_password(platform: Platform, email: str, password: str) -> Account | None:
    """The account, if the password is its own. Takes as long for an unknown address."""
    async with platform.postgres.across_tenants("sign-in") as tx:
        account = await store.account_by_email(tx, email) if "\x00" not in email else None
    stored = account.password_hash if account else None
    return account if await PASSWORDS.verify(password, stored) else None


async def ensure_owner(platform: Platform, email: str, password: str, name: str = "") -> UUID:
    """The account of this address, made if there is none; for the command line.

    Raises:
        SignInRefusedError: there is one, with another password.
    """
    email = normal_email(email)
    refuse(email_errors(email))
    account = Account(new_id(), email, name, await PASSWORDS.hash(password))
    async with platform.postgres.across_tenants("sign-up") as tx:
        if await store.insert_account(tx, account):
            return account.member_id
    found = await check_password(platform, email, password)
    if found is None:
        raise SignInRefusedError(f"{email} has an account with another password.")
    return found.member_id
