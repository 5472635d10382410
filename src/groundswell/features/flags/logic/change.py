"""Changing a flag: one transaction writes the new version, its history, audit and signal.

Where an environment needs approval and the new version would act there, a proposal is kept
instead, and a second person publishes it. Switching a flag off never waits.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import ConflictError, FieldError, InvalidError, NotFoundError
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic import checks
from groundswell.features.flags.logic.announce import announce
from groundswell.features.flags.logic.diff import changes, is_kill, touched
from groundswell.features.flags.logic.environments import environments_in
from groundswell.features.flags.store import flags as store
from groundswell.features.flags.store import waiting
from groundswell.features.flags.types import Approval, Flag, FlagContent, Rules

MAX_FLAGS = 2_000
MAX_NOTE = 1_000


class Saved(msgspec.Struct, frozen=True):
    """The flag as it stands, and the proposal if the change waits for a second person."""

    flag: Flag
    approval: Approval | None = None


Edit = Callable[[Flag], FlagContent]
"""From what a flag is to what it shall be."""


async def create(
    platform: Platform, scope: Scope, key: str, content: FlagContent, note: str = ""
) -> Saved:
    """A new flag; where approval is needed it starts without rules, and they are proposed.

    Raises:
        InvalidError: names every wrong field.
        ConflictError: the key is taken, also by an archived flag.
    """
    async with platform.postgres.transaction(scope) as tx:
        await store.lock(tx)
        checks.refuse(checks.key_errors(key), _note_errors(note))
        if await store.find(tx, key) is not None:
            raise ConflictError(f"There is a flag {key} already, perhaps archived.")
        others = await _others(tx)
        if len(others) >= MAX_FLAGS:
            raise ConflictError(f"A workspace holds {MAX_FLAGS:,} flags. Archive some first.")
        await _check(tx, key, content, others)
        guarded = await _guarded(tx)
        rules = {n: r for n, r in content.environments.items() if n not in guarded or r == Rules()}
        first = msgspec.structs.replace(content, environments=rules)
        flag_id = new_id()
        await store.insert(tx, flag_id, key, first)
        await store.insert_version(tx, flag_id, 1, first, note)
        await audit(tx, "flag.created", "flag", key, {"kind": content.kind})
        await emit(tx, "flag.created", {"key": key, "version": 1})
        saved = Saved(await get_in(tx, key))
        if first != content:
            saved = Saved(saved.flag, await _propose(tx, saved.flag, content, note))
    await announce(platform)
    return saved


async def change(
    platform: Platform,
    scope: Scope,
    key: str,
    edit: Edit,
    *,
    action: str = "flag.changed",
    note: str = "",
    version: int | None = None,
) -> Saved:
    """Another version of a flag; one that changes nothing is not kept.

    Raises:
        NotFoundError: there is no such flag.
        ConflictError: ``version`` is given and somebody changed the flag since.
        InvalidError: names every wrong field.
    """
    async with platform.postgres.transaction(scope) as tx:
        await store.lock(tx)
        saved = await change_in(tx, key, edit, action=action, note=note, version=version)
    await announce(platform)
    return saved


async def change_in(
    tx: ScopedTransaction,
    key: str,
    edit: Edit,
    *,
    action: str,
    note: str = "",
    version: int | None = None,
) -> Saved:
    """The same in the caller's transaction, which holds the lock."""
    checks.refuse(_note_errors(note))
    flag = await get_in(tx, key)
    if version is not None and version != flag.version:
        text = f"The flag was changed meanwhile: it is at version {flag.version}, not {version}."
        raise ConflictError(text, version=flag.version)
    content = edit(flag)
    if content == flag.content():
        return Saved(flag)
    others = await _others(tx)
    await _check(tx, key, content, others)
    _check_needed(flag, content, others)
    guarded = await _guarded(tx)
    before = flag.content()
    waits = {e for e in touched(before, content) & guarded if not is_kill(before, content, e)}
    if waits:
        return Saved(flag, await _propose(tx, flag, content, note))
    return Saved(await publish(tx, flag, content, action, note))


async def publish(
    tx: ScopedTransaction, flag: Flag, content: FlagContent, action: str, note: str
) -> Flag:
    """Write a checked version, whoever had to agree."""
    number = flag.version + 1
    found = changes(flag.content(), content)
    await store.update(tx, flag.flag_id, number, content)
    await store.insert_version(tx, flag.flag_id, number, content, note)
    # Values may name people (overrides), so the audit log has the paths and history the values.
    detail: dict[str, Any] = {"version": number, "changed": [each.path for each in found][:50]}
    await audit(tx, action, "flag", flag.key, detail)
    where = sorted(touched(flag.content(), content))
    told = {"key": flag.key, "version": number, "action": action, "environments": where}
    await emit(tx, "flag.changed", told)
    return await get_in(tx, flag.key)


async def get(platform: Platform, scope: Scope, key: str) -> Flag:
    """One flag, archived or not.

    Raises:
        NotFoundError: there is none with this key.
    """
    async with platform.postgres.transaction(scope) as tx:
        return await get_in(tx, key)


async def get_in(tx: ScopedTransaction, key: str) -> Flag:
    """The same in the caller's transaction."""
    flag = await store.find(tx, key) if checks.KEY.fullmatch(key) else None
    if flag is None:
        raise NotFoundError("There is no such flag.")
    return flag


async def _propose(tx: ScopedTransaction, flag: Flag, content: FlagContent, note: str) -> Approval:
    approval_id = new_id()
    await waiting.insert_approval(tx, approval_id, flag.flag_id, flag.version, content, note)
    detail = {"approval_id": str(approval_id), "base": flag.version}
    await audit(tx, "flag.proposed", "flag", flag.key, detail)
    await emit(tx, "flag.proposed", {"key": flag.key, **detail})
    found = await waiting.approval_for_update(tx, approval_id)
    assert found is not None
    return found


async def _others(tx: ScopedTransaction) -> dict[str, Flag]:
    return {flag.key: flag for flag in await store.all_flags(tx)}


async def _check(
    tx: ScopedTransaction, key: str, content: FlagContent, others: dict[str, Flag]
) -> None:
    names = [each.environment for each in await environments_in(tx)]
    checks.refuse(checks.content_errors(key, content, others, names))


def _check_needed(flag: Flag, content: FlagContent, others: dict[str, Flag]) -> None:
    """What other flags need of this one must stay."""
    variants = set(msgspec.structs.replace(flag, **msgspec.structs.asdict(content)).variant_keys())
    for other in others.values():
        for rules in other.environments.values():
            for wanted in rules.prerequisites:
                if wanted.flag != flag.key:
                    continue
                if content.archived:
                    raise ConflictError(f"The flag {other.key} needs this one.")
                if set(wanted.variants) - variants:
                    wrong = FieldError("variants", f"are needed by the flag {other.key}")
                    raise InvalidError("Another flag needs a variant.", errors=[wrong])


async def _guarded(tx: ScopedTransaction) -> set[str]:
    return {each.environment for each in await environments_in(tx) if each.needs_approval}


def _note_errors(note: str) -> checks.Wrong:
    if len(note) > MAX_NOTE:
        yield FieldError("note", f"may be {MAX_NOTE:,} characters long")
