"""``POST /api/flags/evaluate``, and definitions for SDKs that evaluate by themselves."""

import time
from typing import Annotated, Any

import msgspec

from groundswell.core.http.body import decode_json
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic.context import Context, SegmentTest, no_segments
from groundswell.features.flags.logic.doors.http import Asked, Door, Reply
from groundswell.features.flags.logic.evaluate import Outcome
from groundswell.features.flags.types import Answer, Flag, Rules

Id = Annotated[str, msgspec.Meta(max_length=400)]

_LONGEST_WAIT = 30.0
_encode = msgspec.json.encode


class Evaluate(msgspec.Struct, kw_only=True, gc=False):
    """About whom. ``first_id``: the person's first distinct id, kept over a log-in by the SDKs.

    ``flags`` names the flags wanted; without it all are answered.
    """

    distinct_id: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    first_id: Id = ""
    device_id: Id = ""
    properties: dict[str, Any] = {}
    groups: dict[str, Id] = {}
    group_properties: dict[str, dict[str, Any]] = {}
    flags: list[str] | None = None


class Evaluated(msgspec.Struct):
    """Answers by key of the flag. ``missing`` names those asked for that do not exist."""

    flags: dict[str, Answer]
    missing: list[str]
    environment: str
    revision: int


_decode = msgspec.json.Decoder(Evaluate).decode


def context_of(body: Evaluate, segments: SegmentTest = no_segments) -> Context:
    """The context a request gives."""
    return Context(
        body.distinct_id,
        now=time.time(),
        person=body.first_id,
        device=body.device_id,
        properties=body.properties,
        groups=body.groups,
        group_properties=body.group_properties,
        segments=segments,
    )


class EvaluateDoor(Door):
    """Our own evaluation: one flag, some, or all."""

    async def reply(self, asked: Asked, raw: bytes) -> Reply:
        """Answer from memory."""
        scope = await self.caller(asked.key)
        raw = self.unpacked(asked, raw)
        try:
            body = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = decode_json(raw, Evaluate)  # names every wrong field
        flags = self.snapshot.flags_of(scope)
        context = context_of(body, self.snapshot.segments_of(scope.tenant_id))
        missing: list[str] = []
        if body.flags is None:
            outcomes = flags.outcomes(context)
        else:
            found = {key: flags.outcome(key, context) for key in dict.fromkeys(body.flags)}
            outcomes = [outcome for outcome in found.values() if outcome is not None]
            missing = [key for key, outcome in found.items() if outcome is None]
        return Reply(
            b'{"flags":{%b},"missing":%b,"environment":"%b","revision":%d}'
            % (
                b",".join(
                    [outcome.encoded.get("api") or _encoded(outcome) for outcome in outcomes]
                ),
                _encode(missing),
                flags.environment.encode(),
                self.snapshot.revision_of(scope.tenant_id),
            )
        )


def _encoded(outcome: Outcome) -> bytes:
    answer = outcome.answer
    made = outcome.encoded["api"] = _encode(answer.key) + b":" + _encode(answer)
    return made


class Definition(msgspec.Struct, omit_defaults=True):
    """A flag with the rules of one environment: all that decides an answer."""

    key: str
    version: int
    kind: str
    variants: list[Any]
    off_variant: str | None
    bucket_by: str
    group_type: str
    hashing: str
    salt: str
    rules: Rules


class Definitions(msgspec.Struct):
    """Everything an SDK needs to evaluate by itself."""

    environment: str
    revision: int
    flags: list[Definition]


class DefinitionsDoor(Door):
    """Definitions, with ETag; ``?wait=25`` answers when something changed, at the latest then."""

    methods = frozenset({"GET", "OPTIONS"})
    permission = Permission.FLAGS_READ

    async def reply(self, asked: Asked, raw: bytes) -> Reply:
        """The definitions, or 304 when the caller has them."""
        scope = await self.caller(asked.key)
        etag = self._etag(scope)
        wait = _seconds(asked.parameters().get("wait", ""))
        end = time.monotonic() + wait
        while wait and asked.etag == etag and time.monotonic() < end:
            await self.snapshot.change(end - time.monotonic())
            etag = self._etag(scope)
        headers = ((b"etag", etag.encode()),)
        if asked.etag == etag:
            return Reply(b"", 304, headers)
        return Reply(_encode(self._definitions(scope)), 200, headers)

    def _etag(self, scope: Scope) -> str:
        environment = self.snapshot.environment_of(scope)
        return f'"{environment}-{self.snapshot.revision_of(scope.tenant_id)}"'

    def _definitions(self, scope: Scope) -> Definitions:
        flags = self.snapshot.flags_of(scope)
        return Definitions(
            flags.environment,
            self.snapshot.revision_of(scope.tenant_id),
            [definition_of(each.flag, flags.environment) for each in flags.flags.values()],
        )


def definition_of(flag: Flag, environment: str) -> Definition:
    """What decides a flag's answers in one environment."""
    return Definition(
        flag.key,
        flag.version,
        flag.kind,
        list(flag.variants),
        flag.off_variant,
        flag.bucket_by,
        flag.group_type,
        flag.hashing,
        flag.salt,
        flag.rules(environment),
    )


def _seconds(text: str) -> float:
    known = text.isascii() and text.isdigit() and len(text) < 4
    return min(float(text), _LONGEST_WAIT) if known else 0.0
