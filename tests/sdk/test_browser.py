"""The browser SDK in Chromium, on another origin's page under a strict policy, real server."""

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from tests.sdk.conftest import Shop, until
from tests.sdk.site import Site

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
RECORD = """
window.wrong = [];
addEventListener("securitypolicyviolation", (e) => wrong.push(e.violatedDirective));
addEventListener("error", (e) => wrong.push(e.message));
addEventListener("unhandledrejection", (e) => wrong.push(String(e.reason)));
"""
STORED = "Object.keys(localStorage)"
QUEUED = "Object.keys(localStorage).filter((key) => key.includes('_q_')).length"

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: the SDK was not run"),
]
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site(shop: Shop) -> Iterator[Site]:
    made = Site(shop.url, shop.publishable)
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        rules = "--host-resolver-rules=MAP *.shop.test 127.0.0.1"
        arguments = ["--no-sandbox", "--disable-gpu", rules]
        opened = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context()
    made.add_init_script(RECORD)
    yield made
    for page in made.pages:
        if page.url.startswith("http"):
            assert page.evaluate("window.wrong") == []
    made.close()


@pytest.fixture
def visit(context: BrowserContext, site: Site) -> Callable[..., Page]:
    """Opens a page and starts the library: ``visit("/a", consent="required")``."""

    def visit(path: str = "/", page: Page | None = None, **options: Any) -> Page:
        page = page or context.new_page()
        page.goto(path if path.startswith("http") else site.url + path)
        page.wait_for_function("window.groundswell && groundswell.version")
        given = {"host": site.groundswell, "pageviews": False, "flushInterval": 50, **options}
        page.evaluate("([key, options]) => groundswell.init(key, options)", [site.key, given])
        return page

    return visit


def track(page: Page, event: str, properties: Any = None) -> None:
    page.evaluate("([e, p]) => groundswell.track(e, p ?? undefined)", [event, properties])


def new_name() -> str:
    return f"Browser Event {next(numbers)}"


def test_a_script_tag_alone_counts_the_page_views_of_a_single_page_app(
    context: BrowserContext, site: Site, shop: Shop
) -> None:
    """Loads and moves count once each, redirects once, the same address not again."""
    page = context.new_page()
    page.goto(f"{site.url}/tag/shop?utm_source=mail&gclid=abc")
    page.wait_for_function("window.groundswell && groundswell.getAnonymousId()")
    page.evaluate("history.pushState({}, '', '/tag/product'); document.title = 'Product'")
    page.wait_for_timeout(50)
    page.evaluate(
        "history.pushState({}, '', '/tag/old'); history.replaceState({}, '', '/tag/cart')"
    )
    page.evaluate("groundswell.track('Cart Viewed')")
    page.evaluate("history.replaceState({}, '', '/tag/cart#top')")
    page.go_back()
    who = page.evaluate("groundswell.getAnonymousId()")
    found = shop.wait_for(5, distinct_id=who)
    views = [e["properties"] for e in found if e["event"] == "$pageview"]
    paths = [view["$pathname"] for view in views]
    assert paths == ["/tag/shop", "/tag/product", "/tag/cart", "/tag/product"]
    assert [v["$title"] for v in views[:2]] == [
        "Page /tag/shop?utm_source=mail&gclid=abc",
        "Product",
    ]
    assert [view.get("utm_source") for view in views[:2]] == ["mail", None]
    assert views[1]["$referrer"] == f"{site.url}/tag/shop?utm_source=mail&gclid=abc"
    assert [e["event"] for e in found].index("Cart Viewed") == 3
    first = found[0]["properties"]["$set_once"]
    assert (first["$initial_utm_source"], first["$initial_gclid"]) == ("mail", "abc")
    assert "$set_once" not in found[1]["properties"]


