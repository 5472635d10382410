"""Secrets of one home: made once, kept in ``secrets.toml`` (0600), read by every process."""

import base64
import os
import secrets as random
import tomllib
from pathlib import Path

import msgspec

from groundswell.core.errors import ConfigurationError


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Random at first start. Losing them loses what ``master_key`` encrypted."""

    postgres_admin: str
    postgres_owner: str
    postgres_app: str
    postgres_system: str
    store: str
    master_key: str  # 32 bytes, base64
    session_key: str
    cron_secret: str


def _new() -> Secrets:
    return Secrets(
        postgres_admin=random.token_hex(24),
        postgres_owner=random.token_hex(24),
        postgres_app=random.token_hex(24),
        postgres_system=random.token_hex(24),
        store=random.token_hex(24),
        master_key=base64.b64encode(random.token_bytes(32)).decode(),
        session_key=random.token_hex(32),
        cron_secret=random.token_hex(24),
    )


def load_secrets(path: Path) -> Secrets:
    """Secrets in the file at ``path``, made first if there are none.

    Two processes that start at once agree: the file is linked into place whole, and the second
    link fails.

    Raises:
        ConfigurationError: the file exists and is not what this program wrote.
    """
    if not path.exists():
        _write_once(path, _new())
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Secrets)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{path} is damaged: {error}. Restore it from a backup.") from None


def _write_once(path: Path, made: Secrets) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{random.token_hex(4)}")
    lines = [f'{name} = "{value}"\n' for name, value in msgspec.structs.asdict(made).items()]
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
