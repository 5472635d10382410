"""Pages of orders: the list with its sums, one order, exchange rates."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State

from groundswell.core.errors import FieldError, InvalidError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_query
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.http.pagination import PageQuery, decode_cursor, encode_cursor
from groundswell.core.jobs import defer
from groundswell.core.money import is_currency
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.commerce import api
from groundswell.features.commerce.jobs import RECOUNT, Recount
from groundswell.features.commerce.logic.checks import order_filter
from groundswell.features.commerce.store import listing, rates
from groundswell.features.commerce.types import OrderFilter, Rate, Totals
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Pager, with_query
from groundswell.ui.shell import NavGroup, NavItem

AnyRequest = Request[object, object, State]

ORDERS = "/orders"
RATES = "/settings/exchange-rates"

_EXAMPLE = """\
curl -X POST %sapi/orders \\
  -H "Authorization: Bearer gsk_YOUR_KEY" -H "Content-Type: application/json" \\
  -d '{"source": "shop", "order_id": "1001", "distinct_id": "customer-42",
       "currency": "USD", "total": 2933}'
"""


class ListQuery(PageQuery, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """The list's filters as its form sends them: nothing chosen is an empty text."""

    person: UUID | None = None
    source: Annotated[str, msgspec.Meta(max_length=100)] = ""
    currency: Annotated[str, msgspec.Meta(max_length=3)] = ""
    first: Annotated[str, msgspec.Meta(max_length=10)] = ""
    last: Annotated[str, msgspec.Meta(max_length=10)] = ""


@get(ORDERS, opt=requires(Permission.ORDERS_READ))
async def list_orders(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Orders, newest first, with the sums of what is shown and all that follows."""
    query = read_query(request, ListQuery)
    after = decode_cursor(query.cursor, tuple[datetime, UUID])
    wanted = order_filter(
        query.person,
        query.source,
        query.currency.upper(),
        _day(query.first, "from"),
        _day(query.last, "to"),
    )
    async with platform.postgres.transaction(scope) as tx:
        found = await api.list_orders(tx, wanted, after, query.limit + 1)
        totals = await api.totals(tx, wanted)
        sources = await listing.sources(tx)
        is_empty = not found and not sources
    shown = found[: query.limit]
    following = ""
    if len(found) > query.limit:
        cursor = encode_cursor(shown[-1].placed_at, shown[-1].order_uid)
        following = with_query(ORDERS, dict(request.query_params.items()), cursor=cursor)
    return await page(
        request,
        "commerce/orders.html",
        orders=shown,
        totals=totals,
        wanted=query,
        source_options=[("", _("Every source")), *((name, name) for name in sources)],
        currency_options=_currency_options(totals, query.currency),
        is_empty=is_empty,
        example=_EXAMPLE % request.base_url,
        is_filtered=wanted != OrderFilter(),
        pager=Pager(next=following),
    )


@get(ORDERS + "/{order_uid:uuid}", opt=requires(Permission.ORDERS_READ))
async def show_order(
    request: AnyRequest, platform: Platform, scope: Scope, order_uid: UUID
) -> Response[Any]:
    """One order: lines, refunds, whose it is."""
    async with platform.postgres.transaction(scope) as tx:
        found = await api.get_order(tx, order_uid)
    return await page(
        request,
        "commerce/order.html",
        order=found.order,
        lines=found.lines,
        refunds=found.refunds,
        rest=found.order.total - sum(line.amount for line in found.lines),
    )


@get(RATES, opt=requires(Permission.ORDERS_READ))
async def show_rates(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Exchange rates, and which orders wait for one."""
    return await _rates_page(request, platform, scope)


@post(RATES, opt=requires(Permission.ORDERS_WRITE))
async def put_rate(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Store one rate and count the orders it touches anew."""
    form = await request.form()
    values = {name: _text(form.get(name)) for name in ("currency", "day", "rate")}
    try:
        given = _typed_rate(**values)
        async with platform.postgres.transaction(scope) as tx:
            if not await api.set_rates(tx, [given]):
                await defer(tx, RECOUNT, Recount(), once="all")
    except InvalidError as error:
        errors = {item.field.rpartition(".")[2]: _sentence(item.reason) for item in error.errors}
        return await _rates_page(request, platform, scope, status=422, values=values, errors=errors)
    return redirect(request, RATES, Flash(_("The rate is stored and orders are counted with it.")))


async def _rates_page(
    request: AnyRequest,
    platform: Platform,
    scope: Scope,
    *,
    status: int = 200,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response[Any]:
    query = read_query(request, PageQuery)
    place = decode_cursor(query.cursor, tuple[str, str, date])
    after = Rate(*place, Decimal(0)) if place else None
    async with platform.postgres.transaction(scope) as tx:
        books = await rates.books(tx)
        found = await api.list_rates(tx, after, query.limit + 1)
        waiting = await rates.waiting(tx)
    shown = found[: query.limit]
    following = ""
    if len(found) > query.limit:
        last = shown[-1]
        cursor = encode_cursor(last.currency, last.reporting_currency, last.day)
        following = with_query(RATES, {}, cursor=cursor)
    return await page(
        request,
        "commerce/rates.html",
        status=status,
        books=books,
        rates=shown,
        waiting=waiting,
        values=values or {},
        errors=errors or {},
        pager=Pager(next=following),
    )


def _currency_options(totals: Totals, chosen: str) -> list[tuple[str, str]]:
    codes = {each.currency for each in totals.by_currency} | ({chosen} if chosen else set())
    return [("", _("Every currency")), *((code, code) for code in sorted(codes))]


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        wrong = FieldError(field, "is not a day such as 2027-01-31")
        raise InvalidError("The days are wrong.", errors=[wrong]) from None


def _typed_rate(currency: str, day: str, rate: str) -> tuple[str, date, Decimal]:
    """A rate out of the form's texts.

    Raises:
        InvalidError: names every field that can't be read, and a currency that is none.
    """
    wrong = []
    if not is_currency(currency.upper()):
        wrong.append(FieldError("currency", "is not an ISO 4217 code"))
    try:
        since = date.fromisoformat(day)
    except ValueError:
        wrong.append(FieldError("day", "is not a day such as 2027-01-31" if day else "is missing"))
    try:
        value = Decimal(rate)
    except InvalidOperation:
        wrong.append(FieldError("rate", "is not a decimal number such as 1.0832"))
    if wrong:
        raise InvalidError("The rate is wrong.", errors=wrong)
    return currency.upper(), since, value


def _sentence(reason: str) -> str:
    words = _(reason)
    return f"{words[:1].upper()}{words[1:]}."


def _text(value: object) -> str:
    return value.strip()[:100] if isinstance(value, str) and "\x00" not in value else ""


PAGES = (list_orders, show_order, show_rates, put_rate)

NAV = (
    NavItem("Orders", ORDERS, "shopping-cart"),
    NavGroup((NavItem("Exchange rates", RATES, "credit-card"),), "Settings"),
)
