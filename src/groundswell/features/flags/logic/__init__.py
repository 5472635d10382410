"""Rules of flags: evaluation (pure), the snapshot in memory, changes, and the hot doors."""
