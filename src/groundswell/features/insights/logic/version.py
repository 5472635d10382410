"""The version of the data a question reads: it changes when an answer could.

The store itself is asked, so that no writer has to tell and nothing can be forgotten: rows and
the latest of them among exactly the rows the question reads, and of merges, people and orders.
"""

import msgspec

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.ask import ask
from groundswell.features.insights.logic.compiler.scan import Params
from groundswell.features.insights.logic.plan import Plan, people_properties
from groundswell.features.insights.types import Funnel, Lifecycle, Query, Retention, Trends

_EVENTS = "select (count(), toUnixTimestamp64Milli(max(received_at))) from events"
_MIRROR = "select (count(), toInt64(max(version))) from"


class Version(msgspec.Struct, frozen=True):
    """Equal versions mean equal data."""

    parts: tuple[tuple[int, int], ...]

    @property
    def merges(self) -> int:
        """How many keys were ever merged, so that reading people must look them up."""
        return self.parts[1][0]


async def version_of(platform: Platform, scope: Scope, plan: Plan) -> Version:
    """One cheap look: two columns of the rows the question reads."""
    params = Params()
    query = plan.query
    days = plan.days.before() if isinstance(query, Trends) and query.compare else plan.days
    start = 0 if _looks_back(query) else days.start_ms
    events = (
        f"{_EVENTS} where tenant_id = {{tenant:UUID}}"
        f" and at >= fromUnixTimestamp64Milli({params.add(start, 'Int64')}, 'UTC')"
    )
    if not isinstance(query, Funnel):
        events += (
            f" and at < fromUnixTimestamp64Milli({params.add(plan.days.end_ms, 'Int64')}, 'UTC')"
        )
    names = names_of(query)
    if None not in names:
        listed = ", ".join(params.add(name, "String") for name in sorted(filter(None, names)))
        events += f" and event in ({listed})" if listed else " and false"
    tables = ["person_overrides"]
    tables += ["people"] if people_properties(query) else []
    tables += ["orders"] if _reads_orders(query) else []
    parts = [
        f"({events})",
        *(f"({_MIRROR} {table} where tenant_id = {{tenant:UUID}})" for table in tables),
    ]
    rows = await ask(platform, scope, f"select {', '.join(parts)}", params.values)
    return Version(tuple((int(count), int(latest)) for count, latest in rows[0]))


def names_of(query: Query) -> set[str | None]:
    """Names of the events a question reads; None among them: of any name."""
    match query:
        case Trends():
            return {each.event for each in query.series if each.source == "events"}
        case Funnel():
            if query.order == "strict":
                return {None}
            return {each.event for each in query.steps} | {each.event for each in query.exclusions}
        case Retention():
            return {query.start.event, query.back.event}
        case _:
            return {query.event}


def _looks_back(query: Query) -> bool:
    """Whether history before the range decides too."""
    if isinstance(query, Trends):
        return query.view.startswith("rolling")
    return isinstance(query, Lifecycle) or (isinstance(query, Retention) and query.first_time)


def _reads_orders(query: Query) -> bool:
    return isinstance(query, Trends) and any(each.source == "orders" for each in query.series)
