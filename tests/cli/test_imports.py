"""``groundswell import`` as an operator runs it, with the engines of a running installation."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CDNOW = Path(__file__).parents[3] / "shared" / "data" / "cdnow_sample.txt"
COLUMNS = ["--format", "whitespace", "--columns", "-,customer,date,items,amount"]


@pytest.fixture
def command(settings, tenant, platform):
    """The command line of an import for the tenant."""

    def make(what, file, *options, of=tenant):
        place = ["--tenant", of.slug, "--home", str(settings.home)]
        return [sys.executable, "-m", "groundswell", "import", what, str(file), *place, *options]

    return make


@pytest.fixture
def run(command):
    def run(*arguments, ok=True, **options):
        done = subprocess.run(
            command(*arguments, **options), capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if ok else done.stderr

    return run


@pytest.fixture
def sums(platform, tenant):
    """Orders, customers, items, money and zeros in PostgreSQL and in the event store."""

    async def sums(of=tenant):
        async with platform.postgres.transaction(of.scope) as tx:
            here = await tx.rows(
                "select count(*), count(distinct person_key), sum(items)::bigint,"
                " sum(reporting_total)::bigint, count(*) filter (where total = 0)"
                " from orders where tenant_id = %s",
                (of.id,),
            )
        there = await platform.store.rows(
            of.scope,
            "select count(), uniqExact(person_key), sum(items), sum(reporting_total),"
            " countIf(total = 0) from orders final where tenant_id = {tenant:UUID}",
        )
        return here[0], there[0]

    return sums


@pytest.mark.skipif(not CDNOW.exists(), reason="the sample is not in this checkout")
async def test_cdnow_is_imported_to_the_cent_and_again_changes_nothing(run, sums):
    started = time.monotonic()
    output = run("orders", CDNOW, *COLUMNS)
    assert time.monotonic() - started < 30
    for figure in ("6,919", "2,357", "16,479", "244,091.94 USD"):
        assert figure in output
    expected = (6_919, 2_357, 16_479, 24_409_194, 8)
    assert await sums() == (expected, expected)
    again = run("orders", CDNOW, *COLUMNS)
    assert "Nothing was changed" in again
    assert await sums() == (expected, expected)


async def test_killed_in_the_middle_it_goes_on_where_it_was(
    command, run, sums, platform, tenant, tmp_path
):
    file = tmp_path / "orders.csv"
    lines = [f"c{n % 900},2026-01-{n % 28 + 1:02},{n}.{n % 100:02},1" for n in range(8_000)]
    lines[3] = "c3,not a day,1,1"
    lines[7_000] = "c3,2026-01-01,-1,1"
    file.write_text("customer,date,amount,items\n" + "\n".join(lines) + "\n")
    process = subprocess.Popen(
        command("orders", file), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while await _rows_done(platform, tenant) < 1_000 and time.monotonic() < deadline:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    cut = await _rows_done(platform, tenant)
    assert 1_000 <= cut < 8_000
    output = run("orders", file)
    assert "Went on after row" in output
    money = sum(n * 100 + n % 100 for n in range(8_000) if n not in (3, 7_000))
    expected = (7_998, 900, 7_998, money, 1)
    assert await sums() == (expected, expected)
    with file.with_name("orders.csv.errors.csv").open() as errors:
        assert [(row["line"], row["field"]) for row in csv.DictReader(errors)] == [
            ("5", "date"),
            ("7002", "amount"),
        ]


async def _rows_done(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        found = await tx.value(
            "select max(rows_done) from import_runs where tenant_id = %s", (tenant.id,)
        )
    return found or 0


async def test_the_same_ids_with_other_content_are_conflicts(run, sums, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("order_id,customer,date,amount\n1,ada,20260101,1.00\n2,bob,20260101,2.00\n")
    run("orders", file)
    file.write_text("order_id,customer,date,amount\n1,ada,20260101,1.00\n2,bob,20260101,2.50\n")
    output = run("orders", file)
    assert "in conflict     1" in output
    assert "the same again  1" in output
    assert "total 200 USD" in file.with_name("a.csv.errors.csv").read_text()
    assert (await sums())[0][3] == 300


async def test_a_dry_run_stores_nothing(run, sums, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("customer,date,amount\nada,20260101,1.00\n")
    assert "nothing was stored" in run("orders", file, "--dry-run")
    assert (await sums())[0][0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


async def test_dates_move_so_that_the_newest_is_today(run, platform, tenant, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("customer,date,amount\nada,19970101,1\nbob,19980630,1\n")
    run("orders", file, "--shift-to-today")
    async with platform.postgres.transaction(tenant.scope) as tx:
        days = await tx.value(
            "select array_agg((now() at time zone 'UTC')::date"
            " - (placed_at at time zone 'UTC')::date order by placed_at)"
            " from orders where tenant_id = %s",
            (tenant.id,),
        )
    assert days == [545, 0]
    assert "Nothing was changed" in run("orders", file, "--shift-to-today")


async def test_history_fires_no_signals(run, platform, tenant, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("customer,date,amount\nada,20260101,1\n")
    run("orders", file)
    async with platform.postgres.transaction(tenant.scope) as tx:
        told = await tx.values(
            "select name from signals where tenant_id = %s and name like 'order%%'", (tenant.id,)
        )
        actions = await tx.values(
            "select action from audit_log where tenant_id = %s and action like 'import%%'"
            " order by audit_id",
            (tenant.id,),
        )
    assert told == []
    assert actions == ["import.started", "import.finished"]


async def test_rates_from_a_file_count_waiting_orders(run, sums, tmp_path):
    orders, rates = tmp_path / "a.csv", tmp_path / "rates.csv"
    orders.write_text("customer,date,amount,currency\nada,20260105,10,EUR\n")
    assert "wait for an exchange rate" in run("orders", orders)
    rates.write_text("currency,day,rate\nEUR,2026-01-01,1.25\n")
    run("rates", rates)
    here, there = await sums()
    assert here[3] == there[3] == 1_250
    rates.write_text("currency,day,rate\nEUR,01.02.2026,1\nEUR,2026-01-01,x\n")
    said = run("rates", rates, ok=False)
    assert "line 2" in said
    assert "line 3" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--columns", "customer,day"], "day"),
        (["--columns", "customer,customer"], "twice"),
        (["--map", "amount"], "FIELD=COLUMN"),
        (["--currency", "EURO"], "ISO 4217"),
        (["--map", "amount=nothing"], "names these columns"),
    ],
)
async def test_wrong_options_are_said_in_a_line(run, tmp_path, options, said):
    file = tmp_path / "a.csv"
    file.write_text("customer,date,amount\nada,20260101,1\n")
    assert said in run("orders", file, *options, ok=False)
