"""What happened and what waits: the audit log and the tenant's jobs."""
