"""How often passwords may be tried, counted over all processes in the cache.

Three counts: per network address; per address and account, which stops a guesser early; per
account, wide enough that a stranger can't lock its owner out by typing wrong passwords.
While the cache is away each process counts for itself: never is nothing counted.
"""

from hashlib import sha256
from ipaddress import IPv4Address, ip_address, ip_network
from math import ceil
from uuid import UUID

import msgspec

from groundswell.core.errors import RateLimitedError
from groundswell.core.http.limits import hit
from groundswell.core.platform import Platform

PER_ADDRESS = (30, 300)
PER_PAIR = (10, 300)
PER_ACCOUNT = (100, 3_600)
SIGN_UPS = (10, 3_600)
RESETS_PER_PAIR = (5, 3_600)
RESETS_PER_ACCOUNT = (20, 3_600)
INVITATIONS = (100, 3_600)
"""(attempts, seconds)"""


class Attempt(msgspec.Struct, frozen=True):
    """Where an attempt comes from, and the session cookie it came with."""

    address: str
    user_agent: str = ""
    presented: str = ""


async def throttle_sign_in(platform: Platform, attempt: Attempt, email: str) -> None:
    """Count an attempt on an account.

    Raises:
        RateLimitedError: too many; ``Retry-After`` says when to come back.
    """
    network = network_of(attempt.address)
    await _count(platform, f"sign-in:from:{network}", PER_ADDRESS)
    await _count(platform, f"sign-in:pair:{network}:{_digest(email)}", PER_PAIR)
    await _count(platform, f"sign-in:account:{_digest(email)}", PER_ACCOUNT)


async def throttle_sign_up(platform: Platform, attempt: Attempt) -> None:
    """Count a sign-up; the same errors as :func:`throttle_sign_in`."""
    await _count(platform, f"sign-up:from:{network_of(attempt.address)}", SIGN_UPS)


def network_of(address: str) -> str:
    """What is counted as one sender: an IPv6 host has 2**64 addresses to choose from."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))


async def throttle_reset(platform: Platform, attempt: Attempt, email: str) -> None:
    """Count a request for a reset link; the same errors as :func:`throttle_sign_in`.

    Wide per account, so that a stranger can't keep its owner from getting one.
    """
    await _count(platform, f"reset:from:{attempt.address}", PER_ADDRESS)
    await _count(platform, f"reset:pair:{attempt.address}:{_digest(email)}", RESETS_PER_PAIR)
    await _count(platform, f"reset:account:{_digest(email)}", RESETS_PER_ACCOUNT)


async def throttle_invitation(platform: Platform, tenant_id: UUID) -> None:
    """Count an invitation: a tenant is no way to send mail to the world. Errors as above."""
    await _count(platform, f"{tenant_id}:invitations", INVITATIONS)


def _digest(email: str) -> str:
    return sha256(email.encode()).hexdigest()[:32]  # no addresses in the cache


async def _count(platform: Platform, name: str, rule: tuple[int, int]) -> None:
    limit, period = rule
    standing = await hit(platform.cache, name, limit, period)
    if not standing.allowed:
        raise RateLimitedError(
            "Too many attempts. Please wait before you try again.",
            headers={"Retry-After": str(max(1, ceil(standing.retry_after)))},
        )
