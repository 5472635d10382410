"""A newcomer's path through the running product, and numbers that agree wherever they are read."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clickhouse_connect
import httpx
import psycopg
import pytest
from tests.installation import Installation

CDNOW = Path(__file__).parents[2] / "shared" / "data" / "cdnow_sample.txt"
PASSWORD = "a long pass phrase"
ORDERS, CUSTOMERS, ITEMS, REVENUE = 6_919, 2_357, 16_479, 24_409_194


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running server with a shop, its path holding a space."""
    made = Installation(tmp_path_factory.mktemp("a home") / "home")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's history: the file of shared/data, else one of the same shape made here."""
    if CDNOW.exists():
        return CDNOW
    pytest.skip("shared/data/cdnow_sample.txt is not beside this checkout")


@pytest.fixture(scope="module")
def shop(installation: Installation, history: Path) -> dict[str, str]:
    """The keys of a tenant whose history is imported."""
    keys = installation.init("shop", "mira@example.com", PASSWORD)
    said = _import(installation, history)
    assert re.search(r"6,?919", said)
    assert "244,091.94" in said
    return keys


def _import(installation: Installation, history: Path) -> str:
    return installation.cli(
        "import", "orders", str(history), "--tenant", "shop", "--format", "whitespace",
        "--columns", "-,customer,date,items,amount", "--currency", "USD",
    )  # fmt: skip


def _api(installation: Installation, keys: dict[str, str]) -> httpx.Client:
    return httpx.Client(
        base_url=installation.url,
        headers={"Authorization": f"Bearer {keys['secret_key']}"},
        timeout=30,
    )


def test_a_real_shop_counts_the_same_everywhere(
    installation: Installation, shop: dict[str, str]
) -> None:
    """Import, API, page, PostgreSQL and event store say 6,919 orders and 244,091.94 USD."""
    span = {"from": "1997-01-01", "to": "1998-06-30"}
    with _api(installation, shop) as api:
        metrics = api.get("/api/growth/metrics", params=span).raise_for_status().json()
    assert metrics["currency"] == "USD"
    assert metrics["totals"]["orders"] == ORDERS
    assert metrics["totals"]["revenue"] == REVENUE
    assert metrics["totals"]["new_users"] == CUSTOMERS
    assert sum(day["revenue"] for day in metrics["days"]) == REVENUE

    endpoints = installation.published().endpoints
    tenant = shop["tenant_id"]
    with psycopg.connect(endpoints.database_system_url) as postgres:
        row = postgres.execute(
            "select count(*), count(distinct person_key), sum(items)::bigint, sum(total)::bigint,"
            " count(*) filter (where total = 0) from orders where tenant_id = %s",
            (tenant,),
        ).fetchone()
    assert row == (ORDERS, CUSTOMERS, ITEMS, REVENUE, 8)
    store = clickhouse_connect.get_client(dsn=endpoints.clickhouse_url)
    rows = store.query(
        "select countIf(kind = 'order'), uniqExact(person_key), sum(items), sum(total)"
        f" from orders final where tenant_id = '{tenant}'"
    ).result_rows
    assert rows == [(ORDERS, CUSTOMERS, ITEMS, REVENUE)]
    page = _signed_in(installation).get("/growth", params=span)
    assert page.status_code == 200
    assert "$244,091.94" in page.text


def test_the_same_import_again_changes_nothing(
    installation: Installation, shop: dict[str, str], history: Path
) -> None:
    """A second import of the same file finds every order there already."""
    _import(installation, history)
    endpoints = installation.published().endpoints
    with psycopg.connect(endpoints.database_system_url) as postgres:
        row = postgres.execute(
            "select count(*), sum(total)::bigint from orders where tenant_id = %s",
            (shop["tenant_id"],),
        ).fetchone()
    assert row == (ORDERS, REVENUE)
    store = clickhouse_connect.get_client(dsn=endpoints.clickhouse_url)
    counted = store.query(
        f"select count() from events where tenant_id = '{shop['tenant_id']}'"
        " and event = 'Order Completed'"
    ).result_rows
    assert counted == [(ORDERS,)]


def test_an_event_moves_the_dashboard(installation: Installation, shop: dict[str, str]) -> None:
    """What an SDK sends is on the growth API within seconds."""
    before = _today(installation, shop)["dau"]
    with _api(installation, shop) as api:
        answer = api.post(
            "/api/events", json={"events": [{"event": "Page Viewed", "distinct_id": "new-one"}]}
        )
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while _today(installation, shop)["dau"] != before + 1:
        assert datetime.now(UTC) < deadline, "the event did not arrive within 10 s"


def _today(installation: Installation, keys: dict[str, str]) -> dict[str, int]:
    with _api(installation, keys) as api:
        days: list[dict[str, int]] = api.get("/api/growth/metrics", params={"days": 7}).json()[
            "days"
        ]
    return days[-1]


def test_init_again_changes_nothing(installation: Installation, shop: dict[str, str]) -> None:
    """A second init of the same tenant makes no keys and no second owner."""
    again = installation.init("shop", "mira@example.com", PASSWORD)
    assert again["tenant_id"] == shop["tenant_id"]
    assert not again.get("secret_key")


def test_a_second_up_on_the_same_home_says_so(installation: Installation) -> None:
    """Two servers never share a home."""
    with pytest.raises(RuntimeError, match=r"(?i)already running"):
        installation.cli("up")


def test_doctor_finds_nothing_broken(installation: Installation) -> None:
    """Doctor reads the running installation and reports no error."""
    findings = json.loads(installation.cli("doctor", "--json"))["findings"]
    assert [f for f in findings if f["level"] == "error"] == []


def test_commands_work_with_the_server_stopped(
    installation: Installation, shop: dict[str, str]
) -> None:
    """Stop, import and init without a server, start again: all there."""
    installation.stop()
    other = installation.init("second", "mira@example.com", PASSWORD)
    assert other["secret_key"].startswith("gsk_")
    installation.start()
    with _api(installation, shop) as api:
        span = {"from": "1997-01-01", "to": "1998-06-30"}
        metrics = api.get("/api/growth/metrics", params=span).raise_for_status().json()
    assert metrics["totals"]["revenue"] == REVENUE


def _signed_in(installation: Installation) -> httpx.Client:
    browser = httpx.Client(base_url=installation.url, follow_redirects=True, timeout=30)
    form = browser.get("/sign-in").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', form)
    assert token
    answer = browser.post(
        "/sign-in",
        data={"email": "mira@example.com", "password": PASSWORD, "csrf_token": token[1]},
        headers={"Origin": installation.url},
    )
    assert answer.status_code == 200, answer.text[:500]
    return browser


def test_the_api_is_what_its_document_says(
    installation: Installation, shop: dict[str, str]
) -> None:
    """Generated requests for every documented operation: no 500, no undocumented answer."""
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "run",
            f"{installation.url}/api/openapi.json",
            "-H", f"Authorization: Bearer {shop['secret_key']}",
            "--checks", "not_a_server_error,status_code_conformance,content_type_conformance",
            "--max-examples", "10", "--phases", "fuzzing", "--seed", "1", "--no-color",
        ],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6_000:]
