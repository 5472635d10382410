"""The audit chain: whatever is done to an export, the verifier says so and says where."""

import json
import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.audit.chain import FORMAT, START, Sealer, canonical
from groundswell.core.audit.verify import verify_lines
from groundswell.core.encryption import Encryption

TENANT = UUID("0192f0c1-2345-7abc-8def-0123456789ab")
SEALER = Sealer(Encryption("q" * 43 + "="), TENANT)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
entries = st.lists(
    st.fixed_dictionaries({"action": st.text(max_size=6), "detail": values}), max_size=8
).map(lambda rows: [{**row, "audit_id": str(number)} for number, row in enumerate(rows, 1)])


def export(rows: list[dict]) -> list[str]:
    seals = SEALER.seal(rows, 0, START)
    sequence, chain_hash = (seals[-1].sequence, seals[-1].chain_hash) if seals else (0, START)
    head = {
        "kind": "head", "format": FORMAT, "tenant_id": str(TENANT),
        "public_key": SEALER.public_key.hex(),
    }  # fmt: skip
    body = [
        {
            "kind": "row", "sequence": seal.sequence, "row": row, "row_hash": seal.row_hash.hex(),
            "chain_hash": seal.chain_hash.hex(), "signature": seal.signature.hex(),
        }
        for row, seal in zip(rows, seals, strict=True)
    ]  # fmt: skip
    end = {
        "kind": "end", "sequence": sequence, "chain_hash": chain_hash.hex(), "exported_at": "now",
        "signature": SEALER.sign_end(sequence, chain_hash, "now").hex(),
    }  # fmt: skip
    return [json.dumps(line) for line in (head, *body, end)]


def kinds(lines: list[str]) -> set[tuple[str, int]]:
    return {(found.kind, found.sequence) for found in verify_lines(lines).findings}


@given(entries)
def test_an_untouched_export_is_intact(rows):
    report = verify_lines(export(rows))
    assert report.is_intact
    assert report.rows == len(rows)


@given(entries.filter(bool), st.data())
def test_a_changed_row_is_named(rows, data):
    lines = export(rows)
    place = data.draw(st.integers(1, len(rows)))
    line = json.loads(lines[place])
    line["row"]["action"] += "x"
    lines[place] = json.dumps(line)
    assert kinds(lines) == {("changed", place)}


@given(entries.filter(bool), st.data())
def test_a_removed_row_is_named(rows, data):
    lines = export(rows)
    place = data.draw(st.integers(1, len(rows)))
    del lines[place]
    assert kinds(lines) == {("removed", place)}


@given(entries.filter(lambda rows: len(rows) > 1), st.data())
def test_a_reordered_row_is_named(rows, data):
    lines = export(rows)
    first = data.draw(st.integers(1, len(rows) - 1))
    second = data.draw(st.integers(first + 1, len(rows)))
    lines[first], lines[second] = lines[second], lines[first]
    assert ("reordered", first) in kinds(lines)
    assert {kind for kind, _ in kinds(lines)} == {"reordered"}


@given(entries.filter(bool), st.data())
def test_an_inserted_row_is_named(rows, data):
    lines = export(rows)
    place = data.draw(st.integers(1, len(rows)))
    # Sealed by somebody else, and an honest row a second time.
    other = Sealer(Encryption("r" * 43 + "="), TENANT)
    forged = json.loads(lines[place])
    forged["signature"] = other.seal([forged["row"]], place - 1, START)[0].signature.hex()
    assert ("inserted", place) in kinds(
        [*lines[: place + 1], json.dumps(forged), *lines[place + 1 :]]
    )
    twice = [*lines[: place + 1], lines[place], *lines[place + 1 :]]
    assert ("inserted", place) in kinds(twice)


@given(entries.filter(bool), st.integers(1, 8))
def test_a_cut_tail_is_noticed(rows, cut):
    lines = export(rows)
    assert kinds(lines[: -min(cut, len(lines) - 1)]) != set()
    without = [*lines[: -1 - min(cut, len(rows))], lines[-1]]
    assert {kind for kind, _ in kinds(without)} == {"removed"}


@given(entries, st.randoms(use_true_random=False), st.data())
def test_no_damage_goes_unseen_and_none_stops_the_verifier(rows, rng: random.Random, data):
    """Any byte of the file changed to another: a finding, never an exception."""
    lines = export(rows)
    place = rng.randrange(len(lines))
    spot = rng.randrange(len(lines[place]))
    letter = data.draw(st.sampled_from('0123456789abcdef{}[]",:nx'))
    damaged = [*lines]
    damaged[place] = lines[place][:spot] + letter + lines[place][spot + 1 :]
    report = verify_lines(damaged)
    assert report.is_intact is _same(lines, damaged)


_UNSIGNED = {"tenant", "exported_at"}


def _same(lines: list[str], damaged: list[str]) -> bool:
    """Whether the damage left the meaning: names in the head that nobody checks."""
    try:
        return all(_told(a) == _told(b) for a, b in zip(lines, damaged, strict=True))
    except (ValueError, AttributeError, KeyError):
        return False


def _told(line: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(line)
    # The end's own time is under its signature.
    return {k: v for k, v in told.items() if told["kind"] != "head" or k not in _UNSIGNED}


def test_a_rewritten_file_is_refused_when_the_key_is_pinned():
    assert verify_lines(export([{"audit_id": "1"}]), SEALER.public_key).is_intact
    assert not verify_lines(export([{"audit_id": "1"}]), bytes(32)).is_intact


def test_the_canonical_form_does_not_depend_on_the_order_of_keys():
    assert (
        canonical({"b": 1, "a": {"d": "ä", "c": None}}) == '{"a":{"c":null,"d":"ä"},"b":1}'.encode()
    )


@pytest.mark.parametrize("lines", [[], [""], ["[]"], ["{}"], ['{"kind":"head"}'], ["\x00"]])
def test_what_is_no_export_is_a_finding(lines):
    assert not verify_lines(lines).is_intact
