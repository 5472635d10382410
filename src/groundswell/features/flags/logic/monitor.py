"""Who saw two variants of one flag: each is a person whose experience changed under them."""

import msgspec

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic.change import get
from groundswell.features.flags.store import exposures
from groundswell.features.flags.store.exposures import Conflicted


class Monitor(msgspec.Struct, frozen=True):
    """People of the last 30 days: who saw the flag, who saw several variants, and some of them."""

    exposed: int
    several: int
    people: list[Conflicted]


async def monitor(platform: Platform, scope: Scope, key: str, limit: int = 50) -> Monitor:
    """Exposures are ``$feature_flag_called`` events, as the SDKs send them.

    Raises:
        NotFoundError: there is no such flag.
        UnavailableError: the event store is away.
    """
    await get(platform, scope, key)
    exposed, several = await exposures.counts(platform.store, scope, key)
    people = await exposures.conflicted(platform.store, scope, key, limit) if several else []
    return Monitor(exposed, several, people)
