"""Whatever is sent, capture answers with a reason and keeps exactly what it says it kept."""

import gzip
import json

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundswell.core.errors import ProblemError
from groundswell.features.events.logic.batch import Item
from groundswell.features.events.logic.bodies import read_body, unpack_body
from groundswell.features.events.logic.checks import check
from groundswell.features.events.logic.lines import lines_of
from groundswell.features.events.logic.properties import Refused
from groundswell.features.events.types import Chunk, LoggedEvent

NOW = 1_795_000_000_000
LIMIT = 1_000_000

texts = st.text(st.characters(codec=None), max_size=20)
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, 1e308])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
odd = st.one_of(values, st.sampled_from(["$identify", "$create_alias", "alias", "$set"]))
properties = st.dictionaries(
    st.one_of(
        texts, st.sampled_from(["$set", "$set_once", "$unset", "$anon_distinct_id", "alias"])
    ),
    values,
    max_size=5,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "event": st.one_of(st.just("Page Viewed"), odd),
        "distinct_id": st.one_of(st.just("u1"), odd),
        "timestamp": st.one_of(st.just("2026-01-01"), odd),
        "uuid": st.one_of(st.uuids().map(str), odd),
        "properties": st.one_of(properties, odd),
        "$set": odd,
        "$unset": odd,
    },
)
bodies = st.one_of(
    st.fixed_dictionaries(
        {"events": st.lists(st.one_of(events, events, odd), max_size=5)},
        optional={"sent_at": odd, "api_key": odd, "historical_migration": odd, "batch": odd},
    ),
    st.lists(events, max_size=3),
    events,
    values,
)


def taken(raw: bytes) -> tuple[list[LoggedEvent], list[Refused]]:
    """What capture would log, and what it would refuse."""
    kept, refused = [], []
    for sent in read_body(unpack_body(raw, "", LIMIT)).events:
        try:
            if isinstance(sent, Refused):
                raise sent
            kept.append(check(sent, NOW, 0))
        except Refused as why:
            refused.append(why)
    return kept, refused


def check_problem(problem: ProblemError) -> None:
    """Never our fault, and said in words."""
    assert 400 <= problem.status < 500
    assert problem.detail


def check_kept(kept: list[LoggedEvent]) -> None:
    """Each kept event is one line of strict JSON with nothing in it that an engine refuses."""
    chunk = Chunk(bytes(16), "k", True, "api", NOW, False, kept)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(chunk), type=Chunk)
    assert again == chunk
    items = [Item(i, chunk, e, e.event_id, e.event_id) for i, e in enumerate(kept)]
    lines = lines_of(items).split(b"\n") if items else []
    assert len(lines) == len(kept)
    for line, event in zip(lines, kept, strict=True):
        row = json.loads(line, parse_constant=lambda name: 1 / 0)
        assert row["event"] == event.event
        assert row["distinct_id"] == event.distinct_id
        assert isinstance(row["properties"], dict)
        text = json.dumps(row)
        assert "\\u0000" not in text or "\\\\u0000" in text
        row["event"].encode()
        assert 1 <= len(event.distinct_id) <= 400


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bodies)
def test_any_json_is_taken_or_refused_with_a_reason(body) -> None:
    raw = json.dumps(body).encode()
    try:
        kept, refused = taken(raw)
    except ProblemError as problem:
        check_problem(problem)
        return
    check_kept(kept)
    if isinstance(body, dict) and isinstance(body.get("events"), list):
        assert len(kept) + len(refused) == len(body["events"])


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate", "zstd", "br", "x,y"]))
def test_any_bytes_are_taken_or_refused_with_a_reason(raw, encoding) -> None:
    for sent in (raw, gzip.compress(raw), b"data=" + raw, b'{"events":[' + raw + b"]}"):
        try:
            read_body(unpack_body(sent, encoding, LIMIT))
        except ProblemError as problem:
            check_problem(problem)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(texts, st.integers(-9, 9), min_size=1, max_size=4), st.data())
def test_a_repeated_key_is_always_found(found, data) -> None:
    """However the object is spaced, short of white space before a colon."""
    pairs = list(found.items())
    pairs.insert(
        data.draw(st.integers(0, len(pairs))), (data.draw(st.sampled_from(list(found))), 1)
    )
    gap = data.draw(st.sampled_from(["", " ", "\n"]))
    inner = f",{gap}".join(f"{json.dumps(k)}:{gap}{v}" for k, v in pairs)
    raw = '{"events":[{"event":"a","distinct_id":"b","properties":{' + inner + "}}]}"
    try:
        kept, refused = taken(raw.encode())
    except ProblemError:
        raise AssertionError("the body itself is fine") from None
    assert not kept
    assert len(refused) == 1
