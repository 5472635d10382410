"""The Jinja environment that pages, mails and the gallery share. Knows nothing of HTTP."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from groundswell.core.clock import now
from groundswell.ui import charts, i18n, links
from groundswell.ui import format as formats
from groundswell.ui.assets import Assets

TEMPLATES = Path(__file__).parent / "templates"

FILTERS = {
    "change": formats.change,
    "compact": formats.compact,
    "day": formats.day,
    "day_short": formats.day_short,
    "duration": formats.duration,
    "initials": formats.initials,
    "moment": formats.moment,
    "money": formats.money,
    "money_compact": formats.money_compact,
    "number": formats.number,
    "percent": formats.percent,
}


class Macros:
    """Every macro of ``templates/ui/*.html`` as an attribute, so that pages import nothing."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._home: dict[str, str] = {}
        # Before the first template is loaded: its module keeps the globals of that moment.
        env.globals["ui"] = self
        for path in sorted((TEMPLATES / "ui").glob("*.html")):
            name = f"ui/{path.name}"
            module = env.get_template(name).module
            self._home.update(dict.fromkeys(_public(module), name))

    def __getattr__(self, macro: str) -> Any:
        try:
            home = self._home[macro]
        except KeyError:
            raise AttributeError(f"no ui macro {macro!r}") from None
        return getattr(self._env.get_template(home).module, macro)


def environment(
    loaders: Sequence[BaseLoader], *, assets: Assets | None = None, reload: bool = False
) -> Environment:
    """Templates of the design system, then those of ``loaders``.

    Pages get the filters of ``ui.format``, ``icon``, ``asset``, ``ui`` (the macros), ``column``,
    ``with_query`` and gettext; they pass ``page`` (``ui.shell.Page`` or ``Shell``).
    """
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(TEMPLATES), *loaders]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=reload,
    )
    env.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.filters.update(FILTERS, relative=_relative, json=_json)
    bundle = assets or Assets()
    env.globals.update(
        asset=bundle.address,
        icon=bundle.icon,
        reader=i18n.reader,
        column=links.Column,
        choice=links.Choice,
        with_query=links.with_query,
        draw=charts.draw,
        trend_data=charts.trend_data,
        FLAT=formats.FLAT,
    )
    Macros(env)
    return env


def _public(module: object) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


def _relative(value: datetime) -> str:
    return formats.relative(value, now())


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
