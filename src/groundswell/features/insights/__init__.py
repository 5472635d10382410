"""Insights: questions about people and money, answered from the event store."""
