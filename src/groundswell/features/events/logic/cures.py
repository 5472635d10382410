"""Reasons in the words of whoever must mend them."""

from typing import Literal

import msgspec

from groundswell.features.events.logic.reading import Vitals
from groundswell.features.events.types import MAX_DISTINCT_ID, MAX_NAME, Reason, Refusal
from groundswell.ui.i18n import gettext as _

_LATE_SECONDS = 10.0


class Sign(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it is, and what to do if it isn't well."""

    tone: Literal["success", "warning", "error", "neutral"]
    title: str
    text: str
    href: str = ""


def checks_of(vitals: Vitals) -> list[Sign]:
    """The way of an event from the key to the store, each step judged."""
    return [_keys(vitals), _use(vitals), _arrivals(vitals), _lag(vitals)]


def _keys(vitals: Vitals) -> Sign:
    if vitals.keys == 0:
        return Sign("error", _("No usable key"), _("Make an API key first."), "/settings/keys")
    return Sign("success", _("A key exists"), _("Its beginning is gsk_ or gpk_."))


def _use(vitals: Vitals) -> Sign:
    if vitals.key_last_used_at is None:
        text = _(
            "No request with a key of this workspace has come. Check the address, the network"
            " and that the key is whole; a wrong key is answered with 401."
        )
        return Sign("warning", _("No key was used yet"), text)
    return Sign("success", _("A key was used"), _("Requests with a known key reach the server."))


def _arrivals(vitals: Vitals) -> Sign:
    if vitals.refused_last_hour:
        text = _("Events were refused within the last hour. See the reasons below.")
        return Sign("error", _("Events are being refused"), text)
    if vitals.last_event_at is None:
        text = _("No event is stored yet. Nothing was refused within the last hour either.")
        return Sign("neutral", _("No event yet"), text)
    return Sign("success", _("Events arrive"), _("Nothing was refused within the last hour."))


def _lag(vitals: Vitals) -> Sign:
    if vitals.lag_seconds > _LATE_SECONDS:
        text = _(
            "Events are safe in the log and wait to be stored. If this does not shrink, look"
            " at the writer and the event store."
        )
        return Sign("warning", _("Storing is behind"), text)
    return Sign("success", _("Storing is up to date"), _("Events are stored within two seconds."))


def cure_of(refusal: Refusal) -> tuple[str, str]:
    """The reason of a refusal in words, and its cure."""
    try:
        return _cures()[Reason(refusal.reason)]
    except ValueError:
        return refusal.reason, ""


def _cures() -> dict[Reason, tuple[str, str]]:
    utf8 = _("Clean the text before sending: only whole Unicode characters are kept.")
    split = _("Send fewer events per request; SDKs have a setting for the batch size.")
    return {
        Reason.MISSING: (_("Missing"), _("Send the field with every event.")),
        Reason.WRONG_TYPE: (_("Wrong type"), _("Send text as text and properties as an object.")),
        Reason.TOO_LONG: (
            _("Too long"),
            _("Names may have %(name)d characters, distinct ids %(id)d.")
            % {"name": MAX_NAME, "id": MAX_DISTINCT_ID},
        ),
        Reason.NOT_A_UUID: (_("Not a UUID"), _("Send 8-4-4-4-12 hexadecimal digits, or nothing.")),
        Reason.NOT_A_TIME: (_("Not a time"), _("Send ISO 8601 or milliseconds since 1970.")),
        Reason.IN_THE_FUTURE: (_("In the future"), _("Set the sender's clock.")),
        Reason.BEFORE_2000: (_("Before 2000"), _("Numbers are milliseconds, not seconds.")),
        Reason.PROPERTIES_TOO_LARGE: (_("Properties too large"), _("Keep them under 64 kB.")),
        Reason.TOO_DEEP: (_("Nested too deeply"), _("Flatten the properties.")),
        Reason.NUL: (_("NUL character"), utf8),
        Reason.LONE_SURROGATE: (_("Half a character"), utf8),
        Reason.DUPLICATE_KEY: (_("Key given twice"), _("Name each property once.")),
        Reason.NOT_A_NUMBER: (_("NaN or Infinity"), _("Leave the property out, or send null.")),
        Reason.NUMBER_TOO_LARGE: (_("Number out of range"), _("Send it as text.")),
        Reason.MALFORMED: (_("Not JSON"), _("Build the body with a JSON library.")),
        Reason.TOO_MANY_EVENTS: (_("Too many events"), split),
        Reason.TOO_LARGE: (_("Request too large"), split),
        Reason.FORBIDDEN: (_("Key not allowed"), _("Use a key with the scope events:write.")),
        Reason.RATE_LIMITED: (_("Too fast"), _("Send batches instead of single events.")),
        Reason.STORE: (_("Could not be stored"), _("Report this with the sample: it is a fault.")),
        Reason.ORDER: (_("Not an order"), _("The event is kept; mend the named property.")),
    }
