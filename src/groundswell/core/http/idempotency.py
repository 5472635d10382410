"""``Idempotency-Key``: a repeated request gets the first one's answer and changes nothing again.

The key is claimed in a transaction of its own before the handler runs, and the answer is kept
after the handler's transaction committed. A crash between the two leaves a claim without an
answer: repeats get 409 until the claim is ``ABANDONED_AFTER`` old, then the request runs again.
Handlers that make something close that window with :func:`keep_answer` inside their own
transaction: keys, orders and refunds do.
"""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Response
from litestar.types import ASGIApp, Message, Receive, Send

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.encryption import Encryption
from groundswell.core.errors import ConflictError, FieldError, InvalidError
from groundswell.core.http.caller import AnyRequest, platform_of
from groundswell.core.http.csrf import SAFE_METHODS
from groundswell.core.tenancy.scope import Scope

HEADER = "idempotency-key"
KEPT = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=2)
LONGEST_KEY = 255

_STATE = "idempotency_key"
_NOT_FINAL = frozenset({401, 403, 408, 409, 421, 425, 429})
_KEPT_HEADERS = frozenset({b"content-type", b"location", b"etag"})
_PURPOSE = "idempotency"

_CLAIM = """
insert into idempotency_keys (tenant_id, key, request_hash) values (%(tenant)s, %(key)s, %(hash)s)
on conflict (tenant_id, key) do update
set request_hash = excluded.request_hash, status = null, headers = null, response = null,
    created_at = clock_timestamp()
where idempotency_keys.created_at < clock_timestamp() - %(kept)s
   or (idempotency_keys.status is null
       and idempotency_keys.request_hash = excluded.request_hash
       and idempotency_keys.created_at < clock_timestamp() - %(abandoned)s)
"""
_FOUND = """
select request_hash, status, headers, response from idempotency_keys
where tenant_id = %s and key = %s
"""
_KEEP = """
update idempotency_keys set status = %s, headers = %s, response = %s
where tenant_id = %s and key = %s
"""
_RELEASE = "delete from idempotency_keys where tenant_id = %s and key = %s and status is null"
_PURGE = """
delete from idempotency_keys where tenant_id = %s and key in (
  select key from idempotency_keys
  where tenant_id = %s and created_at < clock_timestamp() - %s
  order by created_at limit 50)
"""


class _Found(msgspec.Struct):
    request_hash: bytes
    status: int | None
    headers: list[tuple[str, str]] | None
    response: bytes | None


def applies(request: AnyRequest, scope: Scope | None) -> bool:
    """Whether this request asks to be answered once."""
    unsafe = request.method not in SAFE_METHODS
    return unsafe and scope is not None and HEADER in request.headers


async def answer_once(
    app: ASGIApp, request: AnyRequest, scope: Scope, receive: Receive, send: Send
) -> None:
    """Run the handler, or replay what it answered before.

    Raises:
        InvalidError: the key is malformed, or was sent with another request.
        ConflictError: the first request is still under way.
    """
    key = _key(request)
    encryption = platform_of(request).encryption
    digest = await _digest(request, scope)
    kept = await _claim(request, scope, key, digest)
    if kept is not None:
        await _replay(kept, scope, encryption, send)
        return
    request.scope["state"][_STATE] = key
    recorder = _Recorder(send)
    try:
        await app(request.scope, receive, recorder)
    finally:
        await _settle(request, scope, key, recorder)


async def keep_answer(
    tx: ScopedTransaction,
    request: AnyRequest,
    status: int,
    body: object,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """The JSON answer, kept in the handler's own transaction: no crash can run it twice.

    Answer with what this returns, so that a repeat is answered to the byte.
    """
    content = msgspec.json.encode(body)
    given = dict(headers or {})
    key = request.scope["state"].get(_STATE)
    if key is not None:
        kept = [("content-type", "application/json"), *given.items()]
        sealed = platform_of(request).encryption.encrypt(tx.tenant_id, _PURPOSE, content)
        await _keep(tx, key, status, [(name.lower(), value) for name, value in kept], sealed)
    return Response(content, status_code=status, headers=given, media_type="application/json")


def _key(request: AnyRequest) -> str:
    key = request.headers[HEADER].strip().strip('"')
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        reason = f"must be 1 to {LONGEST_KEY} printable characters"
        raise InvalidError(
            f"Idempotency-Key {reason}.", errors=[FieldError("Idempotency-Key", reason)]
        )
    return key


async def _digest(request: AnyRequest, scope: Scope) -> bytes:
    """What makes two requests the same: who asks, where, and with what."""
    parts = (
        f"{scope.actor.kind.value}:{scope.actor.id}".encode(),
        request.method.encode(),
        request.scope["path"].encode(),
        request.scope["query_string"],
        await request.body(),
    )
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


async def _claim(request: AnyRequest, scope: Scope, key: str, digest: bytes) -> _Found | None:
    """None when the key is ours now; else the answer kept under it."""
    async with platform_of(request).postgres.transaction(scope) as tx:
        given = {"tenant": scope.tenant_id, "key": key, "hash": digest, "kept": KEPT}
        claimed = await tx.execute(_CLAIM, {**given, "abandoned": ABANDONED_AFTER})
        if claimed:
            await tx.execute(_PURGE, (scope.tenant_id, scope.tenant_id, KEPT))
            return None
        found = await tx.fetch_one(_Found, _FOUND, (scope.tenant_id, key))
    if found is not None and bytes(found.request_hash) != digest:
        reason = "was already used for another request"
        raise InvalidError(
            f"This Idempotency-Key {reason}.", errors=[FieldError("Idempotency-Key", reason)]
        )
    if found is None or found.status is None:
        raise ConflictError(
            "The first request with this Idempotency-Key is still under way.",
            headers={"Retry-After": "1"},
        )
    return found


async def _replay(found: _Found, scope: Scope, encryption: Encryption, send: Send) -> None:
    body = encryption.decrypt(scope.tenant_id, _PURPOSE, bytes(found.response or b""))
    headers = [(name.encode(), value.encode()) for name, value in found.headers or []]
    headers += [
        (b"idempotent-replayed", b"true"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": found.status or 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class _Recorder:
    """Passes an answer on and remembers it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message["headers"]
                if name.lower() in _KEPT_HEADERS
            ]
        elif message["type"] == "http.response.body":
            self.body += message["body"]
        await self._send(message)

    @property
    def is_final(self) -> bool:
        """Whether a repeat must be answered the same; else it may try again."""
        return 200 <= self.status < 500 and self.status not in _NOT_FINAL


async def _settle(request: AnyRequest, scope: Scope, key: str, answer: _Recorder) -> None:
    platform = platform_of(request)
    async with platform.postgres.transaction(scope) as tx:
        if not answer.is_final:
            await tx.execute(_RELEASE, (scope.tenant_id, key))
            return
        sealed = platform.encryption.encrypt(scope.tenant_id, _PURPOSE, bytes(answer.body))
        await _keep(tx, key, answer.status, answer.headers, sealed)


async def _keep(tx: ScopedTransaction, key: str, status: int, headers: Any, sealed: bytes) -> None:
    # Answers may hold a secret shown once (a new key): never kept in the clear.
    plain = msgspec.json.encode(headers).decode()
    await tx.execute(_KEEP, (status, plain, sealed, tx.tenant_id, key))
