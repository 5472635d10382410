"""Rules and variants as plain form fields and back, so that the editor works without script."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.datastructures import FormMultiDict

from groundswell.core.errors import FieldError, InvalidError
from groundswell.features.flags.logic.values import number_of
from groundswell.features.flags.types import (
    Condition,
    Flag,
    Group,
    Operator,
    Override,
    Prerequisite,
    Rules,
    Share,
    Variant,
)
from groundswell.ui.i18n import gettext as _

MOST = 50
_LISTS = frozenset(
    {
        Operator.IS,
        Operator.IS_NOT,
        Operator.CONTAINS,
        Operator.NOT_CONTAINS,
        Operator.STARTS_WITH,
        Operator.ENDS_WITH,
    }
)
_STEP = re.compile(r"(remove-group|add-condition)-(\d{1,2})|remove-condition-(\d{1,2})-(\d{1,2})")


def fields_of(form: FormMultiDict) -> dict[str, str]:
    """The texts of a form, by name."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


def rules_from(fields: Mapping[str, str], flag: Flag, enabled: bool) -> Rules:
    """The rules a form holds; what is no number becomes one that the checks refuse."""
    return Rules(
        enabled=enabled,
        groups=[_group(fields, place, flag) for place in range(_count(fields, "groups"))],
        split=_split(fields, flag),
        prerequisites=[
            Prerequisite(key, [each.strip() for each in given.split(",")] if given else ["on"])
            for key, given in _pairs(fields.get("prerequisites", ""))
        ],
        overrides=[
            Override(key, given or "on") for key, given in _pairs(fields.get("overrides", ""))
        ],
    )


def edited(rules: Rules, step: str) -> Rules | None:
    """The rules after a button such as "add group"; None if it is not one of those."""
    groups = list(rules.groups)
    if step == "add-group":
        return msgspec.structs.replace(rules, groups=[*groups, Group()][: MOST + 1])
    found = _STEP.fullmatch(step)
    if found is None:
        return None
    place = int(found.group(2) or found.group(3))
    if place >= len(groups):
        return rules
    conditions = list(groups[place].conditions)
    if found.group(1) == "remove-group":
        del groups[place]
        return msgspec.structs.replace(rules, groups=groups)
    if found.group(1) == "add-condition":
        conditions.append(Condition("", Operator.IS, ""))
    elif int(found.group(4)) < len(conditions):
        del conditions[int(found.group(4))]
    groups[place] = msgspec.structs.replace(groups[place], conditions=conditions)
    return msgspec.structs.replace(rules, groups=groups)


def variants_from(text: str) -> list[Variant]:
    """Variants, one a line: a key, or ``key = payload`` with the payload in JSON.

    Raises:
        InvalidError: a payload is not JSON.
    """
    found = []
    for key, payload in _pairs(text):
        try:
            found.append(Variant(key, msgspec.json.decode(payload) if payload else None))
        except (msgspec.DecodeError, RecursionError):
            wrong = FieldError("variants", f"{key[:40]!r} has a payload that is not JSON")
            raise InvalidError("A payload is not JSON.", errors=[wrong]) from None
    return found


def variants_text(variants: list[Variant]) -> str:
    """The same as text."""
    return "\n".join(
        each.key
        if each.payload is None
        else f"{each.key} = {msgspec.json.encode(each.payload).decode()}"
        for each in variants
    )


def variant_options(flag: Flag) -> list[tuple[str, str]]:
    """What all of a group may get."""
    return [("", _("A variant by the split")), *((key, key) for key in flag.variant_keys())]


def weight_of(rules: Rules, variant: str) -> str:
    """A variant's weight in the split, as typed."""
    return next((f"{share.weight:g}" for share in rules.split if share.variant == variant), "")


def overrides_text(rules: Rules) -> str:
    """Overrides, one a line: id = variant."""
    return "\n".join(f"{each.id} = {each.variant}" for each in rules.overrides)


def prerequisites_text(rules: Rules) -> str:
    """Prerequisites, one a line: flag = variants."""
    return "\n".join(f"{p.flag} = {', '.join(p.variants)}" for p in rules.prerequisites)


def value_text(value: Any) -> str:
    """A condition's value as text: a list has one value a line."""
    if value is None:
        return ""
    values = value if isinstance(value, list) else [value]
    return "\n".join(
        each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in values
    )


def properties_from(text: str) -> dict[str, Any]:
    """Properties to try, one a line: name = value."""
    return dict(_pairs(text))


def _group(fields: Mapping[str, str], place: int, flag: Flag) -> Group:
    name = f"g{place}"
    variant = fields.get(f"{name}-variant", "")
    count = _count(fields, f"{name}-conditions")
    old = flag.rules(fields.get("environment", "")).groups
    return Group(
        conditions=[_condition(fields, f"{name}-c{number}") for number in range(count)],
        rollout=_number(fields.get(f"{name}-rollout", "")),
        variant=variant or None,
        # The form has no fields for a group's own split: it keeps the one it had.
        split=old[place].split if not variant and place < len(old) else [],
        name=fields.get(f"{name}-name", "").strip(),
    )


def _condition(fields: Mapping[str, str], name: str) -> Condition:
    of = fields.get(f"{name}-of", "person")
    operator = _operator(fields.get(f"{name}-operator", ""))
    text = fields.get(f"{name}-value", "").strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    value: Any = lines if operator in _LISTS and len(lines) > 1 else text
    if of == "segment":
        negative = operator in (Operator.NOT_IN_SEGMENT, Operator.IS_NOT)
        operator = Operator.NOT_IN_SEGMENT if negative else Operator.IN_SEGMENT
        value = None
    elif operator in (Operator.IS_SET, Operator.IS_NOT_SET):
        value = None
    return Condition(
        fields.get(f"{name}-property", "").strip(),
        operator,
        value,
        of="segment" if of == "segment" else "group" if of == "group" else "person",
        group_type=fields.get(f"{name}-type", "").strip() if of == "group" else "",
    )


def _operator(text: str) -> Operator:
    try:
        return Operator(text)
    except ValueError:
        return Operator.IS


def _split(fields: Mapping[str, str], flag: Flag) -> list[Share]:
    if flag.kind == "boolean":
        return []
    shares = [
        Share(variant.key, _number(fields.get(f"split-{place}", "") or "0"))
        for place, variant in enumerate(flag.variants)
    ]
    return shares if any(share.weight for share in shares) else []


def _number(text: str) -> float:
    found = number_of(text.strip())
    return -1.0 if found is None else found


def _count(fields: Mapping[str, str], name: str) -> int:
    text = fields.get(f"{name}-count", "0")
    return min(int(text), MOST + 1) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _pairs(text: str) -> list[tuple[str, str]]:
    """Lines such as ``a = b``; what has no equals sign has no second part."""
    lines = [line.strip() for line in text.splitlines()[:1000] if line.strip()]
    parts = [line.partition("=") for line in lines]
    return [(key.strip(), value.strip()) for key, _equals, value in parts]
