"""Rules and transactions of access."""
