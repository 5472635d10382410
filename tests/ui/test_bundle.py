"""The bundle is built when its sources change, and only then."""

import importlib.util
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build hook over a small checkout, with the bundling itself counted, not done."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("package.json", "package-lock.json", ".npmrc", "frontend/a.ts"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    static = tmp_path / "src/groundswell/ui/static"
    static.mkdir(parents=True)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "STAMP", static / ".sources")
    monkeypatch.setattr(module, "run_build", lambda command: None)
    monkeypatch.delenv("GROUNDSWELL_SKIP_FRONTEND", raising=False)
    return module


def test_a_second_build_does_nothing_until_a_template_changes(
    hook: ModuleType, tmp_path: Path
) -> None:
    assert hook.build()
    assert not hook.build()
    page = tmp_path / "src/groundswell/features/x/templates/x/page.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p class='mt-4'>")
    assert hook.build()


def test_the_front_end_may_be_skipped(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_SKIP_FRONTEND", "1")
    assert not hook.build()


def test_asking_whether_anything_changed_is_quick(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "ROOT", ROOT)
    start = time.perf_counter()
    hook.sources_digest()
    assert time.perf_counter() - start < 0.2


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()
