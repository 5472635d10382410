"""A real mail server, and platforms that send to it."""

import dataclasses
import importlib.util
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from groundswell.core.config import load_settings
from groundswell.core.mail.compose import compose
from groundswell.core.mail.types import Letter


def _server() -> type:
    spec = importlib.util.spec_from_file_location(
        "mail_server", Path(__file__).with_name("server.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Server


@pytest.fixture
def smtp() -> Iterator:
    """A mail server."""
    server = _server()()
    server.url = server.start()
    yield server
    server.stop()


@pytest.fixture
def sending(platform, settings) -> Callable:
    """The platform with another mail server: ``sending(smtp.url)``."""

    def make(url: str | None, **more):
        changed = settings.model_copy(
            update={
                "smtp_url": load_settings(home=settings.home, smtp_url=url).smtp_url,
                "mail_from": "Shop <shop@example.com>",
                **more,
            }
        )
        return dataclasses.replace(platform, settings=changed)

    return make


@pytest.fixture
def mail() -> Callable:
    """A mail: ``mail(to_address="ann@example.com")``."""

    def make(**options):
        letter = Letter(
            subject=options.pop("subject", "Hello"),
            sender="Tea & <Co>",
            title="Hello",
            paragraphs=("One <b>paragraph</b>.",),
            action="Open",
            link="https://example.com/x?token=abc-DEF_1",
        )
        options = {"to_address": "ann@example.com", "kind": "test", **options}
        return compose(letter, **options)

    return make


@pytest.fixture
def untrusted(tmp_path) -> Iterator:
    """A mail server that offers STARTTLS with a certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    server = _server()(context)
    server.url = server.start()
    yield server
    server.stop()
