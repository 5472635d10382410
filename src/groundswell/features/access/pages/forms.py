"""Reading HTML forms, and what forms of access offer to choose from."""

from functools import lru_cache
from zoneinfo import available_timezones

from babel.core import get_global
from litestar import Request
from litestar.datastructures import FormMultiDict, State

from groundswell.core.errors import InvalidError
from groundswell.core.http.caller import address_of
from groundswell.core.http.cookies import session_token
from groundswell.core.tenancy.permissions import Role
from groundswell.features.access.logic.throttle import Attempt
from groundswell.ui.i18n import gettext as _

AnyRequest = Request[object, object, State]
Options = list[tuple[str, str]]


def text(form: FormMultiDict, name: str) -> str:
    """A field's text without blanks around it; empty if it was not sent."""
    return raw(form, name).strip()


def raw(form: FormMultiDict, name: str) -> str:
    """A field's text as typed, for passwords."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def attempt_of(request: AnyRequest) -> Attempt:
    """Where an attempt to sign in comes from."""
    agent = request.headers.get("user-agent", "")
    return Attempt(address_of(request), agent, session_token(request))


def texts_of(error: InvalidError) -> dict[str, str]:
    """The sentence to show beside each wrong field."""
    found: dict[str, str] = {}
    for item in error.errors:
        reason = _(item.reason)
        found.setdefault(item.field, reason[:1].upper() + reason[1:] + ".")
    return found


@lru_cache
def currencies() -> Options:
    """Currencies in use today, by code."""
    codes = {
        str(entry[0])
        for entries in get_global("territory_currencies").values()
        for entry in entries
        if entry[2] is None and entry[3]
    }
    return [(code, code) for code in sorted(codes)]


@lru_cache
def timezones() -> Options:
    """Time zones by area; UTC first."""
    areas = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    zones = sorted(zone for zone in available_timezones() if zone.startswith(areas))
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in zones)]


def kept(options: Options, value: str) -> Options:
    """The options with the value chosen long ago, which may have left the list."""
    return options if any(value == key for key, _text in options) else [(value, value), *options]


def role_options(*, with_owner: bool) -> Options:
    """Roles with what each may do, the widest last."""
    options = [
        (Role.VIEWER.value, _("Viewer: sees the dashboard")),
        (Role.ANALYST.value, _("Analyst: sees people, events and orders too")),
        (Role.EDITOR.value, _("Editor: changes them too")),
        (Role.ADMIN.value, _("Admin: manages keys and members too")),
    ]
    return [*options, (Role.OWNER.value, _("Owner: everything"))] if with_owner else options


def role_name(role: str) -> str:
    """A role's word."""
    names = {
        "owner": _("Owner"),
        "admin": _("Admin"),
        "editor": _("Editor"),
        "analyst": _("Analyst"),
        "viewer": _("Viewer"),
    }
    return names[role]
