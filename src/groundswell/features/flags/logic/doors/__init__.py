"""Evaluation over HTTP: plain ASGI in front of the framework, answered from memory."""
