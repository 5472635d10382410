"""What flags are called on pages."""

from groundswell.features.flags.types import Operator, Reason, ReasonCode, Rules
from groundswell.ui.i18n import gettext as _

Options = list[tuple[str, str]]


def operators() -> Options:
    """Operators to choose from, for properties."""
    return [
        (Operator.IS.value, _("is one of")),
        (Operator.IS_NOT.value, _("is none of")),
        (Operator.CONTAINS.value, _("contains")),
        (Operator.NOT_CONTAINS.value, _("does not contain")),
        (Operator.STARTS_WITH.value, _("starts with")),
        (Operator.ENDS_WITH.value, _("ends with")),
        (Operator.REGEX.value, _("matches the pattern")),
        (Operator.NOT_REGEX.value, _("does not match the pattern")),
        (Operator.GT.value, _("is more than")),
        (Operator.GTE.value, _("is at least")),
        (Operator.LT.value, _("is less than")),
        (Operator.LTE.value, _("is at most")),
        (Operator.BEFORE.value, _("is before")),
        (Operator.AFTER.value, _("is after")),
        (Operator.SEMVER_EQ.value, _("is version")),
        (Operator.SEMVER_NEQ.value, _("is not version")),
        (Operator.SEMVER_GT.value, _("is a version after")),
        (Operator.SEMVER_GTE.value, _("is a version from")),
        (Operator.SEMVER_LT.value, _("is a version before")),
        (Operator.SEMVER_LTE.value, _("is a version up to")),
        (Operator.SEMVER_TILDE.value, _("is a patch of (~)")),
        (Operator.SEMVER_CARET.value, _("is compatible with (^)")),
        (Operator.IS_SET.value, _("is known")),
        (Operator.IS_NOT_SET.value, _("is not known")),
        (Operator.IN_SEGMENT.value, _("is in the segment")),
        (Operator.NOT_IN_SEGMENT.value, _("is not in the segment")),
    ]


def reason_text(reason: Reason) -> str:
    """Why somebody gets what they get, as a sentence."""
    place = "" if reason.group is None else str(reason.group + 1)
    sentences = {
        ReasonCode.OVERRIDE: _("They are a tester with an override."),
        ReasonCode.DISABLED: _("The flag is off in this environment."),
        ReasonCode.PREREQUISITE: _("The flag %(flag)s does not give them what this one needs.")
        % {"flag": reason.detail},
        ReasonCode.UNIT_MISSING: _("The id that people are dealt by is missing: %(id)s.")
        % {"id": reason.detail},
        ReasonCode.MATCH: _("They meet targeting group %(place)s.") % {"place": place},
        ReasonCode.SPLIT: _("They meet targeting group %(place)s and were dealt in.")
        % {"place": place},
        ReasonCode.NO_MATCH: _("No targeting group takes them in."),
        ReasonCode.FALLBACK: _("Whether they are in a segment is not known here."),
    }
    return sentences[reason.code]


def state_of(rules: Rules) -> tuple[str, str]:
    """A flag's state in an environment, as a word and a tone."""
    if not rules.enabled:
        return _("Off"), "neutral"
    everybody = any(not group.conditions and group.rollout == 100 for group in rules.groups)
    if everybody:
        return _("On"), "success"
    open_groups = [group.rollout for group in rules.groups if not group.conditions]
    if open_groups:
        share = f"{max(open_groups):g}"
        return _("%(share)s %% of people") % {"share": share}, "info"
    return (_("Targeted"), "info") if rules.groups else (_("Nobody"), "warning")
