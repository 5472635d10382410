"""Events: capture, the ingest log, the writer that stores each exactly once."""
