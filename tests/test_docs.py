"""The guides are true: links lead somewhere, and what they name exists."""

import re
from functools import cache
from pathlib import Path

import click
import pytest

from groundswell.app.reference import routes_page, settings_page
from groundswell.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("decisions/*.md")])
GUIDES = [page for page in PAGES if page.name not in ("routes.md", "settings.md")]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_API = re.compile(r"/api/[a-z0-9{}$_./-]*[a-z0-9}]")
_SETTING = re.compile(r"\bGROUNDSWELL_[A-Z_]+[A-Z]")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The fragments under which a page's headings are reached."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@cache
def commands() -> dict[str, click.Command]:
    """Every command by its words, such as ``import orders``."""
    context = click.Context(cli)
    found: dict[str, click.Command] = {}
    waiting = [(name, cli.get_command(context, name)) for name in cli.list_commands(context)]
    while waiting:
        name, command = waiting.pop()
        assert command is not None
        if isinstance(command, click.Group):
            waiting += [(f"{name} {sub}", each) for sub, each in command.commands.items()]
        else:
            found[name] = command
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in _LINK.findall(page.read_text()):
        target, _, fragment = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (fragment and fragment not in anchors(path)):
            dead.append(link)
    assert dead == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    missing = [p.name for p in ROOT.glob("docs/*.md") if f"({p.name})" not in index]
    assert [name for name in missing if name != "README.md"] == []


def test_every_setting_a_guide_names_exists() -> None:
    known = set(_SETTING.findall(settings_page())) | {"GROUNDSWELL_SKIP_FRONTEND"}
    wrong = [(p.name, n) for p in GUIDES for n in _SETTING.findall(p.read_text()) if n not in known]
    assert wrong == []


def test_every_command_and_option_is_documented() -> None:
    text = "\n".join(page.read_text() for page in GUIDES)
    lost = [name for name in commands() if f"groundswell {name}" not in text]
    assert lost == []
    options = [o for p in commands()["import orders"].params for o in p.opts if o.startswith("--")]
    orders = (ROOT / "docs/orders.md").read_text()
    assert [o for o in options if o not in orders and o != "--home"] == []


def test_every_api_path_a_guide_names_is_a_route() -> None:
    routes = {
        re.sub(r"\{[^}]*\}", "*", path) for path in re.findall(r"\| `(/[^`]*)`", routes_page())
    }
    starts = {"/".join(path.split("/")[:depth]) for path in routes for depth in range(2, 9)}
    wrong = []
    for page in GUIDES:
        for path in _API.findall(page.read_text()):
            parts = path.rstrip("/").split("/")
            known = [s for s in starts if len(s.split("/")) == len(parts)]
            fits = any(
                all(a in ("*", b) for a, b in zip(s.split("/"), parts, strict=True)) for s in known
            )
            if not fits:
                wrong.append((page.name, path))
    assert wrong == []
