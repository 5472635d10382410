"""Files of many forms become the same orders; every wrong row is named with its line."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from groundswell.core.clock import day_of
from groundswell.core.errors import InvalidError
from groundswell.features.commerce.logic.imports import files
from groundswell.features.commerce.logic.imports.rows import RowReader
from groundswell.features.commerce.logic.imports.run import scan
from groundswell.features.commerce.logic.imports.types import ImportOptions

ROWS = [("ada", "2026-01-02", "29.33", "2"), ("bob", "2026-01-03", "0", "1")]


def options(**changes):
    return ImportOptions(**({"currency": "USD", "timezone": "UTC"} | changes))


def read(path, chosen=None):
    """The file's orders and problems."""
    chosen = chosen or options()
    form = files.layout(path, chosen)
    reader = RowReader(form, chosen, files.digest(path))
    checked = [reader.check(row) for row in files.rows(form)]
    problems = [problem for each in checked for problem in each.problems]
    return [each.order for each in checked if each.order], problems


def facts(orders):
    return [(o.distinct_id, o.placed_at.date().isoformat(), o.total, o.items) for o in orders]


EXPECTED = [("ada", "2026-01-02", 2933, 2), ("bob", "2026-01-03", 0, 1)]


@pytest.fixture
def write(tmp_path):
    def write(text, name="orders.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_every_kind(write, mark, encoding, end):
    lines = [mark.join(row) for row in [("Customer ID", "Order Date", "Total", "Qty"), *ROWS]]
    orders, problems = read(write(end.join(lines) + end + end, encoding=encoding))
    assert facts(orders) == EXPECTED
    assert not problems


def test_quotes_newlines_and_latin_1(write):
    text = 'customer,date,amount,items\n"M\xfcller, ""J""\nx",20260102,"29.33",2\n'
    orders, _ = read(write(text, encoding="latin-1"))
    assert orders[0].distinct_id == 'M\xfcller, "J"\nx'


def test_a_comma_is_a_decimal_only_beside_semicolons(write):
    orders, _ = read(write("customer;date;amount\nada;20260102;29,33\n"))
    assert orders[0].total == 2933
    _, problems = read(write('customer,date,amount\nada,20260102,"29,33"\n'))
    assert problems[0].field == "amount"


@pytest.mark.parametrize("form", ["array", "lines", "pretty"])
def test_json_arrays_and_lines(write, form):
    names = ("user_id", "date", "total", "qty")
    records = [dict(zip(names, row, strict=True)) for row in ROWS]
    records[0]["total"] = 29.33
    text = {
        "array": json.dumps(records),
        "lines": "\n".join(map(json.dumps, records)),
        "pretty": json.dumps(records, indent=2),
    }[form]
    orders, problems = read(write(text, "orders.json"))
    assert facts(orders) == EXPECTED
    assert not problems


def test_large_json_is_read_in_parts(write):
    records = [
        {"customer": f"c{n}", "date": "20260101", "amount": n, "pad": "é" * 300}
        for n in range(9_000)
    ]
    orders, _ = read(write(json.dumps(records, ensure_ascii=False), "orders.json"))
    assert sum(order.total for order in orders) == 100 * sum(range(9_000))


def test_columns_without_a_header_and_mapped_names(write):
    chosen = options(columns=("-", "customer", "date", "items", "amount"))
    orders, _ = read(write(" 1 ada 20260102 2 29.33\n\n 2 bob 20260103 1 0\n", "x.txt"), chosen)
    assert facts(orders) == EXPECTED
    mapped = options(mapping={"customer": "Kunde", "amount": "Summe", "date": "Tag"})
    orders, _ = read(write("Kunde,Summe,Tag\nada,29.33,2026-01-02\n"), mapped)
    assert orders[0].total == 2933


def test_nested_json_by_path(write):
    record = {"who": {"id": 7}, "when": "2026-01-02T03:04:05+02:00", "sum": "1.5"}
    chosen = options(mapping={"customer": "who.id", "date": "when", "amount": "sum"})
    orders, _ = read(write(json.dumps(record), "x.jsonl"), chosen)
    assert orders[0].distinct_id == "7"
    assert orders[0].placed_at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)


def test_every_wrong_field_of_every_row_is_named_with_its_line(write):
    text = (
        "customer,date,amount,items,currency\n"
        ",20261301,x,-1,EURO\n"
        "ada,20260101,1.005,1,USD\n"
        "bob,20260101,-1,1,\n"
    )
    orders, problems = read(write(text))
    assert orders == []
    assert [(p.line, p.field) for p in problems] == [
        (2, "customer"),
        (2, "currency"),
        (2, "amount"),
        (2, "items"),
        (2, "date"),
        (3, "amount"),
        (4, "amount"),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "   \n", "a,b,c\n1,2,3\n", "[{]", '{"customer": "a"', "customer,date\n" + "x" * 200_000],
)
def test_a_file_that_is_no_such_file_is_refused_in_words(write, text):
    with pytest.raises(InvalidError) as raised:
        read(write(text))
    assert raised.value.detail


def test_noise_never_breaks_the_reader(write):
    chance = random.Random(7)
    for _ in range(200):
        noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 400)))
        for name, head in (("x.csv", b"customer,date,amount\n"), ("x.json", b""), ("x.txt", b"")):
            try:
                read(
                    write(head + noise, name),
                    options(columns=() if head else ("customer", "date", "amount")),
                )
            except InvalidError:
                continue


@pytest.mark.parametrize(
    "zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati", "America/Sao_Paulo"]
)
def test_a_day_in_the_file_is_that_day_of_the_tenant(write, zone):
    days = [datetime(2018, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    text = "customer,date,amount\n" + "".join(f"a,{day:%Y%m%d},1\n" for day in days)
    orders, problems = read(write(text), options(timezone=zone))
    assert not problems
    assert [day_of(o.placed_at, zone) for o in orders] == [day.date() for day in days]


def test_control_totals_come_from_the_file_alone(write):
    text = (
        "customer,date,amount,items,currency\n"
        "ada,20260101,1.50,2,USD\n"
        "ada,20260102,3,1,JPY\n"
        "bob,x,1,1,USD\n"
    )
    control = scan(write(text), options(), lambda *_: None).control
    assert (control.rows, control.refused, control.customers, control.items) == (3, 1, 1, 3)
    assert control.money == {"USD": 150, "JPY": 3}


def test_equal_rows_are_different_purchases(write):
    orders, _ = read(write("customer,date,amount\n" + "ada,20260101,1\n" * 3))
    assert len({order.order_id for order in orders}) == 3
