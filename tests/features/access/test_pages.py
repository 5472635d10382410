"""Pages of access as a browser sees them, script or not."""

import html
import re

import httpx
import pytest

from groundswell.core.ids import new_id
from groundswell.features.access.logic import members
from groundswell.features.access.logic.password_links import set_password as accept_link
from groundswell.features.access.logic.throttle import PER_PAIR, Attempt

from .conftest import PASSWORD


class Browser:
    """A visitor with cookies of their own, who posts the forms of the page they see."""

    def __init__(self, app, address="192.0.2.1"):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
        self.http = httpx.AsyncClient(
            transport=transport,
            base_url="http://testserver",
            headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140", "Accept": "text/html"},
        )
        self.page = ""

    async def get(self, path):
        answer = await self.http.get(path)
        self.page = answer.text
        return answer

    async def post(self, path, **fields):
        token = re.search(r'name="csrf_token" value="([^"]*)"', self.page)
        data = {"csrf_token": token.group(1) if token else "", **fields}
        answer = await self.http.post(path, data=data)
        if answer.status_code != 303:
            self.page = answer.text
        return answer

    async def sign_in(self, email, password=PASSWORD):
        await self.get("/sign-in")
        return await self.post("/sign-in", email=email, password=password)

    def errors(self):
        """Field name to the text beside it."""
        found = re.findall(r'id="([a-z_]+)-error">(?:<svg.*?</svg>)?([^<]*)', self.page, re.S)
        return {name: html.unescape(text).strip() for name, text in found}


@pytest.fixture
async def browser(app):
    """A browser at an address of its own."""
    made = Browser(app, f"192.0.2.{new_id().hex[-4:]}")
    yield made
    await made.http.aclose()


@pytest.fixture
async def other_browser(app):
    """Another browser."""
    made = Browser(app, f"198.51.100.{new_id().hex[-4:]}")
    yield made
    await made.http.aclose()


def sign_up_fields(**changes):
    given = {
        "email": f"{new_id().hex}@example.com",
        "name": "Mary",
        "password": PASSWORD,
        "tenant_name": "Mary's Shop",
        "slug": f"m-{new_id().hex[-12:]}",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
    }
    return given | changes


async def test_signing_up_shows_both_keys_once_and_signs_in(browser, platform):
    await browser.get("/sign-up")
    answer = await browser.post("/sign-up", **sign_up_fields())
    assert answer.status_code == 201
    keys = re.findall(r"g[sp]k_\w{38}", browser.page)
    assert len(set(keys)) == 2
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (await browser.get("/settings/keys")).status_code == 200
    assert "Mary&#39;s Shop" in browser.page
    assert not set(keys) & set(re.findall(r"g[sp]k_\w{38}", browser.page))


async def test_a_wrong_sign_up_keeps_what_was_typed_and_says_what_is_wrong_beside_it(browser):
    await browser.get("/sign-up")
    answer = await browser.post(
        "/sign-up", **sign_up_fields(email="mary", password="short", slug="-", tenant_name="")
    )
    assert answer.status_code == 422
    assert set(browser.errors()) == {"email", "password", "slug", "tenant_name"}
    assert 'value="mary"' in browser.page
    assert "short" not in browser.page


async def test_signing_in_leads_where_one_wanted_to_go(browser, owner):
    answer = await browser.get("/settings/members")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/settings/members"
    await browser.get(answer.headers["location"])
    answer = await browser.post(
        "/sign-in", email=owner.email, password=PASSWORD, next="/settings/members"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/members")
    await browser.get("/settings/members")
    assert owner.email in browser.page


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"]
)
async def test_signing_in_never_leads_to_another_site(browser, owner, target):
    await browser.get("/sign-in")
    answer = await browser.post("/sign-in", email=owner.email, password=PASSWORD, next=target)
    assert answer.headers["location"] == "/"


