"""Believable figures of a shop: a growth page, orders."""

from datetime import UTC, date, datetime, timedelta
from math import sin
from typing import Any

from groundswell.ui import format as formats
from groundswell.ui.charts import Donut, Series, Slice, Sparkline, Trend, Unit
from groundswell.ui.links import Choice, Pager, Sort

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
CURRENCY = "EUR"


def wave(n: int, base: float, swing: float, seed: float, growth: float = 0.0) -> tuple[float, ...]:
    """A daily figure with a weekly rhythm, the same at every run."""
    return tuple(
        round(
            base * (1 + growth * i / n) + swing * (sin(i * 0.9 + seed) + 0.6 * sin(i * 2.3 + seed))
        )
        for i in range(n)
    )


def growth() -> dict[str, Any]:
    """KPI cards, the revenue trend, lifecycle, top products, what needs attention."""
    days = tuple(TODAY - timedelta(days=29 - i) for i in range(30))
    now, before = wave(30, 1390000, 160000, 1, 0.3), wave(30, 1180000, 130000, 2.4, 0.1)
    trend = Trend(
        title="Revenue",
        days=days,
        series=(Series("This period", now), Series("Previous period", before, "previous")),
        unit=Unit("money", CURRENCY),
    )
    return {
        "sentence": f"{formats.period(days[0], days[-1])} · compared with "
        f"{formats.period(days[0] - timedelta(days=30), days[0] - timedelta(days=1))}",
        "ranges": [
            Choice("7 days", "/growth?days=7"),
            Choice("30 days", "/growth", current=True),
            Choice("90 days", "/growth?days=90"),
            Choice("12 months", "/growth?days=365"),
        ],
        "kpis": _kpis(sum(now), sum(before)),
        "trend": trend,
        "total": formats.money(int(sum(now)), CURRENCY, whole=True),
        "lifecycle": Donut(
            "Customers by lifecycle",
            tuple(
                Slice(label, count, "/people")
                for label, count in (
                    ("Loyal", 6120),
                    ("New", 4388),
                    ("Promising", 3542),
                    ("At risk", 2607),
                    ("Dormant", 1547),
                )
            ),
            caption="customers",
            rest=True,
        ),
        "products": _products(),
        "alerts": [
            {
                "tone": "warning",
                "title": "Checkout conversion fell on Safari",
                "text": "−18% since Nov 17 · 1,204 sessions",
                "href": "#",
            },
            {
                "tone": "info",
                "title": "41 events were refused today",
                "text": "Most often: timestamp lies more than 24 hours ahead",
                "href": "#",
            },
            {
                "tone": "error",
                "title": "3 jobs failed and wait for you",
                "text": "Nightly reconciliation, two imports",
                "href": "#",
            },
        ],
    }


def _kpis(now: float, before: float) -> list[dict[str, Any]]:
    rows = [
        ("Revenue", _euros(now), now / before - 1, _euros(before), wave(30, 100, 9, 1, 0.3), "up"),
        ("Orders", "6,842", 0.121, "6,106", wave(30, 100, 9, 2, 0.2), "up"),
        ("New people", "2,357", 0.075, "2,192", wave(30, 100, 8, 3, 0.2), "up"),
        ("Active each month", "18,204", 0.031, "17,655", wave(30, 100, 5, 4, 0.3), "up"),
        ("Average order value", "€68.10", -0.0002, "€68.14", wave(30, 100, 9, 5), "up"),
        ("Refund rate", "2.31%", 0.116, "2.07%", wave(30, 100, 8, 6, 0.25), "down"),
    ]
    keys = ("label", "value", "change", "before", "spark", "good")
    return [{**dict(zip(keys, row, strict=True)), "spark": Sparkline(row[4])} for row in rows]


def _euros(amount: float) -> str:
    return formats.money(int(amount), CURRENCY, whole=True)


def _products() -> list[dict[str, Any]]:
    rows = [
        ("Espresso Roast, 1 kg", 2140, 8421000, 0.182),
        ("Cold Brew Concentrate", 2611, 6187400, 0.426),
        ("Ethiopia Guji, 250 g", 3302, 5230300, 0.041),
        ("Subscription: Monthly Box", 1633, 4899000, 0.097),
        ("Pour-over Kettle, matte black", 412, 3741500, -0.063),
        ("Decaf Colombia, 1 kg", 811, 3120800, 0.022),
        ("Filter Papers, 200", 4120, 1987300, 0.0),
        ("Hand Grinder S2", 289, 1864400, 0.279),
        ("Kenya Nyeri, 250 g", 874, 1696100, 0.065),
        ("Gift Card", 310, 1550000, -0.148),
    ]
    return [
        {"name": name, "units": units, "revenue": revenue, "change": change}
        for name, units, revenue, change in rows
    ]


def orders() -> dict[str, Any]:
    """The list of orders, sorted and paged."""
    names = (
        "Ada Lindqvist",
        "Tomasz Wójcik",
        "Noor Haddad",
        "Chen Wei",
        "Imani Mwangi",
        "Léa Fontaine",
        "visitor 7f3a9c",
        "Maximilian von Hohenstein-Lindenberg",
    )
    states = ("paid", "paid", "shipped", "paid", "refunded", "delivered", "paid", "issue")
    tones = {
        "paid": "info",
        "shipped": "neutral",
        "delivered": "success",
        "refunded": "neutral",
        "issue": "warning",
    }
    listed = [
        {
            "number": f"{10482 - i}",
            "source": "shop" if i % 3 else "import",
            "person": name,
            "placed": NOW - timedelta(minutes=37 * i * i + 4),
            "items": 1 + i % 4,
            "total": 2933 + 7150 * i,
            "state": states[i],
            "tone": tones[states[i]],
        }
        for i, name in enumerate(names)
    ]
    return {
        "orders": listed,
        "sort": Sort("/orders", "placed_at"),
        "pager": Pager(next="/orders?cursor=abc", note="1–8 of 6,919"),
    }


def order() -> dict[str, Any]:
    """One order with its lines and what happened to it."""
    lines = [
        {
            "name": "Espresso Roast, 1 kg",
            "product_id": "ESP-1000",
            "quantity": 2,
            "price": 3935,
            "total": 7870,
        },
        {
            "name": "Filter Papers, 200",
            "product_id": "FP-200",
            "quantity": 1,
            "price": 482,
            "total": 482,
        },
        {
            "name": "Refund: Filter Papers, 200",
            "product_id": "FP-200",
            "quantity": -1,
            "price": 482,
            "total": -482,
        },
    ]
    history = [
        {
            "icon": "rotate-ccw",
            "title": "€4.82 refunded",
            "text": "By Mira Okafor: arrived torn",
            "when": NOW - timedelta(minutes=12),
            "href": "",
        },
        {
            "icon": "package",
            "title": "Shipped",
            "text": "2 parcels",
            "when": NOW - timedelta(hours=5),
            "href": "",
        },
        {
            "icon": "shopping-bag",
            "title": "Order received",
            "text": "From the shop, secret key gsk_live…4f2a",
            "when": NOW - timedelta(days=1),
            "href": "#",
        },
    ]
    return {"lines": lines, "history": history, "placed": NOW - timedelta(days=1)}
