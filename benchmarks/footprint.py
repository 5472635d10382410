"""What the whole installation costs at rest: memory 60 s after an import, start and stop times.

``python -m benchmarks.footprint``. Memory is PSS (pages that processes share are counted once).
The reference is the same tree's RSS, which counts them again for every process.
"""

import os
import random
import tempfile
import time
from pathlib import Path

import psutil
from benchmarks.report import row
from tests.installation import Installation

REST_SECONDS = int(os.environ.get("REST_SECONDS", "60"))
ORDERS = 7_000
STARTS = 3


def main() -> None:
    """Print and report the figures."""
    with tempfile.TemporaryDirectory(prefix="gs-footprint-") as folder:
        installation = Installation(Path(folder) / "home")
        first = installation.start()
        try:
            _import(installation, Path(folder) / "orders.csv")
            time.sleep(REST_SECONDS)
            _memory(installation)
        finally:
            installation.stop()
        row("first start, ready", f"{first:.1f} s")
        restarts, stops = [], []
        for _ in range(STARTS):
            restarts.append(installation.start())
            stops.append(installation.stop())
        row("restart, ready (median of 3)", f"{sorted(restarts)[1]:.1f} s", aim="< 5 s")
        row("stop (median of 3)", f"{sorted(stops)[1]:.1f} s", aim="< 5 s")


def _import(installation: Installation, path: Path) -> None:
    chance = random.Random(7)
    lines = ["customer,date,items,amount"]
    for _ in range(ORDERS):
        day = f"2026-{chance.randrange(1, 11):02}-{chance.randrange(1, 28):02}"
        amount = f"{chance.randrange(500, 9_000) / 100:.2f}"
        lines.append(f"c{chance.randrange(2_400)},{day},{chance.randrange(1, 6)},{amount}")
    path.write_text("\n".join(lines) + "\n")
    installation.init("bench", "bench@example.com", "a long pass phrase")
    started = time.monotonic()
    installation.cli("import", "orders", str(path), "--tenant", "bench", "--currency", "USD")
    row("import of 7,000 orders, command included", f"{time.monotonic() - started:.1f} s")


def _memory(installation: Installation) -> None:
    assert installation.process is not None
    root = psutil.Process(installation.process.pid)
    total = resident = 0
    for process in [root, *root.children(recursive=True)]:
        memory = process.memory_full_info()
        total += memory.pss
        resident += memory.rss
        print(f"{memory.pss / 1e6:7.0f} MB  {' '.join(process.cmdline())[:90]}")
    row(
        f"memory of everything, {REST_SECONDS} s after the import",
        f"{total / 1e6:.0f} MB PSS", f"{resident / 1e6:.0f} MB RSS", total / resident, "< 700 MB",
    )  # fmt: skip


if __name__ == "__main__":
    main()
