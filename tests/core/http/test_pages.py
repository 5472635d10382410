"""What a ``next`` parameter may lead to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.http.pages import safe_path


@pytest.mark.parametrize("path", ["/", "/growth", "/people?sort=-name&cursor=x", "/a/b#c"])
def test_paths_of_ours_are_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "growth",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\nLocation: x",
        "/a\tb",
        "/ö",
        "/a\x00",
        " /a",
        "///evil",
        "/[::",
        "//[",
        "//[::1",
    ],
)
def test_everything_else_leads_to_the_start(path: str) -> None:
    assert safe_path(path) in ("/", "/[::")
    assert not safe_path(path).startswith("//")


@given(st.text(max_size=40))
def test_a_safe_path_never_leaves_this_host(text: str) -> None:
    found = safe_path(text)
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))
    assert found.isprintable()
