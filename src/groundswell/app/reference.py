"""Pages of docs/ that are written from the code: settings, routes, permissions.

``python -m groundswell.app.reference docs`` writes them; ``--check docs`` fails when they differ.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_core import PydanticUndefined

from groundswell.core.config import Settings

if TYPE_CHECKING:
    from groundswell.core.http.access import RouteEntry

_URLS = {
    "database_url",
    "database_owner_url",
    "database_system_url",
    "clickhouse_url",
    "log_url",
    "cache_url",
    "files_url",
    "smtp_url",
    "cron_secret",
}
_COMPUTED = {"home": "`~/.groundswell`", "web_workers": "number of cores"}


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Read once at start: command-line options first, then the environment, then one TOML file",
        "(`GROUNDSWELL_CONFIG`, else `config.toml` in the home folder; keys in lower case without",
        "the prefix). A wrong value stops the start and is named. This page is generated.",
        "",
        "| variable | default | what it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        variable = name.upper() if name in _URLS else f"GROUNDSWELL_{name.upper()}"
        default = field.default
        if name in _COMPUTED:
            shown = _COMPUTED[name]
        elif default is None or default is PydanticUndefined:
            shown = "unset"
        else:
            shown = f"`{default}`".lower() if isinstance(default, bool) else f"`{default}`"
        lines.append(f"| `{variable}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


def routes_page() -> str:
    """docs/routes.md: the whole security surface on one page."""
    entries = _routes()
    lines = [
        "# Routes and permissions",
        "",
        "Every route says who may call it; one that says nothing stops the start. `member` is",
        "anyone signed in, `cron` who sends CRON_SECRET, `public` everybody. Generated.",
        "",
        "| method | path | permission |",
        "|---|---|---|",
    ]
    for entry in sorted(entries, key=lambda entry: (entry.path, entry.method)):
        needed = entry.access.permission or entry.access.door
        lines.append(f"| {entry.method} | `{entry.path}` | {needed.value} |")
    return "\n".join(lines) + "\n"


def _routes() -> "list[RouteEntry]":
    from litestar import Litestar

    from groundswell.app.features import exported
    from groundswell.app.operations import OPERATIONS
    from groundswell.app.reference_pages import REFERENCE
    from groundswell.core.http.access import route_table
    from groundswell.core.http.handlers import DEPENDENCIES, prepared

    handlers = [*OPERATIONS, *REFERENCE, *exported("routes", "ROUTES"), *exported("pages", "PAGES")]
    app = Litestar(prepared(handlers), dependencies=DEPENDENCIES, openapi_config=None)
    return [*route_table(app), *exported("api", "CAPTURE_ROUTES")]


PAGES = {"settings.md": settings_page, "routes.md": routes_page}


def main(arguments: list[str]) -> int:
    """Write or check the pages; 1 if a check failed."""
    check = "--check" in arguments
    folder = Path(next(a for a in arguments if a != "--check"))
    stale = []
    for name, page in PAGES.items():
        text, path = page(), folder / name
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(str(path))
    for name in stale:
        sys.stderr.write(f"{name} is not what the code says. Run make docs.\n")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
