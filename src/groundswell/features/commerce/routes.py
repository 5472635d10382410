"""The JSON API of orders, refunds and exchange rates."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put
from litestar.datastructures import State

from groundswell.core import clock
from groundswell.core.errors import ConflictError, FieldError, InvalidError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_body, read_query
from groundswell.core.http.idempotency import keep_answer
from groundswell.core.http.pagination import Page, PageQuery, decode_cursor, page_of
from groundswell.core.jobs import defer
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.commerce import api
from groundswell.features.commerce.jobs import RECOUNT, Recount
from groundswell.features.commerce.logic.checks import (
    check_order,
    moment_problems,
    new_order,
    order_filter,
    problems,
)
from groundswell.features.commerce.types import (
    MAX_BATCH,
    Line,
    NewRefund,
    Order,
    OrderDetail,
    OrderFilter,
    Origin,
    Outcome,
    PlaceOrder,
    PlaceRefund,
    Rate,
    Refund,
    Totals,
)

AnyRequest = Request[object, object, State]

Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class OrdersQuery(PageQuery, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """Which orders; ``from`` and ``to`` are days of the tenant, both included."""

    person: UUID | None = None
    source: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    currency: Currency | None = None
    first: date | None = None
    last: date | None = None


class OrderView(msgspec.Struct, kw_only=True):
    """An order with its lines and refunds. Money is minor units."""

    order_uid: UUID
    source: str
    order_id: str
    distinct_id: str
    person_id: UUID
    currency: str
    total: int
    refunded: int
    reporting_currency: str
    reporting_total: int | None
    items: int
    placed_at: datetime
    confirmed: bool
    historical: bool
    origin: str
    lines: list[Line]
    refunds: list[Refund]


class PlaceOrders(msgspec.Struct, frozen=True):
    """Up to 1,000 orders, each taken or refused by itself."""

    orders: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class BatchResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the order at ``index``: created, same, conflict, refused or invalid."""

    index: int
    outcome: str
    order_uid: UUID | None = None
    errors: tuple[FieldError, ...] = ()


class BatchView(msgspec.Struct, frozen=True):
    """One result per order, in their order."""

    results: list[BatchResult]


class RefundView(msgspec.Struct, frozen=True):
    """A refund and the order as it is now."""

    outcome: Outcome
    refund_id: str
    amount: int
    order: OrderView


class PutRate(msgspec.Struct, frozen=True, kw_only=True):
    """``rate`` is a decimal as text: units of the tenant's currency for one of ``currency``."""

    currency: Currency
    day: date
    rate: Decimal


class PutRates(msgspec.Struct, frozen=True):
    """Rates to be stored; those of the same currency and day are replaced."""

    rates: Annotated[list[PutRate], msgspec.Meta(min_length=1, max_length=1_000)]


@post(
    "/api/orders",
    opt=requires(
        Permission.ORDERS_WRITE,
        body=PlaceOrder,
        answers={201: OrderView, 200: OrderView},
        summary="Record an order: 201 new, 200 the same again, 409 the same id, other content.",
    ),
)
async def place_order(request: AnyRequest, platform: Platform, scope: Scope) -> Response[bytes]:
    """Record one order."""
    order = check_order(await read_body(request, PlaceOrder))
    order = msgspec.structs.replace(order, confirmed=scope.trusted)
    async with platform.postgres.transaction(scope) as tx:
        recorded = (await api.record_orders(tx, [order], Origin.API))[0]
        if recorded.outcome is Outcome.REFUSED:
            wrong = FieldError("total", recorded.problem)
            raise InvalidError("The order is not recorded.", errors=[wrong])
        if recorded.outcome is Outcome.CONFLICT:
            wrong = FieldError("order_id", recorded.problem)
            raise ConflictError(
                f"The order {order.order_id} exists: {recorded.problem}.",
                errors=[wrong],
                order_uid=str(recorded.order_uid),
            )
        view = _view(await api.get_order(tx, recorded.order_uid))
        status = 201 if recorded.outcome is Outcome.CREATED else 200
        location = {"Location": f"/api/orders/{recorded.order_uid}"}
        return await keep_answer(tx, request, status, view, location)


@post(
    "/api/orders/batch",
    opt=requires(Permission.ORDERS_WRITE, body=PlaceOrders, answers={200: BatchView}),
    status_code=200,
)
async def place_orders(request: AnyRequest, platform: Platform, scope: Scope) -> Response[bytes]:
    """Record up to 1,000 orders; wrong ones don't hold up the others."""
    body = await read_body(request, PlaceOrders)
    results: dict[int, BatchResult] = {}
    good = []
    for index, raw in enumerate(body.orders):
        order, errors = _read_order(raw)
        if order is None or errors:
            results[index] = BatchResult(index=index, outcome="invalid", errors=tuple(errors))
        else:
            good.append((index, msgspec.structs.replace(new_order(order), confirmed=scope.trusted)))
    async with platform.postgres.transaction(scope) as tx:
        recorded = await api.record_orders(tx, [order for _, order in good], Origin.API)
        for (index, _), found in zip(good, recorded, strict=True):
            wrong = (FieldError("order_id", found.problem),) if found.problem else ()
            uid = None if found.outcome is Outcome.REFUSED else found.order_uid
            results[index] = BatchResult(
                index=index, outcome=found.outcome.value, order_uid=uid, errors=wrong
            )
        view = BatchView([results[index] for index in range(len(body.orders))])
        return await keep_answer(tx, request, 200, view)


