"""A real mail server, and platforms that send to it."""

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
