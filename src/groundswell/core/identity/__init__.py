"""Who calls: passwords, sessions, the form of API keys, customer tokens."""
