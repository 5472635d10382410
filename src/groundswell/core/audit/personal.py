"""Personal values in the audit log: under a key per person, so that erasure leaves the chain."""

import os
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from groundswell.core.audit.record import write
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.encryption import Encryption

_NONCE = 12
_PURPOSE = "audit-person"


class _Key(msgspec.Struct):
    subject: str
    wrapped_key: bytes


async def audit_personal(
    tx: ScopedTransaction,
    encryption: Encryption,
    action: str,
    target_kind: str,
    target_id: object,
    *,
    subject: str,
    personal: dict[str, Any],
    detail: dict[str, Any] | None = None,
    address: str = "",
) -> None:
    """Like :func:`audit`, with values that are readable until ``subject`` is erased.

    ``subject`` names whom they are about: ``person:<id>`` or ``member:<id>``.
    """
    key = await _key_of(tx, encryption, subject)
    nonce = os.urandom(_NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, msgspec.json.encode(personal), subject.encode())
    await write(
        tx, action, target_kind, target_id, detail,
        personal=sealed, subject=subject, address=address,
    )  # fmt: skip


async def erase_personal(tx: ScopedTransaction, subject: str) -> bool:
    """Drop the key: what was written about ``subject`` can't be read again, by anyone."""
    gone = await tx.execute(
        "delete from person_keys where tenant_id = %s and subject = %s", (tx.tenant_id, subject)
    )
    return gone > 0


async def keys_of(
    tx: ScopedTransaction, encryption: Encryption, subjects: Iterable[str]
) -> dict[str, bytes]:
    """The keys that still exist, to read many rows with :func:`reveal`."""
    found = await tx.fetch(
        _Key,
        "select subject, wrapped_key from person_keys where tenant_id = %s and subject = any(%s)",
        (tx.tenant_id, sorted(set(subjects))),
    )
    return {key.subject: _unwrap(encryption, tx.tenant_id, key) for key in found}


def reveal(key: bytes | None, subject: str, sealed: bytes) -> dict[str, Any] | None:
    """The values, or None once they are erased."""
    if key is None:
        return None
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], subject.encode())
    except InvalidTag:
        # Erased, and a new key made for the same subject since.
        return None
    return msgspec.json.decode(plain, type=dict[str, Any])


async def _key_of(tx: ScopedTransaction, encryption: Encryption, subject: str) -> bytes:
    made = encryption.encrypt(tx.tenant_id, f"{_PURPOSE}/{subject}", os.urandom(32))
    await tx.execute(
        "insert into person_keys (tenant_id, subject, wrapped_key) values (%s, %s, %s)"
        " on conflict do nothing",
        (tx.tenant_id, subject, made),
    )
    return (await keys_of(tx, encryption, [subject]))[subject]


def _unwrap(encryption: Encryption, tenant_id: UUID, key: _Key) -> bytes:
    return encryption.decrypt(tenant_id, f"{_PURPOSE}/{key.subject}", key.wrapped_key)
