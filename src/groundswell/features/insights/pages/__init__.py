"""Pages of insights: what was kept, the builder, the people behind a figure."""

from groundswell.features.insights.pages.builder import (
    build,
    forget_insight,
    keep_insight,
    list_insights,
    show_insight,
    show_people,
)
from groundswell.ui.shell import NavGroup, NavItem

PAGES = (list_insights, build, show_people, keep_insight, show_insight, forget_insight)
NAV = (NavGroup((NavItem("Insights", "/insights", "chart-line"),), "Analyse"),)
