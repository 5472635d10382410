"""What a batch is, how it is sent, and what an answer means; shared by threads and tasks."""

from __future__ import annotations

import gzip
import json
import logging
import random
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from groundswell_sdk._version import __version__
from groundswell_sdk.events import moment

log = logging.getLogger("groundswell_sdk")

_BATCH_BYTES = 1_000_000
_AGAIN = frozenset((0, 408, 425, 429))
_LONGEST_PAUSE = 30.0
_LONGEST_WISH = 300.0


class Verdict(Enum):
    """What becomes of a batch after an attempt."""

    DONE = "done"
    AGAIN = "again"
    SPLIT = "split"
    LOST = "lost"


@dataclass(frozen=True)
class Answer:
    """The server's answer; ``status`` 0 means none came, and ``detail`` says why."""

    status: int
    detail: str = ""
    retry_after: float | None = None
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def verdict(self, events: int) -> Verdict:
        """What to do about a batch of so many events."""
        if 200 <= self.status < 300:
            return Verdict.DONE
        if self.status in _AGAIN or self.status >= 500:
            return Verdict.AGAIN
        return Verdict.SPLIT if self.status == 413 and events > 1 else Verdict.LOST

    def losses(self, raws: list[bytes], verdict: Verdict) -> Iterator[tuple[str, list[bytes]]]:
        """The events of a settled batch that are lost, with the reason."""
        if verdict is not Verdict.DONE:
            yield self.detail or f"the server answered {self.status}", raws
            return
        for each in self.rejected:
            index = each.get("index")
            if isinstance(index, int) and 0 <= index < len(raws):
                yield f"{each.get('field')} {each.get('reason')}", [raws[index]]


@dataclass(frozen=True)
class Endpoint:
    """Where events go, and how requests look."""

    key: str
    host: str
    timeout: float
    is_packed: bool

    @property
    def url(self) -> str:
        """The address of capture."""
        return self.host.rstrip("/") + "/api/events"

    def request(self, raws: list[bytes]) -> tuple[bytes, dict[str, str]]:
        """Body and headers for events; ``sent_at`` lets the server correct a wrong clock."""
        head = json.dumps({"sent_at": moment(datetime.now(timezone.utc))})[:-1]
        body = head.encode() + b',"events":[' + b",".join(raws) + b"]}"
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "User-Agent": f"groundswell-python/{__version__}",
        }
        if self.is_packed and len(body) > 1_000:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 5)
        return body, headers


def take(queue: deque[tuple[str, bytes]], most: int) -> list[tuple[str, bytes]]:
    """The next batch, removed from the queue: at most so many events and a megabyte."""
    batch: list[tuple[str, bytes]] = []
    room = _BATCH_BYTES
    while queue and len(batch) < most and (not batch or room >= len(queue[0][1])):
        batch.append(queue.popleft())
        room -= len(batch[-1][1])
    return batch


def send(endpoint: Endpoint, raws: list[bytes]) -> Answer:
    """Post events and wait for the answer; never raises."""
    try:
        body, headers = endpoint.request(raws)
        request = urllib.request.Request(endpoint.url, body, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=endpoint.timeout) as got:  # noqa: S310
            return read_answer(got.status, got.headers["Retry-After"], got.read())
    except urllib.error.HTTPError as error:
        with error:
            return read_answer(error.code, error.headers["Retry-After"], _read(error))
    except ValueError as error:
        return Answer(400, f"the host is no address: {error}")
    except Exception as error:  # noqa: BLE001 - whatever a network may do
        return Answer(0, f"{type(error).__name__}: {error}")


def _read(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read()
    except OSError:
        return b""


def read_answer(status: int, wish: str | None, body: bytes) -> Answer:
    """What an answer says."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    detail = str(said.get("detail") or said.get("title") or "")
    rejected = said.get("rejected")
    return Answer(status, detail, _seconds(wish), rejected if isinstance(rejected, list) else [])


def _seconds(wish: str | None) -> float | None:
    if not wish:
        return None
    try:
        seconds = float(wish)
    except ValueError:
        try:
            until = parsedate_to_datetime(wish)
            seconds = (until - datetime.now(timezone.utc)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WISH)


def pause(attempt: int, wish: float | None) -> float:
    """Seconds until the next attempt: as the server wishes, else longer each time."""
    if wish is not None:
        return wish
    longest = min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(attempt, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, hides nothing
