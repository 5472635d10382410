"""Merges as part of a person's timeline."""

from collections.abc import Sequence
from uuid import UUID

from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.core.timeline import Place, TimelineEntry
from groundswell.features.people.store import merges
from groundswell.features.people.types import Merge
from groundswell.ui.i18n import gettext as _


class MergeTimeline:
    """Tells when others were merged into a person."""

    name = "merges"
    permission = Permission.PEOPLE_READ

    async def entries(
        self, platform: Platform, scope: Scope, person_id: UUID, after: Place | None, limit: int
    ) -> Sequence[TimelineEntry]:
        """Merges of the person and of those within it, newest first."""
        async with platform.postgres.transaction(scope) as tx:
            inside = await merges.subtree(tx, person_id)
            found = await merges.of_people(tx, inside, after, limit)
        return [_entry(merge) for merge in found]


def _entry(merge: Merge) -> TimelineEntry:
    detail = {"winner_id": merge.winner_id, "loser_id": merge.loser_id, "undone": merge.undone_at}
    return TimelineEntry(
        at=merge.merged_at,
        entry_id=merge.merge_id,
        kind="merge",
        title=_("Merged"),
        text=merge.reason,
        icon="users",
        detail=detail,
    )
