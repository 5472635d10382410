"""Pages of growth: the dashboard, and the first steps before it has anything to show."""

from groundswell.features.growth.pages import dashboard, first_steps
from groundswell.ui.shell import NavItem

PAGES = (
    dashboard.home,
    dashboard.show,
    first_steps.show,
    first_steps.make_key,
    first_steps.arrival,
)
NAV = (NavItem("Growth", dashboard.PATH, "trending-up"),)
