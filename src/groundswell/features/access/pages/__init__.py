"""Pages of access: sign-in and up, keys, members, account, tenant, mail."""

from groundswell.features.access.pages import (
    account,
    keys,
    mail,
    members,
    password,
    sign_in,
    tenant,
)
from groundswell.ui.shell import NavGroup, NavItem

PAGES = (
    *sign_in.PAGES,
    *password.PAGES,
    *keys.PAGES,
    *members.PAGES,
    *account.PAGES,
    *tenant.PAGES,
    *mail.PAGES,
)

NAV = (
    NavGroup(
        (
            NavItem("API keys", keys.PATH, "key-round"),
            NavItem("Members", members.PATH, "users"),
            NavItem("Mail", mail.PATH, "mail"),
            NavItem("Workspace", tenant.PATH, "settings"),
        ),
        "Settings",
    ),
)
