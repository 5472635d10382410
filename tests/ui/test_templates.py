"""Templates hold no style, no script, no colour of their own, and only icons that exist."""

import gzip
import json
import re
from pathlib import Path

import pytest
from markupsafe import Markup

from groundswell.ui.assets import STATIC, Assets
from groundswell.ui.gallery.pages import gallery_environment, names, render, shell
from groundswell.ui.i18n import Reader, reading_as
from groundswell.ui.render import TEMPLATES, Macros
from groundswell.ui.shell import Banner

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/groundswell").rglob("*.html"))
ICONS = set(json.loads((ROOT / "frontend/icons.json").read_text()))
PALETTE = (
    "slate|gray|zinc|neutral|stone|red|orange|amber|yellow|lime|green|emerald|teal|cyan|sky|blue"
    "|indigo|violet|purple|fuchsia|pink|rose"
)
FORBIDDEN = {
    "a style attribute": r"\sstyle\s*=",
    "an inline script or style": r"<style\b|<script(?![^>]*\bsrc=)",
    "an event attribute": r"\son[a-z]+\s*=|hx-on",
    "a raw palette class": rf"\b(?:bg|text|border|ring|fill|stroke)-(?:{PALETTE})-\d",
    "a physical side": r"[\"\s](?:ml|mr|pl|pr|left|right|text-left|text-right)-",
    "a class name made of parts": r"class=\"[^\"]*\w-\{\{",
}


@pytest.mark.parametrize(
    "path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src/groundswell"))
)
def test_a_template_keeps_the_rules(path: Path) -> None:
    text = path.read_text()
    for name, pattern in FORBIDDEN.items():
        found = re.search(pattern, text)
        assert not found, f"{name}: {found.group(0) if found else ''}"
    used = set(re.findall(r"\bicon\(\"([\w-]+)\"", text)) | set(
        re.findall(r"icon_name=\"([\w-]+)\"", text)
    )
    assert used <= ICONS, "add the name to frontend/icons.json"


@pytest.mark.parametrize("name", names())
def test_every_page_of_the_gallery_renders(name: str) -> None:
    page = render(gallery_environment(), name, "light")
    assert page.startswith("<!doctype html>")
    assert page.count("<h1") == 1
    assert "{{" not in page
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_every_macro_is_shown_in_the_gallery_or_called_by_one() -> None:
    env = gallery_environment()
    ui = env.globals["ui"]
    assert isinstance(ui, Macros)
    everything = "".join(path.read_text() for path in SOURCES)
    unused = [
        m
        for m in ui._home
        if not re.search(rf"(?:ui\.|\b){m}\(", everything.replace(f"macro {m}(", ""))
    ]
    assert unused == []


def test_user_data_is_escaped() -> None:
    env = gallery_environment()
    hostile = "<img src=x onerror=alert(1)>"
    html = env.from_string(
        "{{ ui.page_header(h) }}{{ ui.badge(h) }}{{ ui.facts([(h, h)]) }}"
        "{{ ui.field('a', h, value=h, error=h) }}"
    )
    assert "<img" not in html.render(h=hostile)


def test_unknown_names_are_errors() -> None:
    with pytest.raises(Exception, match="nosuch"):
        gallery_environment().from_string("{{ nosuch }}").render()
    with pytest.raises(Exception, match="nosuch"):
        gallery_environment().from_string("{{ ui.nosuch() }}").render()


def test_a_banner_may_post_with_the_token() -> None:
    env = gallery_environment()
    page = shell("/", None, banners=(Banner("Careful", post="/leave", action="Leave"),))
    html = env.from_string("{{ ui.banner(page.banners[0], page) }}").render(page=page)
    assert 'name="csrf_token" value="gallery"' in html


def test_a_right_to_left_reader_gets_a_right_to_left_page() -> None:
    with reading_as(Reader("he")):
        assert 'lang="he" dir="rtl"' in render(gallery_environment(), "growth")


def test_the_bundle_keeps_its_budgets() -> None:
    assets = Assets()
    size = {
        n: len(gzip.compress((STATIC / assets.address(n).removeprefix("/static/")).read_bytes()))
        for n in ("style.css", "app.js", "trend.js", "icons.svg")
    }
    assert size["style.css"] < 20_000
    assert size["app.js"] < 25_000
    assert size["trend.js"] < 28_000
    assert size["icons.svg"] < 6_000


def test_an_icon_is_hidden_from_screen_readers() -> None:
    icon = Assets().icon("users", 'x"y')
    assert isinstance(icon, Markup)
    assert 'aria-hidden="true"' in icon
    assert '"icon x&#34;y"' in icon


def test_the_templates_folder_is_extracted() -> None:
    assert not [p for p in TEMPLATES.rglob("*") if p.name.startswith(("_", "."))]
