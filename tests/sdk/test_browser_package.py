"""The browser package as it is built: small, plain, and of one version everywhere."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDK = ROOT / "sdk/browser"
PACKAGE = json.loads((SDK / "package.json").read_bytes())
BUILT = ROOT / "src/groundswell/ui/static/sdk" / PACKAGE["version"]
TSC = ROOT / "node_modules/.bin/tsc"
BUDGET = 12_000
"""Bytes of the script, packed."""


@pytest.mark.parametrize("name", ["groundswell.js", "groundswell.mjs"])
def test_it_is_small_and_needs_no_evil(name: str) -> None:
    """Within the budget, in ES2019, and nothing that a strict policy forbids."""
    code = (BUILT / name).read_bytes()
    assert len(gzip.compress(code, 9)) < BUDGET
    text = code.decode()
    assert not re.search(r"\beval\(|new Function|innerHTML|document\.write|\.style\b", text)
    assert "?." not in text
    assert "??" not in text


@pytest.mark.skipif(not TSC.exists(), reason="TypeScript is missing: run python hatch_build.py")
def test_types_hold_and_are_published(tmp_path: Path) -> None:
    """The sources compile strictly, and a caller gets types."""
    done = subprocess.run([TSC, "-p", SDK, "--outDir", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for name in ("track", "identify", "optIn", "flush"):
        assert f"    {name}(" in (tmp_path / "types.d.ts").read_text()
    assert (tmp_path / "index.d.ts").exists()


def test_changes_name_the_version() -> None:
    """The change log and the Python package's are of the version that is built."""
    assert f"## {PACKAGE['version']}" in (SDK / "CHANGELOG.md").read_text()
    python = ROOT / "sdk/python"
    assert f"## {PACKAGE['version']}" in (python / "CHANGELOG.md").read_text()
    assert PACKAGE["version"] in (python / "src/groundswell_sdk/_version.py").read_text()
