"""PostHog's flag addresses: ``/flags``, ``/decide`` in all their versions, and definitions."""

import base64
import time
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import msgspec

from groundswell.core.errors import MalformedError
from groundswell.core.http.compression import unpack
from groundswell.core.tenancy.permissions import Permission
from groundswell.features.flags.logic.context import Context, SegmentTest
from groundswell.features.flags.logic.doors.http import Asked, Door, Reply
from groundswell.features.flags.logic.evaluate import FlagSet, Outcome
from groundswell.features.flags.logic.posthog_definitions import definitions
from groundswell.features.flags.types import Answer, ReasonCode

_CODES = {ReasonCode.MATCH: "condition_match", ReasonCode.SPLIT: "condition_match"}
_CONFIG = (
    b',"config":{"enable_collect_everything":true},"toolbarParams":{},"isAuthenticated":false,'
    b'"supportedCompression":["gzip","gzip-js"],"sessionRecording":false,"siteApps":[],'
    b'"surveys":false,"defaultIdentifiedOnly":true'
)

_encode = msgspec.json.encode


class _BadRequestError(MalformedError):
    title = "The request is not one of PostHog's"


class PosthogDoor(Door):
    """``/flags`` from version 2 on lists flags with reasons; before, and ``/decide``, values."""

    async def reply(self, asked: Asked, raw: bytes) -> Reply:
        """Answer from memory."""
        query = asked.parameters()
        body = _body(self.unpacked(asked, raw), self._limit)
        token = body.get("api_key") or body.get("token") or query.get("token") or asked.key
        scope = await self.caller(token if isinstance(token, str) else None)
        flags = self.snapshot.flags_of(scope)
        outcomes = _outcomes(flags, body, self.snapshot.segments_of(scope.tenant_id))
        version = _version(query.get("v", ""), is_decide=asked.path.startswith("/decide"))
        config = _CONFIG if query.get("config") in ("true", "1") else b""
        if asked.path.startswith("/decide"):
            config = _CONFIG
        return Reply(
            b'{%b,"errorsWhileComputingFlags":false,"requestId":"%b"%b}'
            % (_FORMS[version](outcomes), str(uuid4()).encode(), config)
        )


def _outcomes(flags: FlagSet, body: dict[str, Any], segments: SegmentTest) -> list[Outcome]:
    if body.get("disable_flags") is True:
        return []
    distinct_id = body.get("distinct_id")
    if not isinstance(distinct_id, str | int) or distinct_id == "":
        raise _BadRequestError("distinct_id must be a text.")
    groups = {k: str(v) for k, v in _object(body, "groups").items() if isinstance(v, str | int)}
    context = Context(
        str(distinct_id),
        now=time.time(),
        person=_text(body.get("$anon_distinct_id")),
        device=_text(body.get("$device_id")) or _text(body.get("device_id")),
        properties=_object(body, "person_properties"),
        groups=groups,
        group_properties={
            name: inner
            for name, inner in _object(body, "group_properties").items()
            if isinstance(inner, dict)
        },
        segments=segments,
    )
    wanted = body.get("flag_keys_to_evaluate")
    if isinstance(wanted, list) and wanted:
        keys = [key for key in wanted if isinstance(key, str)]
        found = [flags.outcome(key, context) for key in dict.fromkeys(keys)]
        return [outcome for outcome in found if outcome is not None]
    return flags.outcomes(context)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _version(text: str, *, is_decide: bool) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 1
    if is_decide:
        return min(max(number, 1), 4)
    return 4 if number >= 2 else 3


def _listed(outcomes: list[Outcome]) -> bytes:
    keys = [outcome.answer.key for outcome in outcomes if outcome.answer.enabled]
    return b'"featureFlags":' + _encode(keys)


def _enabled(outcomes: list[Outcome]) -> bytes:
    found = [outcome.answer for outcome in outcomes if outcome.answer.enabled]
    return b'"featureFlags":' + _encode({each.key: _value(each) for each in found})


def _values(outcomes: list[Outcome]) -> bytes:
    values = {outcome.answer.key: _value(outcome.answer) for outcome in outcomes}
    payloads = {
        outcome.answer.key: _payload(outcome.answer)
        for outcome in outcomes
        if outcome.answer.enabled and outcome.answer.payload is not None
    }
    return b'"featureFlags":%b,"featureFlagPayloads":%b' % (_encode(values), _encode(payloads))


def _reasoned(outcomes: list[Outcome]) -> bytes:
    fragments = [outcome.encoded.get("posthog") or _encoded(outcome) for outcome in outcomes]
    return b'"flags":{%b}' % b",".join(fragments)


_FORMS = {1: _listed, 2: _enabled, 3: _values, 4: _reasoned}


def _value(answer: Answer) -> Any:
    """True, false or the variant: a boolean flag has none in PostHog's words."""
    if not answer.enabled:
        return False
    return True if answer.value is True and answer.variant == "on" else answer.variant


def _payload(answer: Answer) -> str | None:
    if answer.payload is None or not answer.enabled:
        return None
    return _encode(answer.payload).decode()


def _encoded(outcome: Outcome) -> bytes:
    item = item_of(outcome.answer, outcome.number)
    made = outcome.encoded["posthog"] = _encode(outcome.answer.key) + b":" + _encode(item)
    return made


def item_of(answer: Answer, number: int) -> dict[str, Any]:
    """One flag in PostHog's words."""
    reason, value = answer.reason, _value(answer)
    code = _CODES.get(reason.code) or (
        "no_condition_match" if reason.code is ReasonCode.NO_MATCH else reason.code.value
    )
    description = reason.detail or code.replace("_", " ").capitalize()
    if reason.group is not None:
        description = f"Matched condition set {reason.group + 1}"
    return {
        "key": answer.key,
        "enabled": answer.enabled,
        "variant": value if isinstance(value, str) else None,
        "reason": {"code": code, "condition_index": reason.group, "description": description},
        "metadata": {
            "id": number,
            "version": answer.version,
            "description": None,
            "payload": _payload(answer),
        },
    }


def _body(raw: bytes, limit: int) -> dict[str, Any]:
    """The body in any of the forms that PostHog's SDKs send, whatever their headers say."""
    if raw[:2] == b"\x1f\x8b":
        raw = unpack(raw, "gzip", limit)
    if raw[:5] == b"data=":
        raw = _base64(raw)
    try:
        found = msgspec.json.decode(raw) if raw else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _BadRequestError("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise _BadRequestError("The body must be an object.")
    return found


def _base64(raw: bytes) -> bytes:
    try:
        text = parse_qs(raw.decode("ascii"))["data"][0].replace(" ", "+")
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, KeyError):
        raise _BadRequestError("The body's data is not base64.") from None


class PosthogDefinitionsDoor(Door):
    """Definitions for local evaluation by PostHog's server SDKs, with ETag."""

    methods = frozenset({"GET", "OPTIONS"})
    permission = Permission.FLAGS_READ

    async def reply(self, asked: Asked, raw: bytes) -> Reply:
        """The definitions, or 304 when the caller has them."""
        scope = await self.caller(asked.key)
        flags = self.snapshot.flags_of(scope)
        body = _encode(definitions([each.flag for each in flags.flags.values()], flags.environment))
        etag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = ((b"etag", etag.encode()),)
        if asked.etag.removeprefix("W/") == etag:
            return Reply(b"", 304, headers)
        return Reply(body, 200, headers)
