"""The growth page, where a signed-in member lands."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from litestar import Response, get

from groundswell.core.errors import InvalidError
from groundswell.core.http.access import requires, signed_in
from groundswell.core.http.body import read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.growth import logic
from groundswell.features.growth.pages.first_steps import first_steps_page
from groundswell.features.growth.types import ADDED, Day, GrowthQuery, Metrics, Range
from groundswell.ui import format as text
from groundswell.ui.charts import Series, Sparkline, Trend, Unit
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Choice

PATH = "/growth"
_LENGTHS = (7, 30, 90, 365)


@get("/", opt=signed_in())
async def home(request: AnyRequest) -> Response[Any]:
    """The front door: the dashboard."""
    return redirect(request, PATH)


@get(PATH, opt=requires(Permission.GROWTH_READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Figures of a period, compared with the period before."""
    today = logic.today_of(await logic.tenant_of(platform, scope))
    period, errors = _period(request, today)
    found, earlier = await logic.compare(platform, scope, period)
    totals = found.totals
    is_quiet = not totals.mau and not any(getattr(totals, name) for name in ADDED)
    if is_quiet and await logic.is_empty(platform, scope):
        return await first_steps_page(request, platform, scope)
    return await page(
        request,
        "growth/growth.html",
        metrics=found,
        sentence=_sentence(found),
        choices=_choices(period, today),
        days=_days(request, period, today, errors),
        money_cards=_cards(found, ("revenue", "orders", "new_users", "activated_users")),
        people_cards=_cards(found, ("dau", "wau", "mau")),
        trend=_trend(found, earlier),
    )


def _period(request: AnyRequest, today: date) -> tuple[Range, dict[str, str]]:
    """The days asked for; wrong ones show the usual 30, with what is wrong by field."""
    try:
        query = read_query(request, GrowthQuery)
        return logic.choose_range(today, query.days, query.first, query.last), {}
    except InvalidError as error:
        usual = logic.choose_range(today, None, None, None)
        return usual, {item.field: _sentence_of(item.reason) for item in error.errors}


def _sentence_of(reason: str) -> str:
    words = _(reason)
    return f"{words[:1].upper()}{words[1:]}."


def _days(
    request: AnyRequest, period: Range, today: date, errors: dict[str, str]
) -> dict[str, Any]:
    """What the form of chosen days shows: as typed while it is wrong."""
    typed = request.query_params
    length = (period.last - period.first).days + 1
    return {
        "first": typed.get("from", "") if errors else period.first,
        "last": typed.get("to", "") if errors else period.last,
        "errors": errors,
        "current": period.last != today or length not in _LENGTHS,
    }


def _sentence(found: Metrics) -> str:
    return _("%(period)s · compared with %(previous)s") % {
        "period": text.period(found.range.first, found.range.last),
        "previous": text.period(found.previous_range.first, found.previous_range.last),
    }


def _choices(period: Range, today: date) -> list[Choice]:
    length = (period.last - period.first).days + 1
    return [
        Choice(
            _("%(num)s days") % {"num": days},
            f"{PATH}?days={days}",
            current=period.last == today and length == days,
        )
        for days in _LENGTHS
    ]


def _cards(found: Metrics, names: Sequence[str]) -> list[dict[str, Any]]:
    labels = {
        "revenue": _("Revenue"),
        "orders": _("Orders"),
        "new_users": _("New people"),
        "activated_users": _("Activated people"),
        "dau": _("Active on the last day"),
        "wau": _("Active in the last 7 days"),
        "mau": _("Active in the last 30 days"),
    }
    return [
        {
            "name": name,
            "label": labels[name],
            "value": _text(name, getattr(found.totals, name), found.currency),
            "before": _text(name, getattr(found.previous, name), found.currency),
            "change": _change(getattr(found.totals, name), getattr(found.growth, name)),
            "spark": Sparkline(tuple(getattr(day, name) for day in found.days), labels[name]),
        }
        for name in names
    ]


def _change(now: int, ratio: float | None) -> float | None:
    """The change as a card shows it: nothing after nothing is no change, not a new figure."""
    return 0.0 if ratio is None and now == 0 else ratio


def _text(name: str, value: int, currency: str) -> str:
    return text.money(value, currency) if name == "revenue" else text.number(value)


def _trend(found: Metrics, earlier: Sequence[Day]) -> Trend:
    return Trend(
        _("Revenue"),
        tuple(day.date for day in found.days),
        (
            Series(_("This period"), tuple(day.revenue for day in found.days)),
            Series(_("Period before"), tuple(day.revenue for day in earlier), "previous"),
        ),
        Unit("money", found.currency),
    )
