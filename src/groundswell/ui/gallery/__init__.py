"""Every component with believable data, as static pages: for looking at, and for tests."""
