"""PostHog's bucketing, bit for bit, for flags moved over from it and for its local evaluation.

SHA-1, first 15 hexadecimal digits over 0xFFFFFFFFFFFFFFF. The roll-out is in if the hash is at
most the share; variants are cumulative with ``<``; what the weights leave gets no variant.
Source: the ``posthog`` Python package, ``feature_flags``.
"""

from collections.abc import Sequence
from hashlib import sha1

from groundswell.stats.bucketing import Weight

_SCALE = float(0xFFFFFFFFFFFFFFF)


def posthog_hash(prefix: str, unit_id: str, salt: str = "") -> float:
    """Number in [0, 1] of ``prefix`` + id + salt; the prefix carries its own separator."""
    text = f"{prefix}{unit_id}{salt}".encode("utf-8", "replace")
    digest = sha1(text, usedforsecurity=False).hexdigest()
    return int(digest[:15], 16) / _SCALE


def posthog_in_rollout(key: str, unit_id: str, percentage: float) -> bool:
    """Whether an id is within the percentage (0 to 100); 100 includes everybody."""
    return percentage >= 100 or posthog_hash(f"{key}.", unit_id) <= percentage / 100


def posthog_variant(key: str, unit_id: str, percentages: Sequence[Weight]) -> str | None:
    """The variant whose cumulative percentage first exceeds the hash; None beyond the last."""
    place = posthog_hash(f"{key}.", unit_id, "variant")
    lower = 0.0
    for item in percentages:
        upper = lower + item.weight / 100
        if lower <= place < upper:
            return item.variant
        lower = upper
    return None


def posthog_in_holdout(unit_id: str, percentage: float) -> bool:
    """Whether an id is within PostHog's holdout share (0 to 100)."""
    return posthog_hash("holdout-", unit_id) <= percentage / 100
