"""Proposals: a second person publishes or rejects what one proposed."""

from uuid import UUID

from groundswell.core.audit import audit
from groundswell.core.errors import ConflictError, ForbiddenError, NotFoundError
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic import checks
from groundswell.features.flags.logic.announce import announce
from groundswell.features.flags.logic.change import get_in, publish
from groundswell.features.flags.logic.environments import environments_in
from groundswell.features.flags.store import flags as store
from groundswell.features.flags.store import waiting
from groundswell.features.flags.types import Approval, Flag


async def proposals(platform: Platform, scope: Scope, key: str | None = None) -> list[Approval]:
    """Open proposals, oldest first, of one flag or all."""
    async with platform.postgres.transaction(scope) as tx:
        flag = None if key is None else await get_in(tx, key)
        return await waiting.approvals(tx, flag.flag_id if flag else None)


async def approve(platform: Platform, scope: Scope, approval_id: UUID) -> Flag:
    """Publish a proposal.

    Raises:
        NotFoundError: there is no such proposal.
        ForbiddenError: the caller proposed it.
        ConflictError: it is decided already, or the flag was changed since; then it is closed.
    """
    outdated = False
    async with platform.postgres.transaction(scope) as tx:
        await store.lock(tx)
        found = await waiting.approval_for_update(tx, approval_id)
        approval = _open(found)
        if approval.proposed_by == scope.actor.id:
            raise ForbiddenError("Somebody else must approve what you propose.")
        flag = await get_in(tx, approval.key)
        outdated = flag.version != approval.base
        await waiting.decide(tx, approval_id, "outdated" if outdated else "approved")
        if not outdated:
            others = {each.key: each for each in await store.all_flags(tx)}
            names = [each.environment for each in await environments_in(tx)]
            checks.refuse(checks.content_errors(flag.key, approval.content, others, names))
            flag = await publish(tx, flag, approval.content, "flag.approved", approval.note)
    if outdated:
        raise ConflictError("The flag was changed since; propose the change again.")
    await announce(platform)
    return flag


async def reject(platform: Platform, scope: Scope, approval_id: UUID) -> None:
    """Close a proposal without publishing it; who proposed it may withdraw it so.

    Raises:
        NotFoundError: there is no such proposal.
        ConflictError: it is decided already.
    """
    async with platform.postgres.transaction(scope) as tx:
        approval = _open(await waiting.approval_for_update(tx, approval_id))
        await waiting.decide(tx, approval_id, "rejected")
        detail = {"approval_id": str(approval_id)}
        await audit(tx, "flag.rejected", "flag", approval.key, detail)
        await emit(tx, "flag.rejected", {"key": approval.key, **detail})


def _open(approval: Approval | None) -> Approval:
    if approval is None:
        raise NotFoundError("There is no such proposal.")
    if approval.status != "open":
        raise ConflictError(f"This proposal is {approval.status} already.")
    return approval
