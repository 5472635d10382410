"""Records events, people and orders in Groundswell, from Python programs."""

from groundswell_sdk._version import __version__
from groundswell_sdk.asynchronous import AsyncClient
from groundswell_sdk.client import Client
from groundswell_sdk.types import Event, Failure, Money, OnError, Overflow, Product, Properties

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "Failure",
    "Money",
    "OnError",
    "Overflow",
    "Product",
    "Properties",
    "__version__",
]
