"""What members do to their own account is written down where the account opens something."""

import pytest

from groundswell.core.errors import InvalidError
from groundswell.core.identity.api import session_of
from groundswell.core.ids import new_id
from groundswell.features.access.logic import account, sign_in
from groundswell.features.access.logic.throttle import Attempt

from .conftest import PASSWORD


def somewhere() -> Attempt:
    """An address nobody tried from yet."""
    return Attempt(f"test-{new_id().hex}")


async def begin(platform, member):
    token = await sign_in.sign_in(
        platform, email=member.email, password=PASSWORD, attempt=somewhere()
    )
    return await session_of(platform, token)


async def test_what_members_do_to_their_account_is_in_the_log_of_every_tenant(
    platform, tenant, other_tenant, owner, actions, signals
):
    """Each tenant is let in by the account, so each is told; what failed is not told."""
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "insert into memberships (tenant_id, member_id, role) values (%s, %s, 'viewer')",
            (other_tenant.id, owner.id),
        )
    session, second = await begin(platform, owner), await begin(platform, owner)
    await account.change_name(platform, session, "Mira")
    await account.revoke_session(platform, session, second.session_id)
    await begin(platform, owner)
    await account.revoke_other_sessions(platform, session)
    await account.revoke_other_sessions(platform, session)
    given = {"new": "another long one", "attempt": somewhere()}
    with pytest.raises(InvalidError):
        await account.change_password(platform, session, current="wrong", **given)
    await account.change_password(platform, session, current=PASSWORD, **given)
    expected = ["member.renamed", *["member.sessions_ended"] * 2, "member.password_changed"]
    assert (await actions())[-4:] == (await signals())[-4:] == expected
    assert (await actions(other_tenant))[-4:] == expected