def test_calls_before_the_script_are_replayed(
    context: BrowserContext, site: Site, shop: Shop
) -> None:
    """The stub's queue keeps order, arrays and functions; modules import the same library."""
    context.new_page().goto(f"{site.url}/stub/page")
    context.new_page().goto(f"{site.url}/module/page")
    (used,) = shop.wait_for(1, event="Stub Used")
    assert used["properties"]["plan"] == "gold"
    assert used["properties"]["early"] is True
    assert len(shop.wait_for(1, event="Stub Called")) == 1
    assert len(shop.wait_for(1, event="Module Used")) == 1


def test_identify_joins_what_was_done_anonymously(visit: Callable[..., Page], shop: Shop) -> None:
    """One person with both ids; after reset, and for another name, somebody else."""
    page, name = visit(), new_name()
    track(page, name)
    anonymous = page.evaluate("groundswell.getAnonymousId()")
    page.evaluate("""
        groundswell.identify("ada", { email: "ada@example.com", old: 1 }, { first_plan: "free" });
        groundswell.setPersonProperties({ plan: "gold" });
        groundswell.setPersonPropertiesOnce({ first_plan: "gold" });
        groundswell.unsetPersonProperties(["old"]);
        groundswell.group("company", "acme", { seats: 5 });
    """)
    track(page, name)
    page.evaluate("groundswell.identify('grace')")
    track(page, name)
    page.evaluate("groundswell.reset()")
    track(page, name)
    after = page.evaluate("groundswell.getDistinctId()")
    found = shop.wait_for(4, event=name)
    assert [e["distinct_id"] for e in found] == [anonymous, "ada", "grace", after]
    assert found[1]["properties"]["$groups"] == {"company": "acme"}
    assert "$groups" not in found[3]["properties"]
    (ada,) = shop.get("/api/people", search="ada")["items"]
    assert ada["email"] == "ada@example.com"
    person = shop.get(f"/api/people/{ada['person_id']}")
    assert {each["distinct_id"] for each in person["distinct_ids"]} == {anonymous, "ada"}
    shown = person["properties"]
    assert (shown["plan"], shown["first_plan"], shown.get("old")) == ("gold", "free", None)


def test_offline_events_arrive_once_when_the_network_is_back(
    visit: Callable[..., Page], context: BrowserContext, shop: Shop
) -> None:
    """Two tabs fill one queue; both send at once, and each event counts once."""
    pages, name = [visit("/a"), visit("/b")], new_name()
    context.set_offline(True)
    for number in range(5):
        for page in pages:
            track(page, name, {"number": number})
    assert pages[0].evaluate(QUEUED) == 10
    context.set_offline(False)
    assert until(lambda: pages[0].evaluate(QUEUED) == 0)
    assert len(shop.wait_for(10, event=name)) == 10
    assert shop.count(name) == (10, 10)


def test_the_queue_outlives_the_page_and_keeps_its_bounds(
    visit: Callable[..., Page], context: BrowserContext, shop: Shop
) -> None:
    """What one page could not send, the next one does: the newest within the cap."""
    name = new_name()
    context.route("**/api/events", lambda route: route.abort())
    page = visit(maxQueue=100)
    for number in range(150):
        track(page, name, {"number": number})
    assert page.evaluate(QUEUED) <= 100
    page.evaluate("""() => {
        const key = Object.keys(localStorage).find((key) => key.includes("_q_"));
        const old = key.replace(/_q_.*/, "_q_01000000-0000-7000-8000-000000000000");
        const event = { ...JSON.parse(localStorage.getItem(key)), uuid: "x" };
        localStorage.setItem(old, JSON.stringify(event));
    }""")
    page.goto("about:blank")
    context.unroute("**/api/events")
    page = visit(page=page)
    track(page, new_name())
    assert until(lambda: page.evaluate(QUEUED) == 0)
    found = shop.wait_for(50, event=name)
    sent = [event["properties"]["number"] for event in found]
    assert 50 <= len(sent) <= 100
    assert sent[-1] == 149


