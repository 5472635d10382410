"""Every benchmark in turn, then one table: ``make bench``, or ``make bench ARGS="capture growth"``.

A benchmark is a module of this folder that calls :func:`benchmarks.report.row`. The table is also
written to ``.artifacts/bench.md``.
"""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.report import MARK

ROOT = Path(__file__).parent.parent
_NOT_ONE = {"__init__", "__main__", "report", "load", "shop"}
Row = dict[str, str | float | None]


def names(wanted: list[str]) -> list[str]:
    """The benchmarks to run."""
    known = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    return wanted or [name for name in known if name not in _NOT_ONE]


def run(name: str) -> list[Row]:
    """Run one in a process of its own; what it says is passed on, its rows are kept."""
    print(f"\n== {name}", flush=True)
    rows: list[Row] = []
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(MARK):
            rows.append(json.loads(line.removeprefix(MARK)))
        else:
            print(line, end="", flush=True)
    if process.wait():
        rows.append(
            {"what": f"{name} failed", "subject": "", "reference": "", "ratio": None, "aim": ""}
        )
    return rows


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = ["| what | subject | reference, same run | ratio | aim |", "|---|---|---|---|---|"]
    for each in rows:
        ratio = f"{each['ratio']:.2f}" if each["ratio"] is not None else ""
        cells = (each["what"], each["subject"], each["reference"], ratio, each["aim"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run them; 1 if one failed."""
    rows = [found for name in names(sys.argv[1:]) for found in run(name)]
    text = table(rows)
    artifacts = ROOT / ".artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / "bench.md").write_text(text)
    print("\n" + text)
    return int(any(str(each["what"]).endswith(" failed") for each in rows))


if __name__ == "__main__":
    sys.exit(main())
