"""Secrets at rest: each tenant's values under a key derived from the master key (AES-256-GCM)."""

import base64
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from groundswell.core.errors import ConfigurationError

_NONCE = 12


class Encryption:
    """Encrypts for a tenant and a purpose; what was made for one can't be read for another."""

    def __init__(self, master_key: str) -> None:
        try:
            key = base64.b64decode(master_key, validate=True)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise ConfigurationError("GROUNDSWELL_MASTER_KEY must be 32 bytes in base64.")
        self._master = key

    def derive(self, purpose: str, context: str = "") -> bytes:
        """A 32-byte key for one purpose; the master key itself is never used directly."""
        info = f"groundswell/{purpose}/{context}".encode()
        return HKDF(SHA256(), 32, salt=None, info=info).derive(self._master)

    def encrypt(self, tenant_id: UUID, purpose: str, plain: bytes) -> bytes:
        """Nonce and ciphertext; ``purpose`` is bound to it."""
        nonce = os.urandom(_NONCE)
        cipher = AESGCM(self.derive("tenant", str(tenant_id)))
        return nonce + cipher.encrypt(nonce, plain, purpose.encode())

    def decrypt(self, tenant_id: UUID, purpose: str, sealed: bytes) -> bytes:
        """The plain bytes.

        Raises:
            ConfigurationError: made under another master key, for another tenant or purpose.
        """
        cipher = AESGCM(self.derive("tenant", str(tenant_id)))
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except InvalidTag:
            raise ConfigurationError(
                "A stored secret can't be read with this master key. "
                "Was GROUNDSWELL_MASTER_KEY or home/secrets.toml changed?"
            ) from None
