"""Links to the same page with another choice keep what was chosen before."""

from groundswell.ui.gallery.pages import shell
from groundswell.ui.links import Sort, with_query


def test_a_change_keeps_the_rest_and_nothing_removes() -> None:
    assert with_query("/people", {"q": "a&b", "cursor": "x"}, cursor=None) == "/people?q=a%26b"
    assert with_query("/people", {}, q="") == "/people"


def test_sorting_again_turns_the_order_and_forgets_the_cursor() -> None:
    sort = Sort("/people", "spent", True, {"q": "a", "cursor": "x"})
    assert sort.href("spent") == "/people?q=a&sort=spent"
    assert sort.href("orders") == "/people?q=a&sort=-orders"
    assert (sort.state("spent"), sort.state("orders")) == ("descending", None)


def test_a_section_is_current_on_its_pages() -> None:
    page = shell("/orders/10482", None)
    assert page.is_current("/orders")
    assert not page.is_current("/order")
    assert not page.is_current("/")
