"""A whole installation with one shop, and the Python SDK as a program would import it."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.installation import Installation

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "sdk/python/src"))


class Shop:
    """What the server knows of one shop."""

    def __init__(self, server: Installation, keys: dict[str, str]) -> None:
        self.server = server
        self.url = server.url
        self.secret = keys["secret_key"]
        self.publishable = keys["publishable_key"]
        self._http = httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {self.secret}"}, timeout=20
        )

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self._http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def events(self, **query: Any) -> list[dict[str, Any]]:
        """Stored events, oldest first."""
        return self.get("/api/events", limit=200, **query)["items"][::-1]

    def wait_for(self, count: int, **query: Any) -> list[dict[str, Any]]:
        """The events once there are ``count``; all there are after ten seconds otherwise."""
        found = until(lambda: len(self.events(**query)) >= count and self.events(**query))
        return found or self.events(**query)

    def count(self, event: str) -> tuple[int, int]:
        """Rows and distinct uuids of an event in the store itself."""
        url = httpx.URL(self.server.published().endpoints.clickhouse_url)
        sql = f"select count(), uniqExact(event_id) from events where event = '{event}'"
        answer = httpx.post(
            url.copy_with(userinfo=b"", path="/", params={"database": url.path.strip("/")}),
            content=sql,
            auth=(url.username, url.password),
        )
        answer.raise_for_status()
        rows, unique = answer.text.split()
        return int(rows), int(unique)


def until(found: Callable[[], Any], within: float = 10.0) -> Any:
    """What ``found`` gives as soon as it is true, or None."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.1)
    return None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("sdk") / "home")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def shop(server: Installation) -> Shop:
    return Shop(server, server.init("shop", "owner@example.com", "a long pass phrase"))
