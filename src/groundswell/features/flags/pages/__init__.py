"""Pages of flags."""

from groundswell.features.flags.pages import flag, listing, stages
from groundswell.ui.shell import NavGroup, NavItem

PAGES = (*listing.PAGES, *stages.PAGES, *flag.PAGES)
NAV = (NavGroup((NavItem("Flags", listing.PATH, "flag"),), "Release"),)
