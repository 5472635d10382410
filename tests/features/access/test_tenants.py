"""A tenant's settings, and what the command line makes."""

import asyncio

import pytest
from msgspec.structs import asdict

from groundswell.core import clock
from groundswell.core.errors import ConflictError, InvalidError
from groundswell.core.ids import new_id
from groundswell.features.access.api import create_tenant, initialise
from groundswell.features.access.logic import customer_secret, tenants
from groundswell.features.access.types import NewTenant, SignInRefusedError, TenantSettings
from groundswell.features.commerce.api import record_orders
from groundswell.features.commerce.types import NewOrder

from .conftest import PASSWORD


def settings(**changes) -> TenantSettings:
    given = {
        "name": "Shop",
        "currency": "EUR",
        "timezone": "Asia/Tokyo",
        "activation_event": "First Order",
        "order_source": "shop",
        "trusts_publishable": True,
    }
    return TenantSettings(**(given | changes))


async def test_settings_are_written_told_and_known_everywhere(platform, tenant, owner, actions):
    await tenants.change_settings(platform, owner.scope, asdict(settings()))
    assert await tenants.settings_of(platform, owner.scope) == settings()
    known = platform.directory.tenant(tenant.id)
    assert (known.name, known.timezone, known.order_source) == ("Shop", "Asia/Tokyo", "shop")
    assert platform.directory.scope_of_key(tenant.publishable_key).trusted
    await tenants.change_settings(platform, owner.scope, asdict(settings()))
    assert (await actions()).count("tenant.changed") == 1


async def test_all_wrong_settings_are_named_at_once(platform, owner):
    wrong = settings(
        name="", currency="EURO", timezone="Moon", activation_event="", order_source="\x01"
    )
    with pytest.raises(InvalidError) as refused:
        await tenants.change_settings(platform, owner.scope, asdict(wrong))
    assert len(refused.value.errors) == 5


async def test_the_currency_stays_once_there_are_orders(platform, tenant, owner):
    await tenants.change_settings(platform, owner.scope, asdict(settings(currency="EUR")))
    order = NewOrder(
        source="s", order_id="1", distinct_id="mary", currency="EUR", total=1, placed_at=clock.now()
    )
    async with platform.postgres.transaction(owner.scope) as tx:
        await record_orders(tx, [order], "api")
    with pytest.raises(InvalidError) as refused:
        await tenants.change_settings(platform, owner.scope, asdict(settings(currency="USD")))
    assert [error.field for error in refused.value.errors] == ["currency"]
    await tenants.change_settings(platform, owner.scope, asdict(settings(name="Other")))
    assert (await tenants.settings_of(platform, owner.scope)).currency == "EUR"


async def test_every_look_at_the_signing_secret_is_in_the_audit_log(platform, owner, actions):
    first = await customer_secret.reveal(platform, owner.scope)
    second = await customer_secret.reveal(platform, owner.scope)
    assert first.current == second.current
    assert (await actions())[-2:] == ["customer_secret.created", "customer_secret.revealed"]


async def test_a_slug_names_one_tenant(platform, tenant):
    with pytest.raises(InvalidError):
        await create_tenant(platform, slug=tenant.slug)


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a_b", "a" * 64, "a\n", "ä"])
async def test_a_slug_fits_into_an_address(platform, slug):
    with pytest.raises(InvalidError):
        await create_tenant(platform, slug=slug)


def new(slug: str | None = None) -> NewTenant:
    slug = slug or f"i-{new_id().hex[-12:]}"
    return NewTenant(slug=slug, name="Shop")


async def test_init_makes_tenant_owner_and_keys_once(platform):
    tenant, email = new(), f"{new_id().hex}@example.com"
    first = await initialise(platform, tenant, email=email.upper(), password=PASSWORD)
    second = await initialise(platform, tenant, email=email, password=PASSWORD)
    assert first.email == email
    assert first.secret_key.startswith("gsk_")
    assert first.publishable_key.startswith("gpk_")
    assert second.tenant_id == first.tenant_id
    assert second.secret_key is second.publishable_key is None
    async with platform.postgres.across_tenants("test") as tx:
        count = await tx.value(
            "select count(*) from api_keys where tenant_id = %s", (first.tenant_id,)
        )
    assert count == 2


async def test_init_refuses_another_password_and_another_owner(platform, tenant, owner):
    with pytest.raises(SignInRefusedError):
        await initialise(platform, new(), email=owner.email, password="another long one")
    with pytest.raises(ConflictError):
        await initialise(
            platform, new(tenant.slug), email=f"{new_id().hex}@example.com", password=PASSWORD
        )


async def test_one_member_owns_several_tenants(platform, owner):
    made = await initialise(platform, new(), email=owner.email, password=PASSWORD)
    assert made.secret_key


async def test_two_changes_at_once_both_stay(sign_in, tenant):
    """A PATCH writes what it names; it once wrote back what another had just changed."""
    browser = await sign_in("owner")
    changes = [{"name": "Left"}, {"timezone": "Asia/Tokyo"}, {"order_source": "right"}]
    for _ in range(3):
        await browser.patch("/api/tenant", json={"name": "A", "timezone": "UTC"})
        await asyncio.gather(*(browser.patch("/api/tenant", json=each) for each in changes))
        found = (await browser.get("/api/tenant")).json()
        assert (found["name"], found["timezone"]) == ("Left", "Asia/Tokyo")
        assert found["order_source"] == "right"
