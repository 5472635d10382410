"""Who counts as one sender when passwords are tried."""

import pytest

from groundswell.features.access.logic.throttle import network_of


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_a_host_with_a_whole_network_of_addresses_is_one_sender(address: str, counted: str) -> None:
    assert network_of(address) == counted


async def test_workspaces_are_made_at_the_pace_of_sign_ups(sign_in):
    """Each one makes every process read the whole directory again."""
    browser = await sign_in("owner")
    answers = [
        await browser.post("/workspaces/new", data={"tenant_name": "", "slug": ""})
        for _ in range(12)
    ]
    assert [answer.status_code for answer in answers].count(429) >= 1