async def test_a_wrong_password_is_said_without_saying_which_part(browser, owner):
    answer = await browser.sign_in(owner.email, "wrong horse battery")
    assert answer.status_code == 422
    known = browser.page.replace(owner.email, "")
    await browser.sign_in("nobody@example.com", "wrong horse battery")
    assert browser.page.replace("nobody@example.com", "") == known


async def test_too_many_attempts_are_told_when_to_come_back(browser, owner):
    await browser.get("/sign-in")
    answers = [
        await browser.post("/sign-in", email=owner.email, password="x" * 12)
        for _ in range(PER_PAIR[0] + 3)
    ]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "Too many attempts" in browser.page


async def test_signing_out_ends_the_session_itself(browser, owner):
    await browser.sign_in(owner.email)
    await browser.get("/settings/keys")
    cookies = dict(browser.http.cookies)
    answer = await browser.post("/sign-out")
    assert answer.headers["location"] == "/sign-in"
    browser.http.cookies.update(cookies)
    assert (await browser.get("/settings/keys")).status_code == 303


async def test_a_form_without_its_token_is_refused(browser, owner):
    await browser.sign_in(owner.email)
    for path in ("/settings/keys", "/settings/members", "/settings/account", "/sign-out"):
        browser.page = ""
        assert (await browser.post(path, name="x", kind="secret")).status_code == 403


async def test_a_key_is_made_shown_once_rotated_and_revoked(browser, owner, platform):
    await browser.sign_in(owner.email)
    await browser.get("/settings/keys")
    answer = await browser.post(
        "/settings/keys", name="Shop <server>", kind="secret", scopes="people:read"
    )
    assert answer.status_code == 201
    [secret] = set(re.findall(r"gsk_\w{38}", browser.page))
    assert "Shop &lt;server&gt;" in browser.page
    await platform.directory.refresh()
    scope = platform.directory.scope_of_key(secret)
    assert [p.value for p in scope.permissions] == ["people:read"]
    path = f"/settings/keys/{scope.actor.id}"
    answer = await browser.post(f"{path}/rotate", overlap_hours="0")
    assert answer.status_code == 201
    [fresh] = set(re.findall(r"gsk_\w{38}", browser.page))
    await platform.directory.refresh()
    assert platform.directory.scope_of_key(secret) is None
    new_path = f"/settings/keys/{platform.directory.scope_of_key(fresh).actor.id}"
    answer = await browser.post(f"{new_path}/revoke")
    assert answer.status_code == 303
    await platform.directory.refresh()
    assert platform.directory.scope_of_key(fresh) is None
    await browser.get("/settings/keys")
    assert "The key is revoked." in browser.page


async def test_a_wrong_key_form_says_all_that_is_wrong(browser, owner):
    await browser.sign_in(owner.email)
    await browser.get("/settings/keys")
    answer = await browser.post("/settings/keys", name="", kind="secret")
    assert answer.status_code == 422
    assert set(browser.errors()) == {"name", "scopes"}
    answer = await browser.post(
        "/settings/keys", name="a", kind="secret", scopes="people:read", expires="soon"
    )
    assert set(browser.errors()) == {"expires"}
    for hours in ("-1", "x", "9" * 9, ""):
        answer = await browser.post(f"/settings/keys/{new_id()}/rotate", overlap_hours=hours)
        assert answer.status_code == 303


async def test_somebody_new_sets_a_password_by_the_link_shown_once(browser, other_browser, owner):
    await browser.sign_in(owner.email)
    await browser.get("/settings/members")
    email = f"{new_id().hex}@example.com"
    answer = await browser.post("/settings/members", email=email, name="Bob", role="analyst")
    assert answer.status_code == 201
    [link] = set(re.findall(r"http://testserver(/set-password\?token=[\w-]+)", browser.page))
    answer = await other_browser.get(link)
    assert answer.status_code == 200
    assert answer.headers["referrer-policy"] == "no-referrer"
    token = link.partition("=")[2]
    answer = await other_browser.post(
        "/set-password", token=token, email=email, name="Bob", password="short"
    )
    assert answer.status_code == 422
    assert set(other_browser.errors()) == {"password"}
    answer = await other_browser.post(
        "/set-password", token=token, email=email, name="Bob", password=PASSWORD
    )
    assert answer.status_code == 303
    assert (await other_browser.get("/settings/members")).status_code == 200
    assert (await other_browser.get("/settings/keys")).status_code == 403
    assert (await other_browser.get(link)).status_code == 404


