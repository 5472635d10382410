"""An installation and events to send to it, for benchmarks."""

import gzip
import json
import random
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from groundswell.core.config import Settings, load_settings
from groundswell.core.db.migrations import migrate
from groundswell.core.engines.embedded import engines
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope
from groundswell.features.access.api import create_key, create_tenant

_EVENTS = ("$pageview", "Product Viewed", "Product Added", "Checkout Started", "Signed Up")
_chance = random.Random(11)


@dataclass
class Shop:
    """A running installation with one tenant."""

    settings: Settings
    platform: Platform
    scope: Scope
    key: str


@asynccontextmanager
async def installation() -> AsyncIterator[Shop]:
    """Engines, schema, a tenant and its secret key, in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="gs-bench-") as folder:
        settings = load_settings(home=Path(folder) / "home", port=free_port())
        async with engines(settings) as endpoints:
            await migrate(endpoints.database_owner_url, endpoints.clickhouse_url)
            opened = open_platform(settings, endpoints, encryption_of(settings))
            async with opened as platform:
                tenant_id = await create_tenant(platform, slug="bench", name="Bench")
                scope = Scope(tenant_id, Actor(ActorKind.SYSTEM, "bench"), frozenset(Permission))
                key = await create_key(platform, scope, kind="secret", name="Bench")
                await platform.directory.start()
                yield Shop(settings, platform, scope, key.secret)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def event(people: int = 10_000) -> dict[str, Any]:
    """An event of about 530 bytes, as a shop's browser SDK sends it."""
    at = datetime.now(UTC) - timedelta(seconds=_chance.random())
    product = _chance.randrange(500)
    return {
        "event": _chance.choice(_EVENTS),
        "distinct_id": f"user-{_chance.randrange(people)}",
        "uuid": str(uuid.UUID(int=_chance.getrandbits(128), version=4)),
        "timestamp": at.isoformat(),
        "properties": {
            "$current_url": f"https://shop.example/products/{product}?ref=mail",
            "$session_id": str(uuid.UUID(int=_chance.getrandbits(128), version=4)),
            "$lib": "web",
            "$lib_version": "1.449.2",
            "$os": _chance.choice(["Linux", "Windows", "iOS"]),
            "product_id": f"sku-{product}",
            "category": _chance.choice(["books", "toys", "garden"]),
            "price": _chance.randrange(100, 20_000),
            "currency": "USD",
            "position": _chance.randrange(40),
            "is_member": _chance.random() < 0.5,
            "utm_source": _chance.choice(["google", "mail", "direct"]),
        },
    }


def body(size: int, people: int = 10_000) -> bytes:
    """A request body of ``size`` events with uuids of their own."""
    return json.dumps({"events": [event(people) for _ in range(size)]}).encode()


def packed(raw: bytes) -> bytes:
    """The body as SDKs pack it."""
    return gzip.compress(raw, 6)
