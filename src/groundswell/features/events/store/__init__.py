"""Tables of this feature: ranges and refusals in PostgreSQL, events in the event store."""
