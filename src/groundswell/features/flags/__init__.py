"""Feature flags: decide for each person what they get, from memory, and say why."""
