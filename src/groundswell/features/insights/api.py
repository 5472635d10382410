"""Insights, for other features and the app."""

from groundswell.features.insights.logic.answer import answer
from groundswell.features.insights.logic.people import people_at

__all__ = ["answer", "people_at"]