@get("/api/orders", opt=requires(Permission.ORDERS_READ, query=OrdersQuery))
async def list_orders(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Order]:
    """Orders, newest first."""
    query = read_query(request, OrdersQuery)
    after = decode_cursor(query.cursor, tuple[datetime, UUID])
    async with platform.postgres.transaction(scope) as tx:
        found = await api.list_orders(tx, _wanted(query), after, query.limit + 1)
    return page_of(found, query.limit, lambda order: (order.placed_at, order.order_uid))


@get("/api/orders/totals", opt=requires(Permission.ORDERS_READ, query=OrdersQuery))
async def get_totals(request: AnyRequest, platform: Platform, scope: Scope) -> Totals:
    """Sums over the orders that the list with the same filters shows."""
    query = read_query(request, OrdersQuery)
    async with platform.postgres.transaction(scope) as tx:
        return await api.totals(tx, _wanted(query))


@get("/api/orders/{order_uid:uuid}", opt=requires(Permission.ORDERS_READ))
async def get_order(platform: Platform, scope: Scope, order_uid: UUID) -> OrderView:
    """One order with its lines and refunds."""
    async with platform.postgres.transaction(scope) as tx:
        return _view(await api.get_order(tx, order_uid))


@post(
    "/api/orders/{order_uid:uuid}/refunds",
    opt=requires(
        Permission.ORDERS_WRITE, body=PlaceRefund, answers={201: RefundView, 200: RefundView}
    ),
)
async def place_refund(
    request: AnyRequest, platform: Platform, scope: Scope, order_uid: UUID
) -> Response[bytes]:
    """Refund a part or all: 201 new, 200 the same again, 409 more than is left or other amount."""
    body = await read_body(request, PlaceRefund)
    refund = _refund_of(body, order_uid)
    async with platform.postgres.transaction(scope) as tx:
        await api.get_order(tx, order_uid)
        done = (await api.record_refunds(tx, [refund], Origin.API))[0]
        if done.outcome in (Outcome.CONFLICT, Outcome.REFUSED):
            wrong = FieldError("amount", done.problem)
            raise ConflictError(f"Nothing was refunded: {done.problem}.", errors=[wrong])
        order = _view(await api.get_order(tx, order_uid))
        view = RefundView(done.outcome, body.refund_id, done.amount, order)
        status = 201 if done.outcome is Outcome.CREATED else 200
        return await keep_answer(tx, request, status, view)


@put("/api/exchange-rates", opt=requires(Permission.ORDERS_WRITE, body=PutRates), status_code=200)
async def put_rates(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Rate]:
    """Store exchange rates; orders of their days are counted anew."""
    body = await read_body(request, PutRates)
    given = [(rate.currency, rate.day, rate.rate) for rate in body.rates]
    async with platform.postgres.transaction(scope) as tx:
        if not await api.set_rates(tx, given):
            await defer(tx, RECOUNT, Recount(), once="all")
        return Page(await api.list_rates(tx, None, 200), None)


@get("/api/exchange-rates", opt=requires(Permission.ORDERS_READ, query=PageQuery))
async def get_rates(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Rate]:
    """Exchange rates by currency and day."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, tuple[str, str, date])
    place = Rate(*after, Decimal(0)) if after else None
    async with platform.postgres.transaction(scope) as tx:
        found = await api.list_rates(tx, place, query.limit + 1)
    return page_of(
        found, query.limit, lambda rate: (rate.currency, rate.reporting_currency, rate.day)
    )


def _wanted(query: OrdersQuery) -> OrderFilter:
    return order_filter(query.person, query.source, query.currency, query.first, query.last)


def _read_order(raw: Any) -> tuple[PlaceOrder | None, list[FieldError]]:
    from groundswell.core.http.field_errors import collect_errors

    try:
        order = msgspec.convert(raw, PlaceOrder)
    except msgspec.ValidationError:
        return None, collect_errors(raw, PlaceOrder)
    return order, problems(order)


def _refund_of(body: PlaceRefund, order_uid: UUID) -> NewRefund:
    at = body.refunded_at or clock.now()
    if errors := list(moment_problems(at, "refunded_at")):
        raise InvalidError("Nothing was refunded.", errors=errors)
    return NewRefund(
        order_uid=order_uid,
        refund_id=body.refund_id,
        amount=body.amount,
        at=at,
        reason=body.reason,
    )


def _view(detail: OrderDetail) -> OrderView:
    order = msgspec.structs.asdict(detail.order)
    del order["rate"]
    return OrderView(**order, lines=detail.lines, refunds=detail.refunds)


ROUTES = (
    place_order,
    place_orders,
    list_orders,
    get_totals,
    get_order,
    place_refund,
    put_rates,
    get_rates,
)
