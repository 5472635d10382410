"""Rules are checked on a shared, loaded machine: no deadline per example."""

from hypothesis import settings

settings.register_profile("stats", deadline=None)
settings.load_profile("stats")
