"""Bucketing: the same in every language, uniform, independent, stable under ramps."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.stats.bucketing import (
    LayerRange,
    Purpose,
    Weight,
    bucket,
    choose_variant,
    in_holdout,
    in_layer,
    in_rollout,
)
from groundswell.stats.distributions import chi_square_sf
from groundswell.stats.posthog_bucketing import (
    posthog_hash,
    posthog_in_holdout,
    posthog_in_rollout,
    posthog_variant,
)

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "bucketing.json").read_text()
)
IDS = [f"user_{i}" for i in range(20_000)]
HALVES = [Weight("control", 50), Weight("test", 50)]


def chi_square_p(counts: np.ndarray[Any, Any], expected: float) -> float:
    """p-value that the counts come from equal cells."""
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return chi_square_sf(statistic, counts.size - 1)


def test_vectors_made_in_javascript_agree() -> None:
    """Every bit of every bucket, also of emoji, long and broken ids."""
    for case in GOLDEN["buckets"]:
        ours = bucket(Purpose(case["purpose"]), case["key"], case["unit_id"], case["salt"])
        assert ours == case["bucket"], case
    for case in GOLDEN["variants"]:
        weights = [Weight(*item) for item in case["weights"]]
        variant = choose_variant(case["key"], case["unit_id"], weights, case["salt"], case["whole"])
        assert variant == case["variant"], case


@pytest.mark.parametrize(
    ("prefix", "unit_id", "salt", "expected"),
    [
        ("simple-flag.", "distinct_id_0", "", 0.7836963764220432),
        ("simple-flag.", "distinct_id_1", "", 0.3397069926995401),
        ("beta-feature.", "user_123", "", 0.40880513830921805),
        ("beta-feature.", "user_123", "variant", 0.19410592178089206),
        ("multivariate-flag.", "distinct_id_0", "variant", 0.6186454537930379),
    ],
)
def test_posthog_hashes_are_the_published_ones(
    prefix: str, unit_id: str, salt: str, expected: float
) -> None:
    """To the last digit."""
    assert posthog_hash(prefix, unit_id, salt) == expected


def test_posthog_decisions_are_those_of_its_own_package() -> None:
    """Roll-out, variant and holdout of a thousand ids, against the unmodified client's code."""
    from posthog import feature_flags

    split = [Weight("control", 40), Weight("a", 35), Weight("b", 15)]
    variants = [{"key": w.variant, "rollout_percentage": w.weight} for w in split]
    flag = {"key": "beta-feature", "filters": {"multivariate": {"variants": variants}}}
    for unit_id in IDS[:1000]:
        ours = posthog_variant("beta-feature", unit_id, split)
        assert ours == feature_flags.get_matching_variant(flag, unit_id)
        assert posthog_in_rollout("beta-feature", unit_id, 37.5) == (
            feature_flags._hash("beta-feature", unit_id) <= 0.375
        )
        assert posthog_in_holdout(unit_id, 10) == (feature_flags._holdout_hash(unit_id) <= 0.1)
    assert posthog_in_rollout("beta-feature", "anyone", 100)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("key", ["checkout", "a", "price test 7"])
def test_buckets_are_uniform(purpose: Purpose, key: str) -> None:
    """Chi-square over 100 cells of 20,000 similar ids."""
    places = [bucket(purpose, key, unit_id) for unit_id in IDS]
    counts = np.histogram(places, bins=100, range=(0, 1))[0]
    assert chi_square_p(counts, len(IDS) / 100) > 1e-4


def test_purposes_keys_and_salts_are_independent() -> None:
    """Chi-square over 10 by 10 cells of every pair: a roll-out never skews a variant."""
    streams = [
        [bucket(purpose, key, unit_id, salt) for unit_id in IDS]
        for purpose, key, salt in [
            *((purpose, "checkout", "") for purpose in Purpose),
            (Purpose.VARIANT, "checkout", "s1"),
            (Purpose.VARIANT, "checkout2", ""),
        ]
    ]
    for first, second in combinations(streams, 2):
        counts = np.histogram2d(first, second, bins=10, range=[[0, 1], [0, 1]])[0]
        assert chi_square_p(counts, len(IDS) / 100) > 1e-4


def test_variants_are_balanced_inside_a_small_rollout() -> None:
    """The trap of one hash for both: here 50/50 holds within 5 % of the people."""
    inside = [i for i in IDS if in_rollout("checkout", i, 0.05)]
    control = sum(choose_variant("checkout", i, HALVES) == "control" for i in inside)
    counts = np.array([control, len(inside) - control])
    assert chi_square_p(counts, len(inside) / 2) > 1e-3


@given(st.text(), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_ramp_only_adds_people(key: str, unit_id: str, one: float, other: float) -> None:
    """Whoever is in at 10 % is in at 50 %; nobody at 0, everybody at 1."""
    low, high = sorted((one, other))
    assert in_rollout(key, unit_id, low) <= in_rollout(key, unit_id, high)
    assert not in_rollout(key, unit_id, 0)
    assert in_rollout(key, unit_id, 1)


@given(st.text(), st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
def test_everyone_gets_a_variant_of_positive_weight(unit_id: str, weights: list[float]) -> None:
    """Unless a whole says that some are left out."""
    split = [Weight(f"v{i}", weight) for i, weight in enumerate(weights)]
    chosen = choose_variant("key", unit_id, split)
    positive = {item.variant for item in split if item.weight > 0}
    assert chosen in positive if positive else chosen is None


def test_weights_short_of_the_whole_leave_people_without_a_variant() -> None:
    """Half of the people with 25 + 25 of 100."""
    split = [Weight("a", 25), Weight("b", 25)]
    chosen = [choose_variant("k", unit_id, split, whole=100) for unit_id in IDS]
    counts = np.array([chosen.count("a"), chosen.count("b")])
    assert chi_square_p(counts, counts.sum() / 2) > 1e-3
    assert chosen.count(None) / len(IDS) == pytest.approx(0.5, abs=0.015)


def test_experiments_of_one_layer_never_share_a_person() -> None:
    """Disjoint ranges exclude each other and cover what they say."""
    first, second = [LayerRange(0, 0.3)], [LayerRange(0.3, 0.5), LayerRange(0.9, 1)]
    one = {i for i in IDS if in_layer("pricing", i, first)}
    two = {i for i in IDS if in_layer("pricing", i, second)}
    assert not one & two
    assert len(one) / len(IDS) == pytest.approx(0.3, abs=0.015)
    assert len(two) / len(IDS) == pytest.approx(0.3, abs=0.015)


def test_holdouts_take_their_share() -> None:
    """Five percent, the same ones each time."""
    held = [i for i in IDS if in_holdout("q3", i, 0.05)]
    assert len(held) / len(IDS) == pytest.approx(0.05, abs=0.006)
    assert held == [i for i in IDS if in_holdout("q3", i, 0.05)]


def test_bucketing_imports_neither_numpy_nor_scipy() -> None:
    """It runs in flag evaluation and in the command line, where start-up counts."""
    code = (
        "import sys, groundswell.stats.bucketing, groundswell.stats.posthog_bucketing;"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
