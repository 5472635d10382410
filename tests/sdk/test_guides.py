"""The guides' examples, run as they stand but for the key and the address."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.sdk.conftest import ROOT, Shop
from tests.sdk.site import Site
from tests.sdk.test_browser import CHROMIUM

ADDRESS = "http://127.0.0.1:8000"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a guide in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.S)


def test_the_python_guide_sells_something(shop: Shop, tmp_path: Path) -> None:
    """The first example makes the person and the order it speaks of."""
    code = blocks("docs/sdk-python.md", "python")[0]
    program = tmp_path / "program.py"
    program.write_text(code.replace("gsk_…", shop.secret).replace(ADDRESS, shop.url))
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, program],
            env={"PYTHONPATH": str(ROOT / "sdk/python/src")},
            capture_output=True,
            text=True,
        )
        assert done.stdout + done.stderr == ""
    assert len(shop.wait_for(2, event="Checkout Started")) == 2
    assert len(shop.wait_for(1, event="Order Completed", distinct_id="user-1")) == 1
    people = shop.get("/api/people", search="ada@example.com")["items"]
    details = [shop.get(f"/api/people/{each['person_id']}") for each in people]
    ids = {each["distinct_id"] for detail in details for each in detail["distinct_ids"]}
    assert "user-1" in ids


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.page
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: the guide was not run")
def test_the_browser_guide_asks_first(chromium: Browser, shop: Shop) -> None:
    """Its page records nothing until the visitor allows it, then the view and the purchase."""
    html = blocks("docs/sdk-browser.md", "html")[0]
    html = html.replace("gpk_…", shop.publishable).replace(ADDRESS, shop.url)
    script = blocks("docs/sdk-browser.md", "js")[0]

    site = Site(shop.url, shop.publishable)
    site.pages = {"/shop": ("text/html", html), "/shop.js": ("text/javascript", script)}
    page = chromium.new_page()
    page.goto(f"{site.url}/shop")
    page.wait_for_function("groundswell.version")
    page.click("#buy")
    assert page.evaluate("localStorage.length") == 0
    page.click("#allow")
    who = page.evaluate("groundswell.getAnonymousId()")
    names = [event["event"] for event in shop.wait_for(3, distinct_id=who)]
    assert sorted(names) == ["$pageview", "Consent Changed", "Product Added"]
    page.close()
    site.close()
