"""One flag: state, targeting editor, try-out, schedule, history."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from groundswell.core.errors import FieldError, InvalidError, ProblemError, UnavailableError
from groundswell.core.http.access import requires
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic import (
    approve,
    change,
    diff,
    environments,
    schedule,
    switch,
)
from groundswell.features.flags.logic.change import Saved
from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.evaluate import FlagSet
from groundswell.features.flags.logic.explain import explain
from groundswell.features.flags.logic.monitor import monitor
from groundswell.features.flags.logic.values import number_of
from groundswell.features.flags.pages import forms, words
from groundswell.features.flags.pages.listing import PATH, texts_of
from groundswell.features.flags.types import PRODUCTION, Flag, FlagContent, Rules
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Choice, with_query

READ, WRITE = Permission.FLAGS_READ, Permission.FLAGS_WRITE
_HISTORY = 10


@get(PATH + "/{key:str}", opt=requires(READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope, key: str) -> Response[Any]:
    """A flag in one environment."""
    return await _page(request, platform, scope, key)


@post(PATH + "/{key:str}/rules", opt=requires(WRITE))
async def save_rules(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> Response[Any]:
    """Save the editor, or show it again with a group or condition more or less."""
    fields = forms.fields_of(await request.form())
    flag = await change.get(platform, scope, key)
    environment = fields.get("environment", PRODUCTION)
    rules = forms.rules_from(fields, flag, flag.rules(environment).enabled)
    draft = forms.edited(rules, fields.get("do", "save"))
    if draft is not None:
        return await _page(request, platform, scope, key, environment=environment, draft=draft)
    number = fields.get("version", "")
    try:
        saved = await switch.put_rules(
            platform,
            scope,
            key,
            environment,
            rules,
            version=int(number) if number.isascii() and number.isdigit() else None,
            note=fields.get("note", ""),
        )
    except ProblemError as error:
        return await _page(
            request, platform, scope, key, environment=environment, draft=rules, problem=error
        )
    return _saved(request, saved, environment, _("The rules are saved."))


@post(PATH + "/{key:str}/settings", opt=requires(WRITE))
async def save_settings(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> Response[Any]:
    """Save the name, the description, the tags and the variants."""
    fields = forms.fields_of(await request.form())
    try:
        saved = await change.change(platform, scope, key, lambda flag: _settings(flag, fields))
    except InvalidError as error:
        reasons = " ".join(texts_of(error.errors).values())
        flash = Flash(_("Nothing was saved."), "error", reasons or error.detail)
        return redirect(request, f"{PATH}/{key}", flash)
    return _saved(request, saved, PRODUCTION, _("The settings are saved."))


@post(PATH + "/{key:str}/{action:str}", opt=requires(WRITE))
async def act(
    request: AnyRequest, platform: Platform, scope: Scope, key: str, action: str
) -> Response[Any]:
    """On, off, archive, restore, back to a version."""
    fields = forms.fields_of(await request.form())
    environment = fields.get("environment", PRODUCTION)
    edits = {
        "enable": (switch.enabling(environment, True), "flag.enabled", _("The flag is on.")),
        "disable": (switch.enabling(environment, False), "flag.disabled", _("The flag is off.")),
        "archive": (switch.archiving(True), "flag.archived", _("The flag is archived.")),
        "restore": (switch.archiving(False), "flag.restored", _("The flag is in use again.")),
    }
    try:
        if action == "roll-back":
            number = fields.get("version", "")
            wanted = int(number) if number.isascii() and number.isdigit() else 0
            saved = await switch.roll_back(platform, scope, key, wanted)
            text = _("The flag is what it was in version %(version)s.") % {"version": number}
        elif action in edits:
            edit, name, text = edits[action]
            saved = await change.change(platform, scope, key, edit, action=name)
        else:
            raise InvalidError("There is no such change.")
    except (InvalidError, ProblemError) as error:
        flash = Flash(_("Nothing was changed."), "error", error.detail)
        return redirect(request, f"{PATH}/{key}", flash)
    return _saved(request, saved, environment, text)


@post(PATH + "/{key:str}/schedules", opt=requires(WRITE))
async def add_schedule(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> Response[Any]:
    """Let a change happen by itself. The time is typed in UTC."""
    fields = forms.fields_of(await request.form())
    environment = fields.get("environment", PRODUCTION)
    what, percentage = fields.get("what", ""), fields.get("percentage", "").strip()
    back = with_query(f"{PATH}/{key}", {}, environment=environment)
    try:
        await schedule.schedule(
            platform,
            scope,
            key,
            environment=environment,
            at=_moment(fields.get("at", "")),
            enabled={"enable": True, "disable": False}.get(what),
            rollout=_percentage(percentage) if percentage else None,
        )
    except InvalidError as error:
        reasons = " ".join(texts_of(error.errors).values())
        return redirect(request, back, Flash(_("Nothing is scheduled."), "error", reasons))
    return redirect(request, back, Flash(_("The change is scheduled.")))


@post(PATH + "/{key:str}/schedules/{schedule_id:uuid}/drop", opt=requires(WRITE))
async def drop_schedule(
    request: AnyRequest, platform: Platform, scope: Scope, key: str, schedule_id: UUID
) -> Response[Any]:
    """Drop a change to come."""
    await schedule.unschedule(platform, scope, key, schedule_id)
    return redirect(request, f"{PATH}/{key}", Flash(_("The change will not happen.")))


@post(PATH + "/{key:str}/explain", opt=requires(READ))
async def try_out(request: AnyRequest, platform: Platform, scope: Scope, key: str) -> Response[Any]:
    """Why a person would get what they would get."""
    fields = forms.fields_of(await request.form())
    environment = fields.get("environment", PRODUCTION)
    flag = await change.get(platform, scope, key)
    flags = FlagSet.of(await switch.list_flags(platform, scope), environment)
    context = Context(
        fields.get("distinct_id", "").strip(),
        now=time.time(),
        person=fields.get("first_id", "").strip(),
        device=fields.get("device_id", "").strip(),
        groups={k: str(v) for k, v in forms.properties_from(fields.get("groups", "")).items()},
        properties=forms.properties_from(fields.get("properties", "")),
    )
    told = explain(flag, flags, context)
    return await _page(
        request, platform, scope, key, environment=environment, told=told, tried=fields
    )


async def _page(
    request: AnyRequest,
    platform: Platform,
    scope: Scope,
    key: str,
    *,
    environment: str = "",
    draft: Rules | None = None,
    problem: ProblemError | None = None,
    **context: Any,
) -> Response[Any]:
    flag = await change.get(platform, scope, key)
    stages = await environments.environments(platform, scope)
    names = {each.environment: each.name for each in stages}
    asked = environment or str(request.query_params.get("environment", PRODUCTION))
    chosen = asked if asked in names else PRODUCTION
    rules = flag.rules(chosen) if draft is None else draft
    history = await switch.history(platform, scope, key, None, _HISTORY + 1)
    try:
        seen = await monitor(platform, scope, key, limit=10)
    except UnavailableError:
        seen = None
    return await page(
        request,
        "flags/flag.html",
        status=422 if problem else 200,
        flag=flag,
        rules=rules,
        is_draft=draft is not None,
        environment=chosen,
        environment_name=names[chosen],
        tabs=[
            Choice(
                each.name,
                f"{PATH}/{key}?environment={each.environment}",
                each.environment == chosen,
            )
            for each in stages
        ],
        state=words.state_of(flag.rules(chosen)),
        operators=words.operators(),
        reason_text=words.reason_text,
        forms=forms,
        problem=problem.detail if problem else "",
        wrong=_wrong(problem, chosen),
        history=diff.with_changes(history, _HISTORY),
        proposals=await approve.proposals(platform, scope, key),
        schedules=[
            each for each in await schedule.schedules(platform, scope, key) if not each.done_at
        ],
        seen=seen,
        diff=diff,
        **{"told": None, "tried": {}, **context},
    )


def _wrong(problem: ProblemError | None, environment: str) -> list[FieldError]:
    """Wrong fields as the page names them: groups and conditions count from 1."""
    prefix = f"environments.{environment}."
    errors = problem.errors if problem else ()
    return [FieldError(each.field.removeprefix(prefix), _(each.reason)) for each in errors]


def _settings(flag: Flag, fields: dict[str, str]) -> FlagContent:
    tags = [each.strip() for each in fields.get("tags", "").split(",") if each.strip()]
    return msgspec.structs.replace(
        flag.content(),
        name=fields.get("name", "").strip(),
        description=fields.get("description", "").strip(),
        tags=tags,
        variants=forms.variants_from(fields.get("variants", "")),
        off_variant=fields.get("off_variant") or None,
    )


def _saved(request: AnyRequest, saved: Saved, environment: str, text: str) -> Response[Any]:
    flash = Flash(text)
    if saved.approval is not None:
        flash = Flash(_("Proposed."), "info", _("A second person has to publish it."))
    path = f"{PATH}/{saved.flag.key}"
    return redirect(request, with_query(path, {}, environment=environment[:40]), flash)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip()[:40]).replace(tzinfo=UTC)
    except ValueError:
        wrong = FieldError("at", "must be a day and time")
        raise InvalidError("The time is wrong.", errors=[wrong]) from None


def _percentage(text: str) -> float:
    found = number_of(text)
    return -1.0 if found is None else found


PAGES = (show, save_rules, save_settings, add_schedule, drop_schedule, try_out, act)
