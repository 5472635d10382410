"""Orders as part of a person's timeline."""

from collections.abc import Sequence
from uuid import UUID

from groundswell.core.ids import order_event_id
from groundswell.core.money import decimal_text
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.core.timeline import Place, Summary, TimelineEntry
from groundswell.features.commerce.logic.events import refund_event_id
from groundswell.features.commerce.store import listing
from groundswell.features.commerce.types import Movement, OrderFilter
from groundswell.ui.format import money, number
from groundswell.ui.i18n import gettext as _


class OrderTimeline:
    """Tells what a person bought and got back."""

    name = "orders"
    permission = Permission.ORDERS_READ

    async def entries(
        self, platform: Platform, scope: Scope, person_id: UUID, after: Place | None, limit: int
    ) -> Sequence[TimelineEntry]:
        """Orders and refunds, newest first."""
        async with platform.postgres.transaction(scope) as tx:
            found = await listing.movements(tx, person_id, after, limit)
        return [_entry(scope.tenant_id, movement) for movement in found]


def _entry(tenant_id: UUID, movement: Movement) -> TimelineEntry:
    is_refund = bool(movement.refund_id)
    amount = f"{decimal_text(abs(movement.amount), movement.currency)} {movement.currency}"
    if is_refund:
        key = (movement.source, movement.order_id, movement.refund_id)
        told = refund_event_id(tenant_id, *key)
    else:
        told = order_event_id(tenant_id, movement.source, movement.order_id)
    title = _("Refund of %(id)s") if is_refund else _("Order %(id)s")
    return TimelineEntry(
        at=movement.at,
        entry_id=movement.entry_id,
        kind="refund" if is_refund else "order",
        title=title % {"id": movement.order_id},
        text=amount,
        icon="credit-card" if is_refund else "shopping-cart",
        href=f"/orders/{movement.order_uid}",
        detail={
            "order_uid": movement.order_uid,
            "source": movement.source,
            "amount": movement.amount,
            "currency": movement.currency,
        },
        same_as=told,
    )


class OrderSummary:
    """What a person bought in all, in the tenant's currency."""

    permission = Permission.ORDERS_READ

    async def summary(self, platform: Platform, scope: Scope, person_id: UUID) -> Summary | None:
        """Orders and money; None for who bought nothing."""
        async with platform.postgres.transaction(scope) as tx:
            totals = await listing.totals(tx, OrderFilter(person_id=person_id))
        if not totals.orders:
            return None
        return Summary(
            title=_("Orders"),
            facts=[
                (_("Orders"), number(totals.orders)),
                (_("Items"), number(totals.items)),
                (_("Revenue"), money(totals.revenue, totals.currency)),
                (_("Refunded"), money(totals.refunded, totals.currency)),
            ],
            href=f"/orders?person={person_id}",
            link=_("All orders"),
        )