async def test_who_has_an_account_joins_with_its_password(
    browser, other_browser, owner, make_member, other_tenant
):
    known = await make_member(other_tenant, "owner")
    await browser.sign_in(owner.email)
    await browser.get("/settings/members")
    answer = await browser.post("/settings/members", email=known.email, name="", role="viewer")
    assert answer.status_code == 201
    assert "Not accepted yet" in browser.page
    [link] = set(re.findall(r"http://testserver(/set-password\?token=[\w-]+)", browser.page))
    await other_browser.get(link)
    assert "Join " in other_browser.page
    token = link.partition("=")[2]
    for password, status in (("wrong wrong wrong", 422), (PASSWORD, 303)):
        answer = await other_browser.post("/set-password", token=token, password=password)
        assert answer.status_code == status
    assert (await other_browser.get("/settings/members")).status_code == 200
    assert known.email in other_browser.page


async def test_members_pages_tell_what_is_refused_and_why(browser, owner, admin):
    await browser.sign_in(admin.email)
    await browser.get("/settings/members")
    answer = await browser.post("/settings/members", email="no", name="", role="king")
    assert answer.status_code == 422
    assert set(browser.errors()) == {"email", "role"}
    await browser.post("/settings/members", email=owner.email, name="", role="viewer")
    assert "already" in browser.errors()["email"]
    answer = await browser.post(f"/settings/members/{owner.id}/remove")
    assert answer.status_code == 303
    await browser.get("/settings/members")
    assert "Only an owner" in browser.page


async def test_what_a_role_may_not_do_is_neither_offered_nor_done(browser, tenant, make_member):
    viewer = await make_member(tenant, "viewer")
    await browser.sign_in(viewer.email)
    await browser.get("/settings/members")
    assert "Add a member" not in browser.page
    token = re.search(r'name="csrf_token" value="([^"]*)"', browser.page).group(1)
    for path, fields in (
        ("/settings/members", {"email": "a@example.com", "role": "viewer"}),
        (f"/settings/members/{viewer.id}/role", {"role": "owner"}),
        ("/settings/keys", {"name": "x", "kind": "secret"}),
        ("/settings/tenant", {"name": "x"}),
        ("/settings/tenant/customer-secret", {}),
    ):
        answer = await browser.http.post(path, data={"csrf_token": token, **fields})
        assert answer.status_code == 403, path
    assert (await browser.get("/settings/tenant")).status_code == 200
    assert "Save settings" not in browser.page


async def test_an_account_page_changes_name_password_and_sessions(browser, other_browser, owner):
    await browser.sign_in(owner.email)
    await other_browser.sign_in(owner.email)
    await browser.get("/settings/account")
    assert browser.page.count("Firefox on Linux") >= 2
    await browser.post("/settings/account", name="Mary <3")
    await browser.get("/settings/account")
    assert "Mary &lt;3" in browser.page
    answer = await browser.post(
        "/settings/account/password", current_password="x", new_password="short"
    )
    assert answer.status_code == 422
    assert set(browser.errors()) == {"new_password"}
    answer = await browser.post(
        "/settings/account/password",
        current_password=PASSWORD,
        new_password="another long one",
    )
    assert answer.status_code == 303
    assert (await browser.get("/settings/account")).status_code == 200
    assert (await other_browser.get("/settings/account")).status_code == 303


