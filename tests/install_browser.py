"""Find or install a Chromium for the page tests; say plainly when there is none."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str | None:
    """Path of an installed Chromium, if any. CHROMIUM names another one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def install() -> None:
    """Debian's package where we may install one; else Playwright's own download."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False, **quiet)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
            env=environment,
            check=False,
            **quiet,
        )
        return
    subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"], check=False, timeout=300
    )


def main() -> int:
    """Make a browser available if it can be; never fail the run for it."""
    if browser() is None:
        install()
    if browser() is None and not os.path.isdir(os.path.expanduser("~/.cache/ms-playwright")):
        print("No Chromium here and none could be installed: page tests will be SKIPPED.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
