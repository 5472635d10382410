"""The audit log: one row in the transaction of each change, chained and signed afterwards."""

from groundswell.core.audit.personal import audit_personal, erase_personal
from groundswell.core.audit.record import audit

__all__ = ["audit", "audit_personal", "erase_personal"]
