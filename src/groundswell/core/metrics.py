"""Counters and gauges that /metrics shows, named once."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

ACROSS_TENANTS = Counter(
    "groundswell_across_tenants", "Uses of the door across tenants.", ["reason"], registry=REGISTRY
)
REQUESTS = Counter(
    "groundswell_http_requests",
    "Requests by route and status.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "groundswell_http_request_seconds",
    "Time to answer, by route.",
    ["route"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
EVENTS_ACCEPTED = Counter(
    "groundswell_events_accepted", "Events made durable and acknowledged.", registry=REGISTRY
)
EVENTS_REFUSED = Counter(
    "groundswell_events_refused", "Events refused, by reason.", ["reason"], registry=REGISTRY
)
EVENTS_STORED = Counter(
    "groundswell_events_stored", "Events written to the event store.", registry=REGISTRY
)
EVENTS_REPEATED = Counter(
    "groundswell_events_repeated",
    "Events dropped because their uuid was known.",
    registry=REGISTRY,
)
INGEST_LAG = Gauge(
    "groundswell_ingest_lag_seconds",
    "Age of the oldest event not yet stored.",
    registry=REGISTRY,
)
OUTBOX_ROWS = Gauge(
    "groundswell_outbox_rows", "Rows waiting to reach the event store.", registry=REGISTRY
)
SIGNALS_DELIVERED = Counter(
    "groundswell_signals_delivered", "Signals that every handler took.", registry=REGISTRY
)
SIGNALS_FAILED = Counter(
    "groundswell_signals_failed", "Signals that a handler failed on.", registry=REGISTRY
)
JOBS_RUN = Counter(
    "groundswell_jobs_run", "Jobs by name and outcome.", ["job", "outcome"], registry=REGISTRY
)
AUDIT_SEALED = Counter("groundswell_audit_sealed", "Audit rows sealed.", registry=REGISTRY)
RECONCILIATION_DIFFERENCES = Gauge(
    "groundswell_reconciliation_differences",
    "Rows that differ between PostgreSQL and the event store, last night.",
    registry=REGISTRY,
)
RATE_LIMIT_LOCAL = Counter(
    "groundswell_rate_limit_local",
    "Requests counted by one process alone because the cache was away.",
    registry=REGISTRY,
)
DISK_FREE = Gauge(
    "groundswell_disk_free_bytes", "Free space on the home's volume.", registry=REGISTRY
)
MAILS = Counter(
    "groundswell_mails",
    "Attempts to send a mail, by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
