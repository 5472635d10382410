"""The event store as a process of its own: chDB behind ClickHouse's HTTP interface."""
