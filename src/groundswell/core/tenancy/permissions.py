"""The permission vocabulary: ``thing:verb``. Routes name one; roles and keys are sets of them."""

from enum import StrEnum


class Permission(StrEnum):
    """What a caller may do inside a tenant."""

    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    FLAGS_EVALUATE = "flags:evaluate"
    FLAGS_READ = "flags:read"
    FLAGS_WRITE = "flags:write"
    FLAGS_PUBLISH = "flags:publish"
    GROWTH_READ = "growth:read"
    INSIGHTS_READ = "insights:read"
    INSIGHTS_WRITE = "insights:write"
    JOBS_READ = "jobs:read"
    JOBS_MANAGE = "jobs:manage"
    AUDIT_READ = "audit:read"
    KEYS_READ = "keys:read"
    KEYS_MANAGE = "keys:manage"
    MEMBERS_READ = "members:read"
    MEMBERS_MANAGE = "members:manage"
    TENANT_READ = "tenant:read"
    TENANT_MANAGE = "tenant:manage"


class Role(StrEnum):
    """A member's role in one tenant."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    ANALYST = "analyst"
    VIEWER = "viewer"


_VIEWER = frozenset({Permission.GROWTH_READ, Permission.TENANT_READ, Permission.MEMBERS_READ})
_ANALYST = _VIEWER | {
    Permission.EVENTS_READ,
    Permission.PEOPLE_READ,
    Permission.ORDERS_READ,
    Permission.FLAGS_READ,
    Permission.INSIGHTS_READ,
    Permission.INSIGHTS_WRITE,
}
_EDITOR = _ANALYST | {
    Permission.EVENTS_WRITE,
    Permission.PEOPLE_WRITE,
    Permission.ORDERS_WRITE,
    Permission.FLAGS_EVALUATE,
    Permission.FLAGS_WRITE,
    Permission.JOBS_READ,
    Permission.KEYS_READ,
}
_ADMIN = frozenset(Permission) - {Permission.TENANT_MANAGE}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.ANALYST: frozenset(_ANALYST),
    Role.EDITOR: frozenset(_EDITOR),
    Role.ADMIN: _ADMIN,
    Role.OWNER: frozenset(Permission),
}

PUBLISHABLE_PERMISSIONS = frozenset({Permission.EVENTS_WRITE, Permission.FLAGS_EVALUATE})
"""All that a key found in a browser's source may do."""

SECRET_KEY_PERMISSIONS = frozenset(Permission) - {
    Permission.MEMBERS_MANAGE,
    Permission.TENANT_MANAGE,
    Permission.KEYS_MANAGE,
    Permission.FLAGS_PUBLISH,
}
"""Scopes a secret key may carry: a leaked key can't mint keys, members or owners, nor be the
second person who publishes a flag."""
