"""The door of operations for the app: what ``/readyz`` shows."""

from groundswell.features.operations.logic.reconciliation import Outcome, last_reconciliation

__all__ = ["Outcome", "last_reconciliation"]
