"""Believable people, keys, audit rows, jobs and a form with mistakes."""

from datetime import timedelta
from typing import Any

from groundswell.ui.gallery.shop import NOW
from groundswell.ui.links import Choice, Pager, Sort


def listing() -> dict[str, Any]:
    """People, searched and sorted."""
    names = (
        ("Ada Lindqvist", "ada@lindqvist.example", 14, 123010),
        ("Tomasz Wójcik", "t.wojcik@mail.example", 3, 18840),
        ("Noor Haddad", "noor@haddad.example", 22, 240155),
        ("anonymous 7f3a9c", "", 0, 0),
        ("Chen Wei", "chen.wei@mail.example", 1, 2933),
        (
            "Maximilian von Hohenstein-Lindenberg",
            "max.hohenstein-lindenberg@post.example",
            7,
            61230,
        ),
        ("Imani Mwangi", "imani@mail.example", 5, 33800),
    )
    people = [
        {
            "id": i,
            "name": name,
            "email": email,
            "orders": orders,
            "spent": spent,
            "seen": NOW - timedelta(hours=7 * i * i, minutes=3),
        }
        for i, (name, email, orders, spent) in enumerate(names)
    ]
    return {
        "people": people,
        "sort": Sort("/people", "last_seen"),
        "pager": Pager(
            previous="/people?cursor=a", next="/people?cursor=b", note="51–100 of 2,357"
        ),
    }


def person() -> dict[str, Any]:
    """One person's facts and timeline."""
    seen = [
        ("shopping-bag", "Order Completed", "Order 10482 · €78.70", 14),
        ("shopping-cart", "Product Added", "Espresso Roast, 1 kg", 22),
        ("eye", "Product Viewed", "Espresso Roast, 1 kg", 25),
        ("link", "Merged with anonymous 19c0de", "By identify, from the browser SDK", 26),
        ("user-plus", "First seen", "northwind.example / coffee", 60 * 24 * 40),
    ]
    return {
        "timeline": [
            {
                "icon": icon,
                "title": title,
                "text": text,
                "when": NOW - timedelta(minutes=minutes),
                "href": "",
            }
            for icon, title, text, minutes in seen
        ],
        "tabs": [
            Choice("Timeline", "#", current=True),
            Choice("Orders", "#", count=14),
            Choice("Properties", "#", count=9),
            Choice("Merge log", "#"),
        ],
    }


def keys() -> dict[str, Any]:
    """Keys: secret and publishable, one expired, one just made."""
    rows = [
        (
            "Shop backend",
            "gsk_live_9Tq…4f2a",
            "secret",
            "Events, orders",
            NOW - timedelta(minutes=2),
            "Active",
        ),
        (
            "Storefront",
            "gpk_live_b7X…e01c",
            "publishable",
            "Events",
            NOW - timedelta(seconds=20),
            "Active",
        ),
        (
            "Warehouse sync",
            "gsk_live_2Lm…77d9",
            "secret",
            "Orders",
            NOW - timedelta(days=3),
            "Ends Nov 27",
        ),
        ("Old importer", "gsk_live_x0A…c3b4", "secret", "Orders", None, "Revoked"),
    ]
    tones = {"Active": "success", "Revoked": "neutral"}
    return {
        "keys": [
            {
                "id": i,
                "name": n,
                "prefix": p,
                "kind": k,
                "scopes": s,
                "used": u,
                "state": st,
                "tone": tones.get(st, "warning"),
            }
            for i, (n, p, k, s, u, st) in enumerate(rows)
        ],
        "secret": "gsk_live_9TqWcY2r8mVnK4xJb6Hd0PzL5sAe1fGu4f2a",
        "curl": (
            "curl https://shop.example/api/events \\\n"
            '  -H "Authorization: Bearer $GROUNDSWELL_KEY" \\\n'
            '  -d \'{"events": [{"event": "Product Viewed", "distinct_id": "ada"}]}\''
        ),
    }


def audit() -> dict[str, Any]:
    """What members, keys and the system changed."""
    rows = [
        ("key.created", "Mira Okafor", "Key “Shop backend”", 2),
        ("member.role_changed", "Mira Okafor", "Jonas Brandt: analyst → editor", 50),
        ("person.merged", "Key “Shop backend”", "anonymous 19c0de → Ada Lindqvist", 140),
        ("settings.changed", "Jonas Brandt", "Currency: USD → EUR", 60 * 30),
        ("metrics.captured", "System", "Growth metrics of Nov 19, 2026", 60 * 14),
    ]
    return {
        "rows": [
            {"action": a, "actor": b, "object": c, "when": NOW - timedelta(minutes=m)}
            for a, b, c, m in rows
        ],
        "pager": Pager(next="#", note="5 of 1,204"),
    }


def jobs() -> dict[str, Any]:
    """Jobs that gave up."""
    rows = [
        (
            "Nightly reconciliation",
            "commerce.reconcile",
            5,
            "Store did not answer within 30 s",
            340,
        ),
        (
            "Import of orders-2025.csv",
            "commerce.import_orders",
            3,
            "Row 20,117: currency “EURO” is unknown",
            1200,
        ),
        ("Growth metrics of Nov 18", "growth.capture", 5, "Deadlock detected", 2900),
    ]
    return {
        "jobs": [
            {
                "id": i,
                "name": n,
                "task": t,
                "tries": a,
                "error": e,
                "when": NOW - timedelta(minutes=m),
            }
            for i, (n, t, a, e, m) in enumerate(rows)
        ]
    }


def forms() -> dict[str, Any]:
    """An invitation with two mistakes."""
    return {
        "errors": {"email": "Jonas is a member already.", "role": None},
        "roles": [
            ("admin", "Admin"),
            ("editor", "Editor"),
            ("analyst", "Analyst"),
            ("viewer", "Viewer"),
        ],
    }
