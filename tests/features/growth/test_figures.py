"""The figures of the dashboard against the same figures counted by hand."""

from datetime import UTC, date, datetime, timedelta
from importlib import util
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundswell.core.ids import new_id
from groundswell.core.tenancy.directory import Tenant
from groundswell.core.tenancy.scope import system_scope
from groundswell.features.growth import logic
from groundswell.features.growth.types import Range

_spec = util.spec_from_file_location("history", Path(__file__).with_name("history.py"))
history_module = util.module_from_spec(_spec)
_spec.loader.exec_module(history_module)
History, ACTIVATION = history_module.History, history_module.ACTIVATION

# Around changes of the clocks, a zone of +5:45, one that changes by half an hour.
BASES = [
    ("UTC", date(2026, 2, 27)),
    ("Asia/Kathmandu", date(2026, 1, 1)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("America/Santiago", date(2026, 9, 6)),  # midnight itself is skipped
]
NAMES = ["Page Viewed", ACTIVATION, "Order Completed"]


@st.composite
def histories(draw):
    zone, base = draw(st.sampled_from(BASES))
    noon = datetime.combine(base, datetime.min.time(), UTC)
    moments = st.integers(-40 * 1440, 5 * 1440).map(lambda m: noon + timedelta(minutes=m))
    near = st.integers(-36 * 60, 36 * 60).map(lambda m: noon + timedelta(minutes=m))
    when = moments | near
    keys = st.integers(1, 6)
    made = History(
        zone,
        "USD",
        draw(st.lists(st.tuples(keys, st.sampled_from(NAMES), when), max_size=30)),
        draw(
            st.lists(
                st.tuples(keys, when, st.integers(0, 10_000), st.sampled_from(["USD", "EUR"])),
                max_size=6,
            )
        ),
        draw(st.lists(st.tuples(keys, when, st.integers(1, 500)), max_size=3)),
        # Merges, and un-merges that point a key back to itself.
        draw(st.lists(st.tuples(keys, keys), max_size=5)),
    )
    return made, base


def tenant_for(tenant_id, zone, currency="USD"):
    return Tenant(
        tenant_id, "x", "X", currency, zone, "active", ACTIVATION, "default", False, "#3b5bdb"
    )  # fmt: skip


async def counted(platform, made, period):
    tenant_id = new_id()
    await made.write(platform.store, tenant_id)
    scope = system_scope(tenant_id, "test")
    return await logic.figures(
        platform, scope, tenant_for(tenant_id, made.zone), period, period.first
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=histories())
async def test_every_figure_is_what_counting_by_hand_gives(platform, drawn):
    """Late and repeated rows, merges and un-merges, refunds, two currencies, odd zones."""
    made, base = drawn
    period = Range(base - timedelta(days=9), base + timedelta(days=3))
    assert await counted(platform, made, period) == made.figures(period.first, period.last)
