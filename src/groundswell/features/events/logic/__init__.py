"""The rules of capture and of storing once."""
