"""Whose address a request has: the socket's, or what our own proxy says."""

from types import SimpleNamespace

import pytest

from groundswell.core.http.caller import address_of


def request(peer: str, forwarded: str, public_url: str | None) -> SimpleNamespace:
    settings = SimpleNamespace(public_url=public_url)
    return SimpleNamespace(
        scope={"client": (peer, 1)},
        headers={"x-forwarded-for": forwarded} if forwarded else {},
        app=SimpleNamespace(state=SimpleNamespace(platform=SimpleNamespace(settings=settings))),
    )


@pytest.mark.parametrize(
    ("peer", "forwarded", "public_url", "expected"),
    [
        ("203.0.113.9", "", None, "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1", None, "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "https://x", "198.51.100.1"),
        ("10.0.0.4", "1.1.1.1, 198.51.100.1", "https://x", "198.51.100.1"),
        ("8.8.8.8", "198.51.100.1", "https://x", "8.8.8.8"),
        ("127.0.0.1", "<script>", "https://x", "127.0.0.1"),
        ("127.0.0.1", "", "https://x", "127.0.0.1"),
    ],
)
def test_only_our_proxy_is_believed(peer, forwarded, public_url, expected):
    assert address_of(request(peer, forwarded, public_url)) == expected
