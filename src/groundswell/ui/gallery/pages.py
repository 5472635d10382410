"""The gallery's pages and how to write them."""

import shutil
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader

from groundswell.ui import theme
from groundswell.ui.assets import STATIC
from groundswell.ui.gallery import people, shop
from groundswell.ui.render import environment
from groundswell.ui.shell import Banner, Flash, Member, NavGroup, NavItem, Page, Shell, Workspace

TEMPLATES = Path(__file__).parent / "templates"
ERRORS = ("401", "403", "404", "429", "500", "503")

NAV = (
    NavGroup((NavItem("Growth", "/growth", "trending-up"),)),
    NavGroup(
        (
            NavItem("People", "/people", "users"),
            NavItem("Orders", "/orders", "shopping-bag"),
        ),
        "Customers",
    ),
    NavGroup(
        (
            NavItem("Live events", "/events", "radio"),
            NavItem("Refused events", "/events/refused", "ban", 41),
        ),
        "Data",
    ),
    NavGroup(
        (
            NavItem("Keys", "/settings/keys", "key-round"),
            NavItem("Members", "/settings/members", "user-plus"),
            NavItem("Audit log", "/settings/audit", "scroll-text"),
            NavItem("Failed jobs", "/settings/jobs", "list-checks", 3, attention=True),
        ),
        "Settings",
    ),
)

TOKEN = "gallery"  # noqa: S105 - stands for the session's
Mode = Literal["light", "dark"]


def shell(path: str, theme_name: Mode | None, **more: Any) -> Shell:
    """A signed-in member of a coffee shop."""
    return Shell(
        csrf_token=TOKEN,
        theme=theme_name,
        nav=NAV,
        path=path,
        workspace=Workspace("1", "Northwind Coffee", "Production"),
        workspaces=(
            Workspace("1", "Northwind Coffee", "Production"),
            Workspace("2", "Northwind Tea", "Production"),
            Workspace("3", "Sandbox", "Test data"),
        ),
        member=Member("Mira Okafor", "mira@northwind.example", "Owner"),
        account_href="/account",
        new_workspace_href="/workspaces/new",
        **more,
    )


def pages() -> dict[str, tuple[str, dict[str, Any]]]:
    """Page name → path and context."""
    exported = Flash(
        "Export ready", text="Orders, last 30 days · 18,204 rows", href="#", link="Download"
    )
    banner = Banner(
        "You are looking at Northwind Coffee as Mira Okafor. Everything you do is recorded.",
        post="/operator/leave",
        action="Leave",
    )
    disk = Banner("The disk is full: nothing is accepted until there is room.", "error")
    return {
        "growth": ("/growth", shop.growth()),
        "orders": ("/orders", shop.orders()),
        "order": ("/orders/10482", shop.order()),
        "people": ("/people", people.listing()),
        "person": ("/people/1", people.person()),
        "keys": ("/settings/keys", {**people.keys(), "flashes": (exported,)}),
        "audit": ("/settings/audit", people.audit()),
        "jobs": ("/settings/jobs", {**people.jobs(), "banners": (banner, disk)}),
        "empty": ("/events", {"endpoint": "https://shop.example"}),
        "forms": ("/settings/members", people.forms()),
    }


def gallery_environment() -> Environment:
    """The design system's environment with the gallery's own templates."""
    return environment([FileSystemLoader(TEMPLATES)])


def render(env: Environment, name: str, mode: Mode | None = None, brand_css: str = "") -> str:
    """One page of the gallery as HTML."""
    if name in ERRORS:
        page = Page(theme=mode, brand_css=brand_css)
        return env.get_template(f"errors/{name}.html").render(
            page=page,
            request_id="0198f3c2-7d1e" if name == "500" else "",
            retry_after=30 if name in ("429", "503") else 0,
        )
    if name == "sign-in":
        page = Page(csrf_token=TOKEN, theme=mode, brand_css=brand_css)
        return env.get_template("gallery/sign-in.html").render(page=page, error=None)
    path, context = pages()[name]
    around = {key: context[key] for key in ("flashes", "banners") if key in context}
    page = shell(path, mode, brand_css=brand_css, **around)
    return env.get_template(f"gallery/{name}.html").render(page=page, **context)


def names() -> list[str]:
    """Every page of the gallery."""
    return [*pages(), "sign-in", *ERRORS]


def write(folder: Path) -> list[str]:
    """Write ``NAME.html`` (the system's theme), ``NAME-dark.html``, and the bundle."""
    env = gallery_environment()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(STATIC, folder / "static", dirs_exist_ok=True)
    (folder / "orange.css").write_text(theme.stylesheet("#ff7a00"))
    for name in names():
        (folder / f"{name}.html").write_text(render(env, name, "light"))
        (folder / f"{name}-dark.html").write_text(render(env, name, "dark"))
    (folder / "growth-orange.html").write_text(render(env, "growth", "light", "/orange.css"))
    return names()
