"""Pages of access: sign-in and up, keys, members, account, tenant."""

from groundswell.features.access.pages import account, keys, members, sign_in, tenant
from groundswell.ui.shell import NavGroup, NavItem

PAGES = (*sign_in.PAGES, *keys.PAGES, *members.PAGES, *account.PAGES, *tenant.PAGES)

NAV = (
    NavGroup(
        (
            NavItem("API keys", keys.PATH, "key-round"),
            NavItem("Members", members.PATH, "users"),
            NavItem("Workspace", tenant.PATH, "settings"),
        ),
        "Settings",
    ),
)