def test_what_is_waiting_leaves_with_the_page(visit: Callable[..., Page], shop: Shop) -> None:
    """The last event before leaving arrives, and the next page does not count it again."""
    page, name = visit(flushInterval=60_000), new_name()
    page.wait_for_timeout(200)
    page.evaluate("(e) => { groundswell.track(e); location.href = 'about:blank' }", name)
    assert len(shop.wait_for(1, event=name)) == 1
    page = visit(page=page)
    assert until(lambda: page.evaluate(QUEUED) == 0)
    assert shop.count(name) == (1, 1)


def test_a_server_that_fails_is_asked_again_with_the_same_uuid(
    visit: Callable[..., Page], context: BrowserContext, shop: Shop
) -> None:
    """It kept the event, answered 503 all the same, and the event counts once."""
    asked: list[tuple[float, str]] = []

    def fail_first(route: Route) -> None:
        uuid = json.loads(route.request.post_data)["events"][0]["uuid"]
        asked.append((datetime.now(UTC).timestamp(), uuid))
        kept = route.fetch()
        assert kept.status == 202
        if len(asked) == 1:
            headers = {k: v for k, v in kept.headers.items() if k.startswith("access-control")}
            route.fulfill(status=503, headers={**headers, "Retry-After": "2"}, body="{}")
        else:
            route.fulfill(response=kept)

    context.route("**/api/events", fail_first)
    page, name = visit(), new_name()
    track(page, name)
    assert until(lambda: page.evaluate(QUEUED) == 0)
    assert len(asked) == 2
    assert asked[0][1] == asked[1][1]
    assert 1.9 < asked[1][0] - asked[0][0] < 4
    assert len(shop.wait_for(1, event=name)) == 1
    assert shop.count(name) == (1, 1)


def test_nothing_is_stored_or_sent_before_consent(
    visit: Callable[..., Page], context: BrowserContext, shop: Shop
) -> None:
    """Opt-in starts with what was held in memory; opt-out removes all but the answer."""
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page, name = visit(consent="required", pageviews="history"), new_name()
    page.evaluate("groundswell.identify('consenting'); groundswell.register({ a: 1 })")
    track(page, name)
    page.wait_for_timeout(300)
    assert not [url for url in asked if "/api/" in url]
    assert page.evaluate(STORED) == []
    assert context.cookies() == []
    page.evaluate("groundswell.setConsent({ analytics: true, marketing: false })")
    assert len(shop.wait_for(1, event=name)) == 1
    (said,) = shop.wait_for(1, event="Consent Changed", distinct_id="consenting")
    assert said["properties"]["$consent"] == {"analytics": True, "marketing": False}
    assert not page.evaluate("groundswell.hasConsent('marketing')")
    assert until(lambda: page.evaluate(QUEUED) == 0)
    page.evaluate("groundswell.optOut()")
    (answer,) = page.evaluate(STORED)
    assert answer.endswith("consent")
    asked.clear()
    track(page, name)
    page = visit(page=page, consent="required")
    track(page, name)
    page.wait_for_timeout(300)
    assert not [url for url in asked if "/api/" in url]
    assert shop.count(name) == (1, 1)


def test_do_not_track_is_an_opt_out_that_an_opt_in_lifts(
    visit: Callable[..., Page], context: BrowserContext, shop: Shop
) -> None:
    """Only where the site chose to respect it."""
    context.add_init_script(
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"
    )
    page, name = visit(respectDoNotTrack=True), new_name()
    track(page, name)
    assert page.evaluate(STORED) == []
    page.evaluate("groundswell.optIn()")
    track(page, name, {"allowed": True})
    (event,) = shop.wait_for(1, event=name)
    assert event["properties"]["allowed"] is True


