"""Dealing at speed agrees with stats.bucketing on every id, and so with the shared vectors."""

import json
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given

from groundswell.features.flags.logic import deal
from groundswell.stats.bucketing import Weight, choose_variant, in_rollout
from groundswell.stats.posthog_bucketing import posthog_in_rollout, posthog_variant

GOLDEN = Path(__file__).parents[2] / "stats" / "golden" / "bucketing.json"
TEXT = st.text(max_size=40)
WEIGHTS = st.lists(st.floats(0, 1000), min_size=1, max_size=6).filter(lambda w: sum(w) > 0)


def weights_of(numbers: list[float]) -> list[Weight]:
    return [Weight(f"v{n}", number) for n, number in enumerate(numbers)]


@given(TEXT, TEXT, TEXT, st.floats(0, 99.999999))
def test_a_roll_out_admits_whom_bucketing_admits(key, salt, unit, percentage):
    admits = deal.rollout(key, salt, percentage, "groundswell")
    assert admits(unit.encode()) is in_rollout(key, unit, percentage / 100, salt)


@given(TEXT, TEXT, TEXT, WEIGHTS)
def test_a_split_chooses_what_bucketing_chooses(key, salt, unit, numbers):
    weights = weights_of(numbers)
    place = deal.split(key, salt, weights, "groundswell")(unit.encode())
    assert weights[place].variant == choose_variant(key, unit, weights, salt)


@given(TEXT, st.lists(st.floats(0, 100), min_size=2, max_size=6))
def test_a_growing_percentage_only_adds_people(unit, percentages):
    held = [
        (admits is None or admits(unit.encode()))
        for percentage in sorted(percentages)
        for admits in (deal.rollout("checkout", "", percentage, "groundswell"),)
    ]
    assert held == sorted(held)


def test_the_shared_vectors_hold():
    golden = json.loads(GOLDEN.read_text())
    for vector in golden["buckets"]:
        if vector["purpose"] != "rollout":
            continue
        point, unit = vector["bucket"], deal.unit_bytes(vector["unit_id"])
        above = deal.rollout(vector["key"], vector["salt"], point * 100 + 1e-9, "groundswell")
        below = deal.rollout(vector["key"], vector["salt"], point * 100 - 1e-9, "groundswell")
        assert above(unit), vector
        assert not below(unit), vector
    for vector in golden["variants"]:
        weights = [Weight(*each) for each in vector["weights"]]
        if vector["whole"] is not None or vector["variant"] is None:
            continue
        place = deal.split(vector["key"], vector["salt"], weights, "groundswell")(
            deal.unit_bytes(vector["unit_id"])
        )
        assert weights[place].variant == vector["variant"]


@given(TEXT, st.floats(0, 99), WEIGHTS)
def test_flags_moved_from_posthog_keep_its_hashing(unit, percentage, numbers):
    admits = deal.rollout("beta-feature", "", percentage, "posthog")
    assert admits(unit.encode()) is posthog_in_rollout("beta-feature", unit, percentage)
    weights = weights_of(numbers)
    total = sum(numbers)
    scaled = [Weight(each.variant, each.weight / total * 100) for each in weights]
    place = deal.split("beta-feature", "", weights, "posthog")(unit.encode())
    expected = posthog_variant("beta-feature", unit, scaled)
    assert (None if place is None else weights[place].variant) == expected


def test_roll_out_and_variant_are_independent():
    """Of the first tenth let in, each half of the split gets its half."""
    admits = deal.rollout("checkout", "", 10, "groundswell")
    choose = deal.split("checkout", "", weights_of([50, 50]), "groundswell")
    chosen = [choose(b"u%d" % n) for n in range(20_000) if admits(b"u%d" % n)]
    assert 1_850 < len(chosen) < 2_150
    assert abs(sum(chosen) / len(chosen) - 0.5) < 0.04
