"""The audit chain: how a row becomes bytes, a seal and a proof. Pure; needs no engine."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from groundswell.core.encryption import Encryption

FORMAT = 1
START = bytes(32)
"""The chain hash before the first row."""

Entry = dict[str, Any]
"""One audit row as JSON values; what is hashed and exported."""


class Seal(msgspec.Struct, frozen=True):
    """Place of a row in its tenant's chain. ``sequence`` counts from 1 without gaps."""

    sequence: int
    row_hash: bytes
    chain_hash: bytes
    signature: bytes


class Sealer:
    """Signs for one tenant with an Ed25519 key derived from the master key."""

    def __init__(self, encryption: Encryption, tenant_id: UUID) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(
            encryption.derive("audit-seal", str(tenant_id))
        )
        self._tenant = str(tenant_id)

    @property
    def public_key(self) -> bytes:
        """32 bytes; publish them, so that seals can be checked elsewhere."""
        return self._key.public_key().public_bytes_raw()

    def seal(self, entries: Iterable[Entry], sequence: int, chain_hash: bytes) -> list[Seal]:
        """Seals of the rows that follow the row ``sequence`` with ``chain_hash``."""
        seals = []
        for entry in entries:
            sequence += 1
            row_hash = hash_of(entry)
            chain_hash = link(chain_hash, sequence, row_hash)
            signature = self._key.sign(_statement(self._tenant, sequence, row_hash, chain_hash))
            seals.append(Seal(sequence, row_hash, chain_hash, signature))
        return seals

    def sign_end(self, sequence: int, chain_hash: bytes, at: str) -> bytes:
        """Signature over "the chain reached here at this time": nothing may be cut off its end."""
        return self._key.sign(_end_statement(self._tenant, sequence, chain_hash, at))


def canonical(entry: Entry) -> bytes:
    """JSON with sorted keys and no white space, UTF-8: the same bytes for the same values."""
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def hash_of(entry: Entry) -> bytes:
    """SHA-256 over the canonical form."""
    return sha256(canonical(entry)).digest()


def link(previous: bytes, sequence: int, row_hash: bytes) -> bytes:
    """The chain hash of a row."""
    return sha256(previous + sequence.to_bytes(8, "big") + row_hash).digest()


def is_signed(public_key: bytes, tenant: str, seal: Seal) -> bool:
    """Whether the holder of the key put this row at this place."""
    statement = _statement(tenant, seal.sequence, seal.row_hash, seal.chain_hash)
    return _verifies(public_key, seal.signature, statement)


def is_end_signed(
    public_key: bytes, tenant: str, sequence: int, chain_hash: bytes, at: str, signature: bytes
) -> bool:
    """Whether the holder of the key said that the chain reached here."""
    return _verifies(public_key, signature, _end_statement(tenant, sequence, chain_hash, at))


def fingerprint(public_key: bytes) -> str:
    """What people compare: the first 16 bytes of the key's SHA-256, in groups."""
    text = sha256(public_key).hexdigest()[:32]
    return " ".join(text[i : i + 4] for i in range(0, 32, 4))


def _statement(tenant: str, sequence: int, row_hash: bytes, chain_hash: bytes) -> bytes:
    words = (tenant, str(sequence), row_hash.hex(), chain_hash.hex())
    return b"groundswell/audit/row/" + "/".join(words).encode()


def _end_statement(tenant: str, sequence: int, chain_hash: bytes, at: str) -> bytes:
    words = (tenant, str(sequence), chain_hash.hex(), at)
    return b"groundswell/audit/end/" + "/".join(words).encode()


def _verifies(public_key: bytes, signature: bytes, statement: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True
