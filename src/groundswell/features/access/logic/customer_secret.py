"""Showing and rotating the secret that signs customer tokens."""

from datetime import timedelta

from groundswell.core.audit import audit
from groundswell.core.identity.customers import SigningSecret, ensure_secret, rotate_secret
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Scope


async def reveal(platform: Platform, scope: Scope) -> SigningSecret:
    """The signing secret, made at first; who looked is in the audit log."""
    async with platform.postgres.transaction(scope) as tx:
        secret, made = await ensure_secret(tx, platform.encryption)
        verb = "created" if made else "revealed"
        await audit(tx, f"customer_secret.{verb}", "tenant", tx.tenant_id)
        await emit(tx, f"customer_secret.{verb}", {})
    return secret


async def rotate(platform: Platform, scope: Scope, overlap: timedelta) -> SigningSecret:
    """A new signing secret; tokens under the old one stay good for ``overlap``."""
    async with platform.postgres.transaction(scope) as tx:
        secret = await rotate_secret(tx, platform.encryption, overlap)
        detail = {"overlap_hours": overlap / timedelta(hours=1)}
        await audit(tx, "customer_secret.rotated", "tenant", tx.tenant_id, detail)
        await emit(tx, "customer_secret.rotated", detail)
    return secret
