"""What tests of people ask of both engines."""

from datetime import UTC, datetime

import pytest

from groundswell.core.db.outbox_drain import Drain
from groundswell.features.events.logic.gate import EventGate
from groundswell.features.events.logic.seen import SeenEvents
from groundswell.features.people import api
from groundswell.features.people.types import Seen

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def drain(platform):
    """Carries the outbox to the event store."""
    gate = EventGate(SeenEvents(platform.store, 30))
    return Drain(platform.postgres, platform.store, gate).run


@pytest.fixture
def person_of(platform, tenant):
    """The person behind a distinct id, made if it is new: ``await person_of("ada")``."""

    async def resolve(distinct_id, scope=tenant.scope, **seen):
        async with platform.postgres.transaction(scope) as tx:
            found = await api.resolve(tx, {distinct_id: Seen(AT, AT, **seen)})
        return found[distinct_id]

    return resolve
