"""Signing up and in: made together or not at all, throttled, and telling nobody too much."""

import asyncio

import pytest
from argon2 import PasswordHasher

from groundswell.core.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
)
from groundswell.core.identity.api import session_of
from groundswell.core.ids import new_id
from groundswell.core.tenancy.permissions import Role
from groundswell.features.access.logic import account, members, password_links, sign_in
from groundswell.features.access.logic.throttle import Attempt
from groundswell.features.access.types import NewTenant, SignInRefusedError

from .conftest import PASSWORD


def somewhere(presented: str = "") -> Attempt:
    """An address nobody tried from yet."""
    return Attempt(f"test-{new_id().hex}", "Firefox/1", presented)


def a_tenant(**changes) -> NewTenant:
    given = {"slug": f"s-{new_id().hex[-12:]}", "name": "Shop", "currency": "EUR"} | changes
    return NewTenant(**given)


async def sign_up(platform, **changes):
    given = {
        "email": f"{new_id().hex}@example.com",
        "password": PASSWORD,
        "name": "Mary",
        "tenant": a_tenant(),
        "attempt": somewhere(),
    }
    return await sign_in.sign_up(platform, **(given | changes))


async def test_sign_up_makes_account_tenant_keys_and_session_together(platform):
    tenant = a_tenant(timezone="Europe/Berlin")
    made = await sign_up(platform, tenant=tenant)
    session = await session_of(platform, made.token)
    assert (session.tenant_id, session.role) == (made.tenant_id, Role.OWNER)
    known = platform.directory.tenant_by_slug(tenant.slug)
    assert (known.name, known.currency, known.timezone) == ("Shop", "EUR", "Europe/Berlin")
    assert platform.directory.scope_of_key(made.secret_key).tenant_id == made.tenant_id
    assert platform.directory.scope_of_key(made.publishable_key).tenant_id == made.tenant_id
    async with platform.postgres.transaction(session.scope) as tx:
        actions = await tx.values(
            "select action from audit_log where tenant_id = %s order by audit_id",
            (made.tenant_id,),
        )
        signals = await tx.values(
            "select name from signals where tenant_id = %s order by signal_id", (made.tenant_id,)
        )
    told = ["tenant.created", "member.added", "key.created", "key.created"]
    assert actions == signals == told


async def test_a_refused_sign_up_leaves_nothing(platform, tenant):
    email = f"{new_id().hex}@example.com"
    with pytest.raises(InvalidError) as refused:
        await sign_up(platform, email=email, tenant=a_tenant(slug=tenant.slug))
    assert [error.field for error in refused.value.errors] == ["slug"]
    async with platform.postgres.across_tenants("test") as tx:
        assert not await tx.value("select 1 from members where email = %s", (email,))


async def test_an_address_has_one_account_also_when_two_sign_up_at_once(platform):
    email = f"{new_id().hex}@example.com"
    outcomes = await asyncio.gather(
        *(sign_up(platform, email=email) for _ in range(2)), return_exceptions=True
    )
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, InvalidError)]
    assert [error.field for error in refused.errors] == ["email"]


async def test_sign_up_names_all_wrong_fields_at_once(platform):
    wrong = a_tenant(slug="No!", name="", currency="XXZ", timezone="Mars/Olympus")
    with pytest.raises(InvalidError) as refused:
        await sign_up(platform, email="me", password="short", name="\x00", tenant=wrong)
    fields = {error.field for error in refused.value.errors}
    assert fields == {
        "email", "password", "name", "slug", "tenant_name", "currency", "timezone",
    }  # fmt: skip


async def test_an_installation_may_take_no_sign_ups(platform):
    import dataclasses

    closed = dataclasses.replace(
        platform, settings=platform.settings.model_copy(update={"sign_up": False})
    )
    with pytest.raises(ForbiddenError):
        await sign_up(closed)


async def test_the_right_password_starts_a_session(platform, tenant, owner):
    token = await sign_in.sign_in(
        platform, email=f" {owner.email.upper()}", password=PASSWORD, attempt=somewhere()
    )
    session = await session_of(platform, token)
    assert (session.member_id, session.tenant_id) == (owner.id, tenant.id)


