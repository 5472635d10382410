"""Every setting, typed, read once at start from the environment and one TOML file.

The environment wins over the file. Engine URLs carry their well-known names (``DATABASE_URL``);
all else begins with ``GROUNDSWELL_``. ``docs/settings.md`` is generated from this module.
"""

import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from groundswell.core.errors import ConfigurationError
from groundswell.core.mail.address import parse_sender, parse_server

Port = Annotated[int, Field(ge=0, le=65_535)]
Positive = Annotated[int, Field(gt=0)]


def _named(name: str) -> AliasChoices:
    return AliasChoices(name.lower(), name)


class Settings(BaseSettings):
    """What one process knows of its surroundings. Built once, passed down, never global."""

    model_config = SettingsConfigDict(
        env_prefix="GROUNDSWELL_",
        env_ignore_empty=True,  # `CRON_SECRET=` in a compose file is a secret left out
        extra="forbid",
        frozen=True,
        populate_by_name=True,
    )

    home: Path = Field(
        default_factory=lambda: Path.home() / ".groundswell",
        description="Folder of the embedded engines, files, secrets and logs.",
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: Port = Field(8000, description="Port the web server listens on; 0 picks a free one.")
    public_url: str | None = Field(
        None, description="Address people reach the server under, e.g. https://growth.example.com."
    )
    web_workers: Positive = Field(
        default_factory=lambda: os.cpu_count() or 1, description="Web processes."
    )

    database_url: SecretStr | None = Field(
        None,
        validation_alias=_named("DATABASE_URL"),
        description="PostgreSQL for the app's role. Unset: embedded.",
    )
    database_owner_url: SecretStr | None = Field(
        None,
        validation_alias=_named("DATABASE_OWNER_URL"),
        description="PostgreSQL for migrations (owns the tables). Needed with DATABASE_URL.",
    )
    database_system_url: SecretStr | None = Field(
        None,
        validation_alias=_named("DATABASE_SYSTEM_URL"),
        description="PostgreSQL for work across tenants. Needed with DATABASE_URL.",
    )
    clickhouse_url: SecretStr | None = Field(
        None,
        validation_alias=_named("CLICKHOUSE_URL"),
        description="ClickHouse over HTTP. Unset: embedded store process.",
    )
    log_url: SecretStr | None = Field(
        None,
        validation_alias=_named("LOG_URL"),
        description="Valkey for the ingest log; must keep an append-only file. Unset: embedded.",
    )
    cache_url: SecretStr | None = Field(
        None,
        validation_alias=_named("CACHE_URL"),
        description="Valkey for cache, limits and live updates. Unset: embedded.",
    )
    files_url: str | None = Field(
        None,
        validation_alias=_named("FILES_URL"),
        description="Object storage (s3://, gs://, az://, file://). Unset: a folder in home.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        validation_alias=_named("SMTP_URL"),
        description="Mail server, smtp[s]://user:password@host:port. Unset: mail is kept.",
    )
    mail_from: str = Field(
        "Groundswell <no-reply@localhost>",
        description="Sender of mail: an address, or a name with the address in angle brackets.",
    )
    cron_secret: SecretStr | None = Field(
        None,
        validation_alias=_named("CRON_SECRET"),
        description="Bearer token of /api/cron/*. Unset: made at first start.",
    )
    master_key: SecretStr | None = Field(
        None,
        description="Key that encrypts secrets at rest (32 bytes, base64). "
        "Unset: made at first start.",
    )

    sign_up: bool = Field(True, description="Whether anyone who reaches the server may sign up.")
    dedup_days: Positive = Field(
        30, description="Days within which a repeated event uuid is dropped before it is stored."
    )
    max_body_bytes: Positive = Field(
        20_000_000, description="Largest request body, after decompression, in bytes."
    )
    log_max_bytes: Positive = Field(
        2_000_000_000, description="Memory of the ingest log; when full, capture answers 503."
    )
    cache_max_bytes: Positive = Field(256_000_000, description="Memory of the cache.")
    store_max_bytes: Positive = Field(
        4_000_000_000, description="Memory that queries in the embedded event store may use."
    )
    disk_reserve_bytes: Positive = Field(
        500_000_000, description="Free space below which writes are refused with 507."
    )
    rate_limit_per_minute: Positive = Field(6_000, description="API requests per key and minute.")
    log_level: str = Field("info", description="debug, info, warning or error.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        parse_sender(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_server(value.get_secret_value())
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value not in ("debug", "info", "warning", "error"):
            raise ValueError("must be debug, info, warning or error")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the TOML file named by GROUNDSWELL_CONFIG."""
        return (init_settings, env_settings, _file_source(settings_cls))

    @cached_property
    def is_secure(self) -> bool:
        """Whether browsers reach us over TLS, so that cookies may say so."""
        return bool(self.public_url and self.public_url.startswith("https://"))


def _file_source(settings_cls: type[BaseSettings]) -> InitSettingsSource:
    """Values of the TOML file: GROUNDSWELL_CONFIG, else config.toml in the home folder."""
    named = os.environ.get("GROUNDSWELL_CONFIG")
    home = Path(os.environ.get("GROUNDSWELL_HOME", Path.home() / ".groundswell"))
    path = Path(named) if named else home / "config.toml"
    if not path.exists():
        if named:
            raise ConfigurationError(f"GROUNDSWELL_CONFIG names {path}, which does not exist.")
        return InitSettingsSource(settings_cls, init_kwargs={})
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    return InitSettingsSource(settings_cls, init_kwargs=values)


def load_settings(**overrides: Any) -> Settings:
    """Settings of this process.

    Raises:
        ConfigurationError: names each wrong setting and what it must be.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [f"{_setting_name(e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError("Wrong settings:\n  " + "\n  ".join(lines)) from None


def _setting_name(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "?"
    return name if name.isupper() else f"GROUNDSWELL_{name.upper()}"
