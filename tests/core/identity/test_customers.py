"""Customer tokens speak for one person of the tenant that signed them, for a day at most."""

import base64
import json
import time
from datetime import timedelta

import jwt
import pytest

from groundswell.core.identity import customers
from groundswell.core.identity.api import customer_scope
from groundswell.core.tenancy.scope import ActorKind


@pytest.fixture
async def secret(platform, tenant):
    """The tenant's signing secret."""
    return await ensure(platform, tenant)


async def ensure(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        found, _ = await customers.ensure_secret(tx, platform.encryption)
    return found.current


def token(tenant, secret, *, algorithm="HS256", **changes):
    claims = {"sub": "mary", "aud": tenant.slug, "exp": time.time() + 3600, **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret, algorithm=algorithm)


async def test_a_token_signed_by_the_tenant_speaks_for_the_person(platform, tenant, secret):
    scope = await customer_scope(platform, token(tenant, secret))
    assert scope.tenant_id == tenant.id
    assert (scope.actor.kind, scope.actor.id) == (ActorKind.PERSON, "mary")
    assert scope.permissions == frozenset()


async def test_a_token_without_a_signature_is_refused(platform, tenant, secret):
    assert await customer_scope(platform, token(tenant, None, algorithm="none")) is None
    head, body, _ = token(tenant, secret).split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    assert await customer_scope(platform, f"{none}.{body}.") is None
    assert await customer_scope(platform, f"{head}.{body}.") is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_another_algorithm_is_refused(platform, tenant, secret, algorithm):
    assert await customer_scope(platform, token(tenant, secret, algorithm=algorithm)) is None


async def test_another_tenants_secret_opens_nothing(platform, tenant, other_tenant, secret):
    foreign = await ensure(platform, other_tenant)
    assert foreign != secret
    assert await customer_scope(platform, token(tenant, foreign)) is None
    assert await customer_scope(platform, token(other_tenant, secret)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": None},
        {"exp": time.time() + 25 * 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 401},
        {"sub": "a\x00b"},
        {"aud": None},
        {"aud": "no-such-tenant"},
        {"nbf": time.time() + 3000},
    ],
)
async def test_wrong_claims_are_refused(platform, tenant, secret, changes):
    signed = (
        jwt.encode(
            {
                name: value
                for name, value in (
                    {"sub": "mary", "aud": tenant.slug, "exp": time.time() + 60} | changes
                ).items()
                if value is not None
            },
            secret,
        )
        if changes.get("sub") != 7
        else _unchecked(tenant, secret)
    )
    assert await customer_scope(platform, signed) is None


def _unchecked(tenant, secret):
    claims = {"sub": 7, "aud": tenant.slug, "exp": time.time() + 60}
    return jwt.PyJWS().encode(json.dumps(claims).encode(), secret)


@pytest.mark.parametrize("rubbish", ["", "a.b.c", "x" * 5_000, "....", "💧.💧.💧", "\x00"])
async def test_rubbish_is_refused_without_an_error(platform, rubbish):
    assert await customer_scope(platform, rubbish) is None


async def test_before_there_is_a_secret_every_token_is_refused(platform, tenant):
    assert await customer_scope(platform, token(tenant, "x" * 32)) is None


async def test_a_rotated_secret_goes_on_for_the_overlap_only(platform, tenant, secret):
    async with platform.postgres.transaction(tenant.scope) as tx:
        fresh = await customers.rotate_secret(tx, platform.encryption, timedelta(hours=1))
    assert fresh.current != secret
    assert await customer_scope(platform, token(tenant, fresh.current)) is not None
    assert await customer_scope(platform, token(tenant, secret)) is not None
    async with platform.postgres.transaction(tenant.scope) as tx:
        last = await customers.rotate_secret(tx, platform.encryption, timedelta(0))
    assert await customer_scope(platform, token(tenant, last.current)) is not None
    assert await customer_scope(platform, token(tenant, fresh.current)) is None
    assert await customer_scope(platform, token(tenant, secret)) is None


async def test_the_secret_is_stored_encrypted_for_its_tenant_alone(
    platform, tenant, other_tenant, secret
):
    async with platform.postgres.across_tenants("test") as tx:
        sealed = await tx.value(
            "select value from tenant_secrets where tenant_id = %s", (tenant.id,)
        )
    assert secret.encode() not in bytes(sealed)
    with pytest.raises(Exception, match="can't be read"):
        platform.encryption.decrypt(other_tenant.id, "customer_tokens", bytes(sealed))