async def test_a_wrong_password_and_an_unknown_address_are_told_the_same(platform, owner):
    texts = set()
    for email, password in (
        (owner.email, "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
        ("a\x00b", PASSWORD),
        ("", ""),
    ):
        with pytest.raises(SignInRefusedError) as refused:
            await sign_in.sign_in(platform, email=email, password=password, attempt=somewhere())
        texts.add(refused.value.detail)
    assert len(texts) == 1


async def test_signing_in_again_changes_the_token(platform, owner):
    first = await sign_in.sign_in(
        platform, email=owner.email, password=PASSWORD, attempt=somewhere()
    )
    second = await sign_in.sign_in(
        platform, email=owner.email, password=PASSWORD, attempt=somewhere(first)
    )
    assert await session_of(platform, first) is None
    assert await session_of(platform, second) is not None


async def test_guessing_is_slowed_down_per_address_and_account(platform, owner):
    attempt = somewhere()

    async def outcome(password: str) -> Exception | str:
        try:
            return await sign_in.sign_in(
                platform, email=owner.email, password=password, attempt=attempt
            )
        except (SignInRefusedError, RateLimitedError) as refused:
            return refused

    outcomes = [await outcome("x" * 10) for _ in range(14)]
    assert all(isinstance(o, SignInRefusedError) for o in outcomes[:10])
    slowed = await outcome(PASSWORD)
    assert isinstance(slowed, RateLimitedError)
    assert int(slowed.headers["Retry-After"]) >= 1
    # Its owner, somewhere else, is not locked out by it.
    assert await sign_in.sign_in(
        platform, email=owner.email, password=PASSWORD, attempt=somewhere()
    )


async def test_a_hash_with_older_parameters_is_made_anew(platform, tenant, make_member):
    old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    member = await make_member(tenant, "viewer", password=old)
    await sign_in.sign_in(platform, email=member.email, password=PASSWORD, attempt=somewhere())
    async with platform.postgres.across_tenants("test") as tx:
        stored = await tx.value(
            "select password_hash from members where member_id = %s", (member.id,)
        )
    assert "m=65536" in stored


async def test_a_link_sets_a_password_once(platform, owner):
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    with pytest.raises(SignInRefusedError):
        await sign_in.sign_in(platform, email=email, password="", attempt=somewhere())
    given = {"token": added.link_token, "name": "Bob", "password": PASSWORD}
    with pytest.raises(InvalidError):
        await password_links.set_password(
            platform, **(given | {"password": "short"}), attempt=somewhere()
        )
    outcomes = await asyncio.gather(
        *(password_links.set_password(platform, **given, attempt=somewhere()) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert await sign_in.sign_in(platform, email=email, password=PASSWORD, attempt=somewhere())
    with pytest.raises(NotFoundError):
        await password_links.link_account(platform, added.link_token)


async def test_an_old_or_replaced_link_is_over(platform, owner):
    email = f"{new_id().hex}@example.com"
    first = await members.add_member(platform, owner.scope, email=email, role="viewer")
    second = await members.renew_link(platform, owner.scope, first.member_id)
    with pytest.raises(NotFoundError):
        await password_links.link_account(platform, first.link_token)
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "update password_links set expires_at = now() where member_id = %s",
            (first.member_id,),
        )
    with pytest.raises(NotFoundError):
        await password_links.link_account(platform, second.link_token)


async def begin(platform, member):
    token = await sign_in.sign_in(
        platform, email=member.email, password=PASSWORD, attempt=somewhere()
    )
    return token, await session_of(platform, token)


async def test_a_new_password_ends_the_other_sessions(platform, owner):
    here, session = await begin(platform, owner)
    there, _ = await begin(platform, owner)
    ended = await account.change_password(
        platform, session, current=PASSWORD, new="another long one", attempt=somewhere()
    )
    assert ended == 1
    assert await session_of(platform, here) is not None
    assert await session_of(platform, there) is None


async def test_the_password_changes_only_for_who_knows_it(platform, owner):
    here, session = await begin(platform, owner)
    for current, new, field in (
        ("wrong horse battery", "another long one", "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, owner.email, "new_password"),
    ):
        with pytest.raises(InvalidError) as refused:
            await account.change_password(
                platform, session, current=current, new=new, attempt=somewhere()
            )
        assert [error.field for error in refused.value.errors] == [field]
    assert await session_of(platform, here) is not None


async def test_one_sees_and_ends_ones_own_sessions_only(platform, owner, admin):
    _, mine = await begin(platform, owner)
    other_token, other = await begin(platform, owner)
    foreign_token, foreign = await begin(platform, admin)
    listed = {item.session_id for item in await account.list_sessions(platform, mine)}
    assert listed == {mine.session_id, other.session_id}
    with pytest.raises(NotFoundError):
        await account.revoke_session(platform, mine, foreign.session_id)
    await account.revoke_session(platform, mine, other.session_id)
    assert await session_of(platform, other_token) is None
    assert await session_of(platform, foreign_token) is not None


async def test_what_no_longer_opens_anything_is_dropped(platform, owner):
    await begin(platform, owner)
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "update sessions set last_seen_at = now() - interval '15 days' where member_id = %s",
            (owner.id,),
        )
    await account.drop_stale(platform)
    async with platform.postgres.across_tenants("test") as tx:
        assert not await tx.value("select 1 from sessions where member_id = %s", (owner.id,))
