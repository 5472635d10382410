"""What every page stands in: navigation, workspace, member, theme, toasts."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from groundswell.app.features import exported
from groundswell.core.http.access import RouteEntry
from groundswell.core.http.caller import AnyRequest, caller_of, platform_of
from groundswell.core.http.cookies import Flash as SentFlash
from groundswell.core.http.pages import form_token
from groundswell.core.identity.api import SessionInfo, tenants_of
from groundswell.core.tenancy.permissions import Permission
from groundswell.ui.i18n import Reader, set_reader
from groundswell.ui.shell import Flash, Member, NavGroup, NavItem, Page, Shell, Workspace

THEME_COOKIE = "theme"
_LANGUAGES = ("en",)


class Frames:
    """Builds the frame of a page; knows the route table, so the menu shows only what opens."""

    def __init__(self, table: Sequence[RouteEntry]) -> None:
        self._needed: dict[str, Permission | None] = {
            entry.path: entry.access.permission for entry in table if entry.method == "GET"
        }

    async def build(self, request: AnyRequest, flashes: tuple[SentFlash, ...]) -> Page:
        """The frame for whoever is signed in; without a workspace, the bare page."""
        caller = caller_of(request)
        session = caller.session
        shown = tuple(msgspec.convert(msgspec.to_builtins(f), Flash) for f in flashes)
        if session is None or session.tenant_id is None:
            return self.bare(request, shown)
        tenant = platform_of(request).directory.tenant(session.tenant_id)
        set_reader(Reader(_language(request), tenant.timezone if tenant else "UTC"))
        return Shell(
            csrf_token=form_token(request),
            theme=_theme(request),
            flashes=shown,
            nav=self._nav(session),
            path=request.scope["path"],
            workspace=Workspace(str(session.tenant_id), tenant.name if tenant else ""),
            workspaces=await _workspaces(request, session),
            member=Member(session.name or session.email, session.email, session.role or ""),
            account_href="/account" if "/account" in self._needed else "",
            new_workspace_href="/workspaces/new" if "/workspaces/new" in self._needed else "",
        )

    def bare(self, request: AnyRequest, flashes: tuple[Flash, ...] = ()) -> Page:
        """The frame of sign-in and error pages."""
        set_reader(Reader(_language(request)))
        return Page(csrf_token=form_token(request), theme=_theme(request), flashes=flashes)

    def _nav(self, session: SessionInfo) -> tuple[NavGroup, ...]:
        held = session.scope.permissions if session.scope else frozenset()
        groups = []
        for group in navigation():
            items = tuple(item for item in group.items if self._opens(item, held))
            if items:
                groups.append(msgspec.structs.replace(group, items=items))
        return tuple(groups)

    def _opens(self, item: NavItem, held: frozenset[Permission]) -> bool:
        needed = self._needed.get(item.href.partition("?")[0])
        return needed is None or needed in held


@lru_cache(maxsize=1)
def navigation() -> tuple[NavGroup, ...]:
    """The menu: higher features first (the dashboard before people before settings)."""
    groups: dict[str, list[NavItem]] = {"": []}
    for entry in exported("pages", "NAV", highest_first=True):
        if isinstance(entry, NavGroup):
            groups.setdefault(entry.label, []).extend(entry.items)
        else:
            groups[""].append(entry)
    return tuple(NavGroup(tuple(items), label) for label, items in groups.items() if items)


def _theme(request: AnyRequest) -> Any:
    value = request.cookies.get(THEME_COOKIE)
    return value if value in ("light", "dark") else None


def _language(request: AnyRequest) -> str:
    wanted = request.headers.get("accept-language", "")[:200].split(",")
    tags = [tag.partition(";")[0].strip().lower() for tag in wanted]
    return next((tag for tag in tags if tag in _LANGUAGES), _LANGUAGES[0])


async def _workspaces(request: AnyRequest, session: SessionInfo) -> tuple[Workspace, ...]:
    found = await tenants_of(platform_of(request), session.member_id)
    return tuple(Workspace(str(t.tenant_id), t.name, t.role) for t in found)
