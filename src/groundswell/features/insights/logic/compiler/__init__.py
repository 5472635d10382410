"""From a question to SQL: one module a kind, the same for page, API and export."""
