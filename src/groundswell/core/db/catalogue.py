"""The event store's tables: which are known, and what confines a query to one tenant."""

TENANT_TABLES = frozenset(
    {
        "events",
        "seen_events",
        "person_activity",
        "person_firsts",
        "people",
        "person_overrides",
        "orders",
        "order_lines",
    }
)
"""Every table that holds tenants' rows; each has ``tenant_id`` first in its sort key."""

INTERNAL_TABLES = frozenset({"schema_migrations", "person_activity_feed", "person_firsts_feed"})
"""Tables no query for a Scope may name."""


def tenant_filters(database: str, tenant_id: str) -> str:
    """The value of ``additional_table_filters`` that confines a query to one tenant."""
    rules = (f"'{database}.{table}': 'tenant_id = \\'{tenant_id}\\''" for table in TENANT_TABLES)
    return "{" + ", ".join(rules) + "}"
