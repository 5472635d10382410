"""What the builder offers to choose from."""

from groundswell.features.insights.pages.form import Fields
from groundswell.ui.i18n import gettext as _
from groundswell.ui.links import Choice, with_query

Options = list[tuple[str, str]]
_LENGTHS = (7, 30, 90, 365)


def kinds() -> Options:
    """Kinds of questions by their names."""
    return [
        ("trends", _("Trends")),
        ("funnel", _("Funnel")),
        ("retention", _("Retention")),
        ("lifecycle", _("Lifecycle")),
        ("stickiness", _("Stickiness")),
    ]


def tabs(path: str, fields: Fields) -> list[Choice]:
    """One tab a kind; the days and the first event come along."""
    kept = {name: fields.text(name) for name in ("days", "from", "to", "event_0")}
    chosen = fields.text("kind", "trends")
    return [
        Choice(label, with_query(path, kept, kind=key), current=key == chosen)
        for key, label in kinds()
    ]


def ranges(path: str, fields: Fields) -> list[Choice]:
    """The usual ranges for the same question."""
    asked = {
        name: value
        for name, value in fields.values.items()
        if name not in ("from", "to", "days", "add")
    }
    days = "" if fields.text("from") else fields.text("days", "30")
    return [
        Choice(
            _("%(num)s days") % {"num": length},
            with_query(path, asked, days=length),
            current=days == str(length),
        )
        for length in _LENGTHS
    ]


def rows(fields: Fields) -> dict[str, list[int]]:
    """Numbers of the rows each list shows: the filled ones, and one more where asked for."""
    least = 2 if fields.text("kind") in ("funnel", "retention") else 1
    found = {}
    for name, most, at_least in (("event", 20, least), ("filter", 20, 0), ("by", 3, 0)):
        filled = max(fields.rows(name), default=-1) + 1
        wanted = filled + 1 if fields.text("add") == name else filled
        found[name] = list(range(min(max(wanted, at_least), most)))
    return found


def options() -> dict[str, Options]:
    """Values and names of every select."""
    return {
        "measure": _measures(),
        "op": _operators(),
        "of": [
            ("event", _("of the event")),
            ("person", _("of the person then")),
            ("current_person", _("of the person now")),
            ("order", _("of the order")),
        ],
        "interval": [
            ("hour", _("Hour")),
            ("day", _("Day")),
            ("week", _("Week")),
            ("month", _("Month")),
        ],
        "view": [
            ("interval", _("Each interval")),
            ("cumulative", _("Cumulative")),
            ("rolling", _("Rolling, 7 intervals")),
            ("rolling_average", _("Rolling average, 7 intervals")),
        ],
        "order": [
            ("ordered", _("In this order")),
            ("strict", _("In this order, nothing in between")),
            ("any", _("In any order")),
        ],
        "unit": [
            ("minute", _("minutes")),
            ("hour", _("hours")),
            ("day", _("days")),
            ("week", _("weeks")),
        ],
        "cohorts": [
            ("first", _("Only the first time ever")),
            ("every", _("Every time")),
        ],
        "back": [
            ("", _("In that period")),
            ("rolling", _("In that period or later")),
        ],
    }


def _measures() -> Options:
    return [
        ("count", _("Number of times")),
        ("people", _("Different people")),
        ("per_person", _("Average per person")),
        ("sum", _("Sum of")),
        ("average", _("Average of")),
        ("median", _("Median of")),
        ("p90", _("90th percentile of")),
        ("p95", _("95th percentile of")),
        ("p99", _("99th percentile of")),
        ("min", _("Smallest")),
        ("max", _("Largest")),
        ("unique", _("Different values of")),
    ]


def _operators() -> Options:
    return [
        ("equals", _("is")),
        ("not_equals", _("is not")),
        ("in", _("is one of (a, b)")),
        ("not_in", _("is none of (a, b)")),
        ("contains", _("contains")),
        ("not_contains", _("does not contain")),
        ("regex", _("matches the pattern")),
        ("gt", _("is more than")),
        ("gte", _("is at least")),
        ("lt", _("is less than")),
        ("lte", _("is at most")),
        ("between", _("is between (1, 5)")),
        ("is_set", _("is set")),
        ("is_not_set", _("is not set")),
        ("before", _("is before the day")),
        ("on", _("is on the day")),
        ("after", _("is after the day")),
    ]
