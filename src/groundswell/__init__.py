"""Groundswell: one server over one record of people, events and money."""

__version__ = "0.1.0"
