"""Which side of a split an id falls on: the same answer in every language, for ever.

The scheme, version 1 (tests/stats/golden/bucketing.json holds vectors for other languages):

    digest = SHA-256(UTF-8("groundswell:1:" + purpose + NUL + salt + NUL + key + NUL + id))
    unit   = (first 8 bytes, big-endian, without their last 11 bits) / 2^53

53 bits are what a double holds exactly, so ``unit`` is in [0, 1), never 1, and equal in Python
and JavaScript. The purpose is part of the text, so roll-out, variant, holdout and layer are
independent of each other: a correlated roll-out and variant hash gives skewed variants. The
salt belongs to a flag or experiment; a new salt deals everybody anew.

Ids are the bucketing unit's: a person's FIRST distinct id (carried by the SDKs, so that a
log-in changes nothing), a device, or a group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256


class Purpose(StrEnum):
    """What a hash decides; each purpose is independent of the others."""

    ROLLOUT = "rollout"
    VARIANT = "variant"
    HOLDOUT = "holdout"
    LAYER = "layer"


def bucket(purpose: Purpose, key: str, unit_id: str, salt: str = "") -> float:
    """Uniform number in [0, 1) of an id for a key and purpose."""
    text = f"groundswell:1:{purpose.value}\0{salt}\0{key}\0{unit_id}"
    return (int.from_bytes(sha256(_utf8(text)).digest()[:8], "big") >> 11) / 2**53


def _utf8(text: str) -> bytes:
    """UTF-8, with half surrogate pairs as U+FFFD, as browsers encode them."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def in_rollout(key: str, unit_id: str, share: float, salt: str = "") -> bool:
    """Whether an id is in the first ``share`` (0 to 1) of a roll-out.

    Raising the share keeps everyone who was in; 1 includes everybody, 0 nobody.
    """
    return bucket(Purpose.ROLLOUT, key, unit_id, salt) < share


@dataclass(frozen=True, slots=True)
class Weight:
    """A variant and its weight, on the scale of the other weights."""

    variant: str
    weight: float


def choose_variant(
    key: str, unit_id: str, weights: Sequence[Weight], salt: str = "", whole: float | None = None
) -> str | None:
    """The variant of an id: the first whose cumulative weight exceeds its bucket.

    ``whole`` is the weight of everybody (100 for percentages); what the weights leave of it
    gets ``None``. By default it is the sum of the weights, so that everyone has a variant.
    The order of the variants counts: keep it, and change weights at a ramp only together with
    a new salt, or people move between variants.
    """
    total = sum(item.weight for item in weights)
    point = bucket(Purpose.VARIANT, key, unit_id, salt) * (total if whole is None else whole)
    upper = 0.0
    for item in weights:
        upper += item.weight
        if point < upper:
            return item.variant
    # Rounding may leave the last hair of the scale uncovered; only a stated whole leaves people.
    chosen = [item.variant for item in weights if item.weight > 0]
    return chosen[-1] if chosen and whole is None else None


def in_holdout(holdout: str, unit_id: str, share: float, salt: str = "") -> bool:
    """Whether an id is held out of everything the holdout covers."""
    return bucket(Purpose.HOLDOUT, holdout, unit_id, salt) < share


@dataclass(frozen=True, slots=True)
class LayerRange:
    """A part [start, end) of a layer, 0 to 1, that one experiment owns."""

    start: float
    end: float


def in_layer(layer: str, unit_id: str, ranges: Sequence[LayerRange], salt: str = "") -> bool:
    """Whether an id's place in the layer belongs to the experiment that owns ``ranges``.

    Experiments with disjoint ranges of one layer never share a person.
    """
    place = bucket(Purpose.LAYER, layer, unit_id, salt)
    return any(part.start <= place < part.end for part in ranges)
