"""Keeping questions: change, audit row and signal in one transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.audit import audit
from groundswell.core.errors import NotFoundError
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights import store
from groundswell.features.insights.logic.plan import plan_of, tenant_of
from groundswell.features.insights.types import Insight, Query


async def keep(
    platform: Platform, scope: Scope, name: str, description: str, query: Query
) -> Insight:
    """Keep a question under a name.

    Raises:
        InvalidError: the question could not be answered.
    """
    await _checked(platform, scope, query)
    insight_id = new_id()
    async with platform.postgres.transaction(scope) as tx:
        await store.insert(tx, insight_id, name, description, _plain(query))
        detail = {"name": name, "kind": _plain(query)["kind"]}
        await audit(tx, "insight.created", "insight", insight_id, detail)
        await emit(tx, "insight.created", {"insight_id": str(insight_id), **detail})
        return await _found(await store.get(tx, insight_id))


async def change(
    platform: Platform, scope: Scope, insight_id: UUID, name: str, description: str, query: Query
) -> Insight:
    """Replace a kept question.

    Raises:
        NotFoundError: there is none with this id.
        InvalidError: the question could not be answered.
    """
    await _checked(platform, scope, query)
    async with platform.postgres.transaction(scope) as tx:
        if not await store.update(tx, insight_id, name, description, _plain(query)):
            raise _missing()
        detail = {"name": name, "kind": _plain(query)["kind"]}
        await audit(tx, "insight.updated", "insight", insight_id, detail)
        await emit(tx, "insight.updated", {"insight_id": str(insight_id), **detail})
        return await _found(await store.get(tx, insight_id))


async def forget(platform: Platform, scope: Scope, insight_id: UUID) -> None:
    """Delete a kept question.

    Raises:
        NotFoundError: there is none with this id.
    """
    async with platform.postgres.transaction(scope) as tx:
        if not await store.delete(tx, insight_id):
            raise _missing()
        await audit(tx, "insight.deleted", "insight", insight_id)
        await emit(tx, "insight.deleted", {"insight_id": str(insight_id)})


async def get(platform: Platform, scope: Scope, insight_id: UUID) -> Insight:
    """A kept question.

    Raises:
        NotFoundError: there is none with this id.
    """
    async with platform.postgres.transaction(scope) as tx:
        return await _found(await store.get(tx, insight_id))


async def list_insights(
    platform: Platform, scope: Scope, after: tuple[datetime, UUID] | None, limit: int
) -> list[Insight]:
    """Kept questions, last changed first."""
    async with platform.postgres.transaction(scope) as tx:
        return list(await store.list_insights(tx, after, limit))


def question_of(insight: Insight) -> Query:
    """The question that was kept."""
    return msgspec.convert(insight.query, Query)  # type: ignore[no-any-return]


async def _checked(platform: Platform, scope: Scope, query: Query) -> None:
    plan_of(query, await tenant_of(platform, scope))


def _plain(query: Query) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(query)
    return found


async def _found(insight: Insight | None) -> Insight:
    if insight is None:
        raise _missing()
    return insight


def _missing() -> NotFoundError:
    return NotFoundError("There is no such insight.")
