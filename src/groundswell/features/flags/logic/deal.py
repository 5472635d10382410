"""Dealing people to roll-outs and variants: `stats.bucketing`, prepared for speed.

``stats.bucketing`` compares floats; here the same comparisons are turned into limits on the
first bytes of the digest when a flag is loaded, so that a question costs one hash. The limits
are found by asking the very comparison, so both agree on every id (tests hold them together).
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from hashlib import sha256

from groundswell.stats.bucketing import Purpose, Weight
from groundswell.stats.posthog_bucketing import posthog_in_rollout, posthog_variant

Admits = Callable[[bytes], bool]
"""Whether an id, as :func:`unit_bytes`, is within a roll-out."""
Chooses = Callable[[bytes], int | None]
"""The place of an id's variant in the split; None if the split leaves it out."""

_STEPS = 1 << 53


def rollout(key: str, salt: str, percentage: float, hashing: str) -> Admits | None:
    """The test of a percentage (0 to 100) of everybody; None when it lets everybody in."""
    if percentage >= 100:
        return None
    if hashing == "posthog":
        return lambda unit: posthog_in_rollout(key, unit.decode(), percentage)
    share = percentage / 100
    limit = _bytes(_first(lambda bucket: not bucket < share))
    prefix = _prefix(Purpose.ROLLOUT, key, salt)
    return lambda unit: sha256(prefix + unit).digest() < limit


def split(key: str, salt: str, weights: Sequence[Weight], hashing: str) -> Chooses:
    """The choice among variants by weight, independent of the roll-out."""
    if hashing == "posthog":
        total = sum(item.weight for item in weights)
        scaled = [Weight(str(n), item.weight / total * 100) for n, item in enumerate(weights)]
        return lambda unit: _number(posthog_variant(key, unit.decode(), scaled))
    limits, last = _limits(weights)
    prefix = _prefix(Purpose.VARIANT, key, salt)

    def choose(unit: bytes) -> int:
        return min(bisect_right(limits, sha256(prefix + unit).digest()), last)

    return choose


def _limits(weights: Sequence[Weight]) -> tuple[list[bytes], int]:
    """Upper limits of the variants, and the last variant that has any weight."""
    total = sum(item.weight for item in weights)
    upper = 0.0
    limits = []
    for item in weights:
        upper += item.weight
        limits.append(_bytes(_first(_beyond(upper, total))))
    return limits, max(n for n, item in enumerate(weights) if item.weight > 0)


def _beyond(upper: float, total: float) -> Callable[[float], bool]:
    return lambda bucket: not bucket * total < upper


def _number(found: str | None) -> int | None:
    return None if found is None else int(found)


def _first(beyond: Callable[[float], bool]) -> int:
    """The smallest step whose bucket is beyond; the comparison is monotone, so halve."""
    low, high = 0, _STEPS
    while low < high:
        middle = (low + high) // 2
        if beyond(middle / _STEPS):
            high = middle
        else:
            low = middle + 1
    return low


def _bytes(step: int) -> bytes:
    # 2^53 steps are the digest's first 8 bytes without their last 11 bits. Nothing is beyond
    # the last step: 33 bytes of 0xff are more than any digest.
    return (step << 11).to_bytes(8, "big") if step < _STEPS else b"\xff" * 33


def _prefix(purpose: Purpose, key: str, salt: str) -> bytes:
    return unit_bytes(f"groundswell:1:{purpose.value}\0{salt}\0{key}\0")


def unit_bytes(text: str) -> bytes:
    """An id as it is hashed."""
    try:
        return text.encode()
    except UnicodeEncodeError:  # half surrogate pairs are U+FFFD, as in stats.bucketing
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
