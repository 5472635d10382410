"""Flags by a few words, in memory and in the database."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from groundswell.core.ids import new_id
from groundswell.features.flags.api import snapshot_of
from groundswell.features.flags.logic import change
from groundswell.features.flags.types import Flag, FlagContent, Group, Rules

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def flag_of(key: str, rules: Rules | None = None, *, number: int = 1, **content: object) -> Flag:
    """A flag with these rules in production; on for everybody without any."""
    rules = Rules(enabled=True, groups=[Group()]) if rules is None else rules
    return Flag(
        flag_id=new_id(),
        key=key,
        number=number,
        version=1,
        created_at=NOW,
        updated_at=NOW,
        environments={"production": rules},
        **content,
    )


@pytest.fixture(scope="session")
def make() -> Callable:
    """:func:`flag_of`, for tests in several files."""
    return flag_of


@pytest.fixture
async def snapshot(app, client):
    """The flags in memory of the application under test."""
    return snapshot_of(app._app._app.state.platform)


@pytest.fixture
async def add(platform, tenant, snapshot) -> Callable:
    """Keeps a flag and waits until the application knows it."""

    async def add(key: str, rules: Rules | None = None, at=tenant, **content: object) -> Flag:
        rules = Rules(enabled=True, groups=[Group()]) if rules is None else rules
        environments = content.pop("environments", {"production": rules})
        made = FlagContent(environments=environments, **content)
        saved = await change.create(platform, at.scope, key, made)
        await snapshot.refresh()
        return saved.flag

    return add


@pytest.fixture
def headers(tenant) -> dict[str, str]:
    """The server's key of the tenant."""
    return {"Authorization": f"Bearer {tenant.secret_key}"}