@pytest.mark.parametrize("off", [timedelta(hours=-2), timedelta(days=3)], ids=str)
def test_a_wrong_clock_does_not_move_events(
    visit: Callable[..., Page], context: BrowserContext, shop: Shop, off: timedelta
) -> None:
    """Hours are corrected by ``sent_at``; what is days ahead gets its time of arrival."""
    page, name = context.new_page(), new_name()
    page.clock.set_system_time(datetime.now() + off)
    track(visit(page=page), name)
    (event,) = shop.wait_for(1, event=name)
    assert abs(datetime.fromisoformat(event["at"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_nothing_is_thrown_into_the_page(
    visit: Callable[..., Page], context: BrowserContext, shop: Shop
) -> None:
    """Blocked storage and senseless arguments cost no event but the senseless ones."""
    context.add_init_script("Storage.prototype.setItem = () => { throw new Error('full') }")
    page, name = visit(), new_name()
    page.evaluate(
        """(name) => {
        const circle = {}; circle.self = circle;
        for (const odd of [undefined, null, 0, {}, [], "", "null", circle, Symbol("s"), 1n]) {
            groundswell.track(odd); groundswell.identify(odd); groundswell.alias(odd);
            groundswell.group(odd, odd); groundswell.register(odd); groundswell.optIn(odd);
            groundswell.setPersonProperties(odd); groundswell.push(odd); groundswell.init(odd);
            groundswell.unsetPersonProperties(odd); groundswell.ready(odd); groundswell.push([odd]);
        }
        groundswell.reset();
        groundswell.track(name, circle);
        groundswell.track(name, { big: 1n });
        groundswell.track(name, { text: "half \\ud800 and \\0", back: "\\\\ud800" });
    }""",
        name,
    )
    (event,) = shop.wait_for(1, event=name)
    assert event["properties"]["text"] == "half � and �"
    assert event["properties"]["back"] == "\\ud800"


def test_the_page_hears_what_was_lost(visit: Callable[..., Page], shop: Shop) -> None:
    """A key nobody knows ends in ``onError`` and an empty queue, not in a loop."""
    lost = visit().evaluate(
        """(host) => new Promise((done) => {
            const onError = (reason, events) => done([reason, events.length]);
            const other = new groundswell.constructor();
            other.init("gpk_unknown", { host, onError, flushInterval: 10, pageviews: false });
            other.track("Nobody's Event");
        })""",
        shop.url,
    )
    assert lost == ["the server answered 401", 1]


def test_subdomains_share_the_visitor(
    visit: Callable[..., Page], context: BrowserContext, site: Site
) -> None:
    """One cookie of the site carries the id, also where locks are missing for want of TLS."""
    port = site.url.rpartition(":")[2]
    ids = []
    for host in ("www", "pay"):
        page = visit(f"http://{host}.shop.test:{port}/", crossSubdomain=True)
        track(page, new_name())
        ids.append(page.evaluate("groundswell.getDistinctId()"))
        assert until(lambda page=page: page.evaluate(QUEUED) == 0)
    assert ids[0] == ids[1] != ""
    assert {cookie["domain"] for cookie in context.cookies()} == {".shop.test"}


def test_the_server_serves_it_to_any_origin_from_any_cache(shop: Shop) -> None:
    """``/sdk.js`` is asked for again soon, a version never; both answer to an ETag."""
    present = httpx.get(f"{shop.url}/sdk.js")
    pinned = httpx.get(f"{shop.url}/sdk/0.1.0/groundswell.js")
    assert present.content == pinned.content
    assert "max-age=300" in present.headers["cache-control"]
    assert "immutable" in pinned.headers["cache-control"]
    module = httpx.get(f"{shop.url}/sdk/0.1.0/groundswell.mjs")
    for answer in (present, pinned, module):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["content-type"].startswith("text/javascript")
        again = httpx.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    older = httpx.get(f"{shop.url}/sdk/0.0.9/groundswell.js", follow_redirects=True)
    assert older.content == pinned.content
    assert httpx.get(f"{shop.url}/sdk/7.0.0/groundswell.js").status_code == 404
    assert httpx.post(f"{shop.url}/sdk.js").status_code == 405
