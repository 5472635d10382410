"""One line of the table that ``make bench`` writes."""

import json
import sys

MARK = "\x1eROW "


def row(
    what: str, subject: str, reference: str = "", ratio: float | None = None, aim: str = ""
) -> None:
    """Report a figure: what was measured, ours, the reference of the same run, ours ÷ reference."""
    fields = {"what": what, "subject": subject, "reference": reference, "ratio": ratio, "aim": aim}
    sys.stdout.write(MARK + json.dumps(fields) + "\n")
    sys.stdout.flush()
