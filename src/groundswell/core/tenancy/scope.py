"""A Scope says for whom a piece of work is done. No statement runs without one."""

from enum import StrEnum
from uuid import UUID

import msgspec

from groundswell.core.errors import ForbiddenError
from groundswell.core.tenancy.permissions import Permission


class ActorKind(StrEnum):
    """Who acts: a member in the dashboard, a key over the API, a person, or the system itself."""

    MEMBER = "member"
    KEY = "key"
    PERSON = "person"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True):
    """The one who acts, as the audit log names them."""

    kind: ActorKind
    id: str
    label: str = ""


class Scope(msgspec.Struct, frozen=True):
    """Tenant, actor and permissions of one piece of work.

    ``trusted`` is false for publishable keys: what they claim is counted, never rewarded.
    """

    tenant_id: UUID
    actor: Actor
    permissions: frozenset[Permission] = frozenset()
    trusted: bool = True

    def require(self, permission: Permission) -> None:
        """Raise ForbiddenError unless the actor may do this."""
        if permission not in self.permissions:
            raise ForbiddenError(f"This needs the permission {permission.value}.")


def system_scope(tenant_id: UUID, role: str) -> Scope:
    """The Scope of our own processes working inside one tenant (``role``: writer, worker, cli)."""
    return Scope(tenant_id, Actor(ActorKind.SYSTEM, role), frozenset(Permission))
