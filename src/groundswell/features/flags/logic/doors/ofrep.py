"""OFREP 0.2, what OpenFeature's clients speak: one flag, or all with ETag."""

import time
from hashlib import sha256
from typing import Any

import msgspec

from groundswell.core.errors import MalformedError
from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.doors.http import Asked, Door, Reply
from groundswell.features.flags.logic.evaluate import Outcome
from groundswell.features.flags.types import Answer, ReasonCode

PATH = "/ofrep/v1/evaluate/flags"

_REASONS = {
    ReasonCode.OVERRIDE: "TARGETING_MATCH",
    ReasonCode.MATCH: "TARGETING_MATCH",
    ReasonCode.SPLIT: "SPLIT",
    ReasonCode.DISABLED: "DISABLED",
    ReasonCode.NO_MATCH: "DEFAULT",
    ReasonCode.PREREQUISITE: "DEFAULT",
    ReasonCode.UNIT_MISSING: "DEFAULT",
    ReasonCode.FALLBACK: "UNKNOWN",
}
_KEY_MISSING = "This flag is dealt by an id: send context.targetingKey (or device_id, groups)."

_encode = msgspec.json.encode


class _Body(msgspec.Struct):
    context: Any = None


_decode = msgspec.json.Decoder(_Body).decode


class OfrepError(Exception):
    """An error of the protocol: a code and a sentence."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


class OfrepDoor(Door):
    """Both addresses: with a key behind the path one flag is asked, else all."""

    async def reply(self, asked: Asked, raw: bytes) -> Reply:
        """Answer from memory."""
        scope = await self.caller(asked.key)
        flags = self.snapshot.flags_of(scope)
        key = asked.path[len(PATH) :].strip("/")
        try:
            context = _context(self.unpacked(asked, raw))
            context.segments = self.snapshot.segments_of(scope.tenant_id)
        except (OfrepError, MalformedError) as error:
            code = error.code if isinstance(error, OfrepError) else "PARSE_ERROR"
            named = {"key": key} if key else {}
            failure = {**named, "errorCode": code, "errorDetails": str(error)}
            return Reply(_encode(failure), 400)
        if not key:
            return _bulk(flags.outcomes(context), asked.etag)
        outcome = flags.outcome(key, context)
        if outcome is None:
            failure = {"key": key, "errorCode": "FLAG_NOT_FOUND"}
            return Reply(_encode({**failure, "errorDetails": "There is no such flag."}), 404)
        if _is_failure(outcome):
            return Reply(_encoded(outcome), 400)
        return Reply(_encoded(outcome))


def _bulk(outcomes: list[Outcome], etag: str) -> Reply:
    fragments = [outcome.encoded.get("ofrep") or _encoded(outcome) for outcome in outcomes]
    body = b'{"flags":[%b],"metadata":{}}' % b",".join(fragments)
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = ((b"etag", tag.encode()),)
    known = {each.strip().removeprefix("W/") for each in etag.split(",")} if etag else ()
    return Reply(b"", 304, headers) if tag in known else Reply(body, 200, headers)


def _context(raw: bytes) -> Context:
    try:
        given = _decode(raw).context if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise OfrepError("PARSE_ERROR", "The body is not a JSON object.") from None
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise OfrepError("INVALID_CONTEXT", "context must be an object.")
    groups = given.get("groups")
    if groups is not None and not _are_texts(groups):
        raise OfrepError("INVALID_CONTEXT", "context.groups must map types to keys.")
    inner = given.get("group_properties")
    if inner is not None and not _are_objects(inner):
        raise OfrepError("INVALID_CONTEXT", "context.group_properties must map types to objects.")
    return Context(
        _text(given, "targetingKey"),
        now=time.time(),
        person=_text(given, "first_id"),
        device=_text(given, "device_id"),
        properties=given,
        groups=groups,
        group_properties=inner,
    )


def _text(given: dict[str, Any], name: str) -> str:
    found = given.get(name, "")
    if not isinstance(found, str):
        raise OfrepError("INVALID_CONTEXT", f"context.{name} must be a text.")
    return found


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _are_objects(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())


def _is_failure(outcome: Outcome) -> bool:
    return outcome.answer.reason.code is ReasonCode.UNIT_MISSING


def _encoded(outcome: Outcome) -> bytes:
    found = outcome.encoded.get("ofrep")
    if found is None:
        found = outcome.encoded["ofrep"] = _encode(item_of(outcome.answer))
    return found


def item_of(answer: Answer) -> dict[str, Any]:
    """One flag in OFREP's words. Without ``value`` the client uses the default in its code."""
    reason = answer.reason
    if reason.code is ReasonCode.UNIT_MISSING:
        failure = {"key": answer.key, "errorCode": "TARGETING_KEY_MISSING"}
        return {**failure, "errorDetails": _KEY_MISSING}
    metadata: dict[str, Any] = {"version": answer.version, "reason": reason.code.value}
    if reason.group is not None:
        metadata["group"] = reason.group
    if reason.detail:
        metadata["detail"] = reason.detail
    item: dict[str, Any] = {"key": answer.key, "reason": _REASONS[reason.code]}
    if answer.variant is not None:
        item["value"] = answer.value
    return {**item, "variant": answer.variant or "off", "metadata": metadata}
