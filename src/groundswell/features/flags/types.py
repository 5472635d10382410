"""What a flag is: variants, rules for each environment, and the answer for one person."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec

ON, OFF = "on", "off"
"""The two variants of a boolean flag."""

PRODUCTION = "production"
"""The environment of a key that was given no other."""

FlagKind = Literal["boolean", "multivariate"]
BucketBy = Literal["person", "device", "group"]
Hashing = Literal["groundswell", "posthog"]
ConditionOf = Literal["person", "group", "segment"]


class Operator(StrEnum):
    """How a condition compares; values are those of the API."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    REGEX = "regex"
    NOT_REGEX = "not_regex"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BEFORE = "before"
    AFTER = "after"
    SEMVER_EQ = "semver_eq"
    SEMVER_NEQ = "semver_neq"
    SEMVER_GT = "semver_gt"
    SEMVER_GTE = "semver_gte"
    SEMVER_LT = "semver_lt"
    SEMVER_LTE = "semver_lte"
    SEMVER_TILDE = "semver_tilde"
    SEMVER_CARET = "semver_caret"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"
    IN_SEGMENT = "in_segment"
    NOT_IN_SEGMENT = "not_in_segment"


class ReasonCode(StrEnum):
    """Why an answer is what it is."""

    OVERRIDE = "override"
    DISABLED = "disabled"
    PREREQUISITE = "prerequisite_not_met"
    UNIT_MISSING = "unit_missing"
    MATCH = "targeting_match"
    SPLIT = "split"
    NO_MATCH = "no_match"
    FALLBACK = "fallback"


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of a flag's values. ``payload`` is any JSON; None is no payload."""

    key: str
    payload: Any = None
    name: str = ""


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A variant's weight in a split, on the scale of the other weights."""

    variant: str
    weight: float


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One test. ``of`` says whose property; for a segment, ``property`` is the segment's key."""

    property: str
    operator: Operator
    value: Any = None
    of: ConditionOf = "person"
    group_type: str = ""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """People who meet all conditions, and the percentage of them (0 to 100) who get it.

    ``variant`` gives all of them one variant, ``split`` deals several; without either the
    environment's split decides.
    """

    conditions: list[Condition] = []
    rollout: float = 100.0
    variant: str | None = None
    split: list[Share] = []
    name: str = ""


class Prerequisite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another flag that must give one of these variants to the same person."""

    flag: str
    variants: list[str] = msgspec.field(default_factory=lambda: [ON])


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tester by the id that the flag is dealt by, and what they get while the flag is on."""

    id: str
    variant: str
    note: str = ""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a flag does in one environment. ``enabled`` false is the kill switch."""

    enabled: bool = False
    groups: list[Group] = []
    split: list[Share] = []
    prerequisites: list[Prerequisite] = []
    overrides: list[Override] = []


class FlagContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a version of a flag holds: all that can change but its key."""

    name: str = ""
    description: str = ""
    tags: list[str] = []
    kind: FlagKind = "boolean"
    variants: list[Variant] = []
    off_variant: str | None = None
    bucket_by: BucketBy = "person"
    group_type: str = ""
    hashing: Hashing = "groundswell"
    salt: str = ""
    environments: dict[str, Rules] = {}
    archived: bool = False


class Flag(FlagContent, frozen=True, kw_only=True):
    """A flag as it stands now; ``number`` is its small id in a workspace, for PostHog's SDKs."""

    flag_id: UUID
    key: str
    number: int
    version: int
    created_at: datetime
    updated_at: datetime

    def rules(self, environment: str) -> Rules:
        """The rules in an environment; off if it has none yet."""
        return self.environments.get(environment) or Rules()

    def content(self) -> FlagContent:
        """Everything a version keeps."""
        return msgspec.convert(msgspec.to_builtins(self), FlagContent, str_keys=True, strict=False)

    def variant_keys(self) -> list[str]:
        """Every variant the flag may give, in order; boolean flags give on and off."""
        if self.kind == "boolean":
            return [ON, OFF]
        return [variant.key for variant in self.variants]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A stage such as staging. ``needs_approval``: a second person publishes what one proposes."""

    environment: str
    name: str
    needs_approval: bool = False


DEFAULT_ENVIRONMENTS = (
    Environment(environment=PRODUCTION, name="Production"),
    Environment(environment="staging", name="Staging"),
    Environment(environment="development", name="Development"),
)


class Reason(msgspec.Struct, frozen=True):
    """Why: the code, the targeting group that decided (from 0), and what to know besides."""

    code: ReasonCode
    group: int | None = None
    detail: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a person gets. ``variant`` None: the flag gives them nothing (multivariate, off)."""

    key: str
    enabled: bool
    variant: str | None
    value: Any
    payload: Any
    reason: Reason
    version: int


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a flag's history."""

    version: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_label: str
    note: str
    content: FlagContent


class ScheduledChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change that happens by itself. What is None stays as it is then."""

    schedule_id: UUID
    key: str
    environment: str
    at: datetime
    enabled: bool | None
    rollout: float | None
    created_by: str
    done_at: datetime | None = None
    problem: str = ""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed version waiting for a second person; ``base`` is the version it was made from."""

    approval_id: UUID
    key: str
    base: int
    content: FlagContent
    note: str
    status: Literal["open", "approved", "rejected", "outdated"]
    proposed_by: str
    proposed_label: str
    proposed_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None


class Change(msgspec.Struct, frozen=True):
    """What one difference says: a path such as ``environments.production.enabled``."""

    path: str
    before: Any
    after: Any
