"""Tenants, members, sign-in and API keys."""
