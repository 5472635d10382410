"""In a browser: no accessibility violation, nothing the policy blocks, keyboard paths that work."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from groundswell.ui.gallery.pages import names, write

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
RECORD_BLOCKED = """
window.blocked = [];
addEventListener("securitypolicyviolation",
  e => blocked.push(`${e.violatedDirective} ${e.blockedURI}`));
"""
FOCUS_INSIDE = """
document.activeElement === document.body || !!document.activeElement.closest("#drawer")
"""
pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: pages were not looked at"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: run python hatch_build.py"),
]


class Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("gallery")
    write(folder)
    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A desktop page that fails the test on any error or anything the policy blocked."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    wrong: list[str] = []
    opened.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda e: wrong.append(str(e)))
    yield opened
    opened.close()
    assert wrong == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("suffix", ["", "-dark"])
def test_no_page_has_a_violation_or_scrolls_sideways(
    browser: Browser, site: str, suffix: str, width: int
) -> None:
    context = browser.new_context(
        bypass_csp=True, viewport={"width": width, "height": 844}, reduced_motion="reduce"
    )
    page = context.new_page()
    extra = ["growth-orange"] if not suffix else []
    problems = []
    for name in [*(n + suffix for n in names()), *extra]:
        page.goto(f"{site}/{name}.html")
        page.wait_for_load_state()
        page.add_script_tag(path=AXE)
        found = page.evaluate("axe.run().then(r => r.violations)")
        problems += [(name, v["id"], v["nodes"][0]["html"][:120]) for v in found]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append((name, "scrolls sideways", ""))
    context.close()
    assert problems == []


def test_the_policy_blocks_nothing_on_any_page(browser: Browser, site: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(RECORD_BLOCKED)
    for name in names():
        page.goto(f"{site}/{name}.html")
        page.wait_for_load_state()
        if page.locator("[data-theme-toggle]").count():
            page.locator("[data-theme-toggle]").click()
        assert page.evaluate("blocked") == [], name
    page.close()


def test_the_chart_is_read_with_the_keyboard(page: Page, site: str) -> None:
    page.goto(f"{site}/growth.html")
    page.locator(".trend canvas").wait_for()
    page.locator(".trend").focus()
    page.keyboard.press("End")
    voice = page.locator(".trend [role=status]")
    assert "Fri, Nov 20" in voice.inner_text()
    page.keyboard.press("PageUp")
    assert "Fri, Nov 13" in voice.inner_text()
    page.keyboard.press("Home")
    assert "Thu, Oct 22" in voice.inner_text()
    assert page.locator(".trend-tip").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".trend-tip").is_hidden()


def test_the_theme_toggle_is_remembered_and_redraws(page: Page, site: str) -> None:
    page.goto(f"{site}/growth.html")
    page.locator(".trend canvas").wait_for()
    page.locator("[data-theme-toggle]").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert {"name": "theme", "value": "dark"}.items() <= {
        k: v for c in page.context.cookies() for k, v in c.items()
    }.items()
    assert page.locator(".trend canvas").count() == 1


def test_the_drawer_holds_focus_and_closes_on_escape(page: Page, site: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site}/growth.html")
    page.locator("[data-drawer]").click()
    assert page.locator("#drawer nav").is_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_INSIDE)
    page.keyboard.press("Escape")
    assert page.locator("#drawer").is_hidden()
    assert page.evaluate("'drawer' in document.activeElement.dataset")


def test_menus_close_on_escape_and_on_a_click_outside(page: Page, site: str) -> None:
    page.goto(f"{site}/people.html")
    menu = page.locator(".popover").first
    for close in (lambda: page.keyboard.press("Escape"), lambda: page.locator("h1").click()):
        menu.locator("summary").click()
        assert menu.get_attribute("open") is not None
        close()
        assert menu.get_attribute("open") is None


def test_a_slash_goes_to_the_search_field(page: Page, site: str) -> None:
    page.goto(f"{site}/people.html")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"


def test_a_question_is_asked_before_a_key_is_revoked(page: Page, site: str) -> None:
    page.goto(f"{site}/keys.html")
    page.get_by_role("button", name="Revoke").first.click()
    dialog = page.locator("#revoke-0")
    assert dialog.is_visible()
    dialog.get_by_role("button", name="Cancel").click()
    assert dialog.is_hidden()


def test_a_secret_is_copied(page: Page, site: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/keys.html")
    page.locator("[data-copy=secret]").click()
    page.get_by_text("Copied").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("gsk_live_9Tq")


def test_a_toast_closes(page: Page, site: str) -> None:
    page.goto(f"{site}/keys.html")
    page.locator("[data-toast-close]").click()
    assert page.locator("#toasts .toast").count() == 0


def test_another_range_swaps_the_page_and_keeps_focus(page: Page, site: str) -> None:
    page.route(
        "**/growth?days=7",
        lambda route: route.fulfill(path=_page_file(page, site), content_type="text/html"),
    )
    page.goto(f"{site}/growth.html")
    page.locator(".trend canvas").wait_for()
    page.locator("#range-1").press("Enter")
    page.wait_for_url("**/growth?days=7")
    page.locator(".trend canvas").wait_for()
    assert page.evaluate("document.activeElement.id") == "range-1"
    assert "compared with" in page.locator("#announcer").inner_text()


def _page_file(page: Page, site: str) -> Path:
    body = page.request.get(f"{site}/growth.html").body()
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"groundswell-growth-{os.getpid()}.html"
    path.write_bytes(body)
    return path
