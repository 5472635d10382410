"""The audit log: one row in the transaction of each change."""

from groundswell.core.audit.record import audit

__all__ = ["audit"]
