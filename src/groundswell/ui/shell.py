"""What a page needs around its content: values the app fills in for each request."""

from typing import Literal

import msgspec

Tone = Literal["success", "warning", "error", "info", "neutral"]


class Flash(msgspec.Struct, frozen=True):
    """One toast: the outcome, a detail, at most one link. Errors stay until closed."""

    title: str
    tone: Tone = "success"
    text: str = ""
    href: str = ""
    link: str = ""


class Banner(msgspec.Struct, frozen=True):
    """A lasting notice above every page; ``post`` makes its one action a form."""

    text: str
    tone: Tone = "warning"
    href: str = ""
    post: str = ""
    action: str = ""


class NavItem(msgspec.Struct, frozen=True):
    """A place in the sidebar; ``attention`` paints the count as something to look at."""

    label: str
    href: str
    icon: str
    count: int = 0
    attention: bool = False


class NavGroup(msgspec.Struct, frozen=True):
    """Places under one label; the first group goes without."""

    items: tuple[NavItem, ...]
    label: str = ""


class Workspace(msgspec.Struct, frozen=True):
    """A tenant that the member may switch to."""

    id: str
    name: str
    note: str = ""


class Member(msgspec.Struct, frozen=True):
    """Who is signed in."""

    name: str
    email: str
    role: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What every page has, also those without a member (sign-in, errors)."""

    csrf_token: str = ""
    theme: Literal["light", "dark"] | None = None
    brand_css: str = ""
    flashes: tuple[Flash, ...] = ()


class Shell(Page, frozen=True, kw_only=True):
    """What a page with the sidebar has besides."""

    nav: tuple[NavGroup, ...]
    path: str
    workspace: Workspace
    workspaces: tuple[Workspace, ...]
    member: Member
    switch_action: str = "/session/tenant"
    sign_out_action: str = "/sign-out"
    account_href: str = ""
    new_workspace_href: str = ""
    banners: tuple[Banner, ...] = ()

    def is_current(self, href: str) -> bool:
        """Whether ``href`` is the page shown or the section that holds it."""
        return self.path == href or (href != "/" and self.path.startswith(href + "/"))
