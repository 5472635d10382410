"""Signals: facts that features tell each other, delivered after commit, at least once."""

from groundswell.core.signals.emit import emit, emit_many
from groundswell.core.signals.types import Signal, SignalHandler

__all__ = ["Signal", "SignalHandler", "emit", "emit_many"]
