"""The door of growth for the app and commands."""

from groundswell.features.growth.logic import capture_all, choose_range, metrics

__all__ = ["capture_all", "choose_range", "metrics"]