async def test_settings_are_saved_and_wrong_ones_told(browser, owner, platform, tenant):
    await browser.sign_in(owner.email)
    await browser.get("/settings/tenant")
    good = {
        "name": "New name",
        "currency": "JPY",
        "timezone": "Asia/Tokyo",
        "activation_event": "First Order",
        "order_source": "shop",
    }
    assert (await browser.post("/settings/tenant", **good)).status_code == 303
    await browser.get("/settings/tenant")
    assert "New name" in browser.page
    answer = await browser.post("/settings/tenant", **(good | {"name": "", "timezone": "Moon"}))
    assert answer.status_code == 422
    assert set(browser.errors()) == {"name", "timezone"}


async def test_the_signing_secret_is_shown_on_request_only(browser, owner):
    await browser.sign_in(owner.email)
    await browser.get("/settings/tenant")
    assert "gcs_" not in browser.page
    await browser.post("/settings/tenant/customer-secret")
    [first] = set(re.findall(r"gcs_\w+", browser.page))
    await browser.post("/settings/tenant/customer-secret/rotate", overlap_hours="1")
    [second] = set(re.findall(r"gcs_\w+", browser.page))
    assert first != second


async def test_a_member_of_two_workspaces_switches_between_them(
    browser, owner, platform, other_tenant, tenant
):
    await browser.sign_in(owner.email)
    await browser.get("/settings/members")
    answer = await browser.post("/switch", tenant_id=str(other_tenant.id))
    assert answer.status_code == 404
    added = await members.add_member(platform, other_tenant.scope, email=owner.email, role="viewer")
    await browser.get("/settings/members")
    assert (await browser.post("/switch", tenant_id=str(other_tenant.id))).status_code == 404
    await accept_link(
        platform, token=added.link_token, name="", password=PASSWORD, attempt=Attempt("elsewhere")
    )
    await browser.get("/settings/members")
    assert (await browser.post("/switch", tenant_id=str(other_tenant.id))).status_code == 303
    assert (await browser.get("/settings/keys")).status_code == 403
    for rubbish in ("", "x", "\x00", str(new_id())):
        await browser.get("/settings/members")
        assert (await browser.post("/switch", tenant_id=rubbish)).status_code == 404


async def test_who_belongs_nowhere_still_has_an_account_and_a_way_on(
    browser, owner, admin, platform
):
    await browser.sign_in(admin.email)
    await members.remove_member(platform, owner.scope, admin.id)
    assert (await browser.get("/settings/members")).status_code == 403
    assert (await browser.get("/settings/account")).status_code == 200
    await browser.get("/workspaces/new")
    answer = await browser.post(
        "/workspaces/new",
        tenant_name="Own",
        slug=f"o-{new_id().hex[-12:]}",
        currency="USD",
        timezone="UTC",
    )
    assert answer.status_code == 201
    assert (await browser.get("/settings/members")).status_code == 200


HOSTILE = ["\x00", "💧" * 500, "<script>alert(1)</script>", "x" * 10_000, "' or 1=1 --", "\ud83d"]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_hostile_value_breaks_a_form(browser, owner, value):
    await browser.get("/sign-up")
    value = value.encode("utf-8", "surrogatepass")
    for path, names in (
        ("/sign-up", sign_up_fields()),
        ("/sign-in", ("email", "password", "next")),
        ("/set-password", ("token", "email", "name", "password")),
        ("/forgot-password", ("email",)),
    ):
        answer = await browser.post(path, **dict.fromkeys(names, value))
        assert answer.status_code < 500, path
        assert b"<script>alert" not in answer.content
    await browser.sign_in(owner.email)
    await browser.get("/settings/keys")
    for path, names in (
        ("/settings/keys", ("name", "kind", "scopes", "expires")),
        ("/settings/members", ("email", "name", "role")),
        ("/settings/account", ("name",)),
        ("/settings/account/password", ("current_password", "new_password")),
        ("/settings/tenant", ("name", "currency", "timezone", "activation_event")),
    ):
        answer = await browser.post(path, **dict.fromkeys(names, value))
        assert answer.status_code < 500, path
        assert b"<script>alert" not in answer.content
