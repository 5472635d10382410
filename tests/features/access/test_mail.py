"""Invitations and forgotten passwords, from the form over a real mail server to the session."""

import dataclasses
import importlib.util
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from groundswell.app.web import create_app
from groundswell.core.errors import InvalidError, NotFoundError, RateLimitedError
from groundswell.core.identity.api import session_of
from groundswell.core.ids import new_id
from groundswell.core.mail.send import SEND_MAIL, SendMail
from groundswell.features.access.logic import mail, members, password_links, sign_in
from groundswell.features.access.logic.throttle import INVITATIONS, RESETS_PER_PAIR, Attempt

from .conftest import PASSWORD
from .test_pages import Browser

_SERVER = Path(__file__).parents[2] / "core" / "mail" / "server.py"
NEW = "another long password"


@pytest.fixture
def smtp():
    """A mail server."""
    spec = importlib.util.spec_from_file_location("mail_server", _SERVER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.Server()
    server.url = server.start()
    yield server
    server.stop()


@pytest.fixture
def sending(platform, settings, smtp):
    """The platform with a mail server."""
    changed = settings.model_copy(
        update={"smtp_url": SecretStr(smtp.url), "mail_from": "Shop <shop@example.com>"}
    )
    return dataclasses.replace(platform, settings=changed)


@pytest.fixture
async def browser(sending, endpoints, running):
    """A browser of an installation that sends mail."""
    application = create_app(sending.settings, endpoints)
    async with running(application):
        made = Browser(application, f"192.0.2.{new_id().hex[-4:]}")
        yield made
        await made.http.aclose()


def somewhere():
    return Attempt(f"203.0.113.{new_id().hex[-6:]}")


async def outbox(platform, tenant):
    return await mail.list_mail(platform, tenant.scope, "", None, 50)


async def send_all(platform, tenant):
    for entry in reversed(await outbox(platform, tenant)):
        await SEND_MAIL.run(platform, tenant.id, SendMail(entry.mail_id))


def link_in(message):
    text = message.get_body(("plain",)).get_content()
    [link] = re.findall(r"http://\S+(/set-password\?token=[\w-]+)", text)
    return link


async def test_a_forgotten_password_is_replaced_by_mail(browser, sending, smtp, tenant, owner):
    old = await sign_in.sign_in(sending, email=owner.email, password=PASSWORD, attempt=somewhere())
    await browser.get("/sign-in")
    assert 'href="/forgot-password"' in browser.page
    await browser.get("/forgot-password")
    answer = await browser.post("/forgot-password", email=owner.email.upper())
    assert answer.status_code == 200
    await send_all(sending, tenant)
    [(_, message)] = smtp.received
    assert message["to"].addresses[0].addr_spec == owner.email
    link = link_in(message)
    assert (await browser.get(link)).status_code == 200
    assert 'name="name"' not in browser.page
    token = link.partition("=")[2]
    assert (await browser.post("/set-password", token=token, password="short")).status_code == 422
    assert (await browser.post("/set-password", token=token, password=NEW)).status_code == 303
    assert (await browser.get("/settings/mail")).status_code == 200
    assert (await browser.get(link)).status_code == 404, "a link works once"
    assert await session_of(sending, old) is None, "who had the old password is out"
    assert await sign_in.sign_in(sending, email=owner.email, password=NEW, attempt=somewhere())


async def test_nobody_learns_who_has_an_account(browser, sending, smtp, tenant, owner):
    unknown = f"{new_id().hex}@example.com"
    answers = []
    for email in (owner.email, unknown):
        await browser.get("/forgot-password")
        answer = await browser.post("/forgot-password", email=email)
        answers.append((answer.status_code, answer.text.replace(email, "…")))
    assert answers[0] == answers[1]
    assert [entry.to_address for entry in await outbox(sending, tenant)] == [owner.email]


async def test_the_link_leads_to_our_address_whatever_the_host_header_says(
    browser, sending, smtp, tenant, owner
):
    await browser.get("/forgot-password")
    await browser.http.post(
        "/forgot-password", data={"email": owner.email}, headers={"X-Forwarded-Host": "evil.test"}
    )
    browser.http.headers["Host"] = "evil.test"
    await browser.http.post("/forgot-password", data={"email": owner.email})
    await send_all(sending, tenant)
    assert smtp.received
    for _, message in smtp.received:
        assert "evil.test" not in message.as_string()


async def test_requests_for_one_address_are_throttled(browser, owner):
    await browser.get("/forgot-password")
    codes = [
        (await browser.post("/forgot-password", email=owner.email)).status_code
        for _ in range(RESETS_PER_PAIR[0] + 2)
    ]
    assert codes[0] == 200
    assert codes[-1] == 429


async def test_a_reset_neither_ends_an_invitation_nor_needs_a_password(platform, owner):
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    await password_links.request_reset(platform, email=email, attempt=somewhere())
    found = await password_links.link_account(platform, added.link_token)
    assert found.purpose == "invitation"
    link = await password_links.reset_link(platform, email)
    token = link.partition("=")[2]
    assert await password_links.set_password(
        platform, token=token, name="", password=NEW, attempt=somewhere()
    )
    # Whoever proved the address is in the account; the tenant still opens by its own link alone.
    found = await password_links.link_account(platform, added.link_token)
    assert found.asks_for_password
    with pytest.raises(NotFoundError):
        await password_links.link_account(platform, token)


async def test_a_member_of_no_workspace_gets_no_mail(platform, tenant, owner, make_member):
    gone = await make_member(tenant, "viewer")
    await members.remove_member(platform, owner.scope, gone.id)
    await password_links.request_reset(platform, email=gone.email, attempt=somewhere())
    assert await outbox(platform, tenant) == []


async def test_an_owner_can_not_become_another_member(
    platform, tenant, owner, make_member, sign_in
):
    """The reset link of a member, who may belong elsewhere too, is nowhere to be read."""
    other = await make_member(tenant, "viewer")
    await password_links.request_reset(platform, email=other.email, attempt=somewhere())
    [entry] = await outbox(platform, tenant)
    browser = await sign_in("owner")
    path = f"/settings/mail/{entry.mail_id}"
    for address in (path, path + "/html", f"/api/mail/{entry.mail_id}"):
        shown = (await browser.get(address)).text
        assert "token=…" in shown or "token=\\u2026" in shown
        assert not re.search(r"token=[\w-]", shown)


async def test_somebody_new_is_invited_by_mail(browser, sending, smtp, tenant, owner):
    await browser.sign_in(owner.email)
    await browser.get("/settings/members")
    email = f"{new_id().hex}@example.com"
    answer = await browser.post("/settings/members", email=email, name="Bob", role="analyst")
    assert answer.status_code == 201
    await send_all(sending, tenant)
    [(_, message)] = smtp.received
    assert message["to"].addresses[0].display_name == "Bob"
    assert owner.email in message.get_body(("plain",)).get_content()
    assert (await browser.get(link_in(message))).status_code == 200


async def test_who_has_an_account_is_mailed_the_link_to_join(
    sending, smtp, tenant, other_tenant, owner, make_member
):
    known = await make_member(other_tenant, "viewer")
    await members.add_member(sending, owner.scope, email=known.email, role="viewer")
    await send_all(sending, tenant)
    [(_, message)] = smtp.received
    assert "/set-password?token=" in link_in(message)
    assert "Join with the password" in message.get_body(("plain",)).get_content()


async def test_a_new_link_is_mailed_too(platform, tenant, owner):
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    await members.renew_link(platform, owner.scope, added.member_id)
    assert len(await outbox(platform, tenant)) == 2


async def test_a_tenant_is_no_way_to_mail_the_world(platform, owner, monkeypatch):
    monkeypatch.setattr("groundswell.features.access.logic.throttle.INVITATIONS", (2, 3_600))
    assert INVITATIONS[0] > 2

    async def invite() -> None:
        email = f"{new_id().hex}@example.com"
        await members.add_member(platform, owner.scope, email=email, role="viewer")

    await invite()
    await invite()
    with pytest.raises(RateLimitedError):
        await invite()


async def test_without_a_server_the_outbox_shows_what_would_be_sent(platform, tenant, sign_in):
    browser = await sign_in("owner")
    made = await browser.post(
        "/api/members", json={"email": f"{new_id().hex}@example.com", "role": "viewer"}
    )
    page = (await browser.get("/settings/mail")).text
    assert "This server sends no mail" in page
    assert "Kept, not sent" in page
    [entry] = (await browser.get("/api/mail", params={"status": "kept"})).json()["items"]
    assert "text" not in entry
    shown = (await browser.get(f"/settings/mail/{entry['mail_id']}")).text
    assert made.json()["set_password_path"] in shown
    preview = await browser.get(f"/settings/mail/{entry['mail_id']}/html")
    assert preview.headers["content-security-policy"].startswith("sandbox;")
    answer = await browser.post(f"/api/mail/{entry['mail_id']}/send")
    assert answer.status_code == 409


async def test_texts_are_for_owners(tenant, owner, platform, sign_in):
    email = f"{new_id().hex}@example.com"
    await members.add_member(platform, owner.scope, email=email, role="viewer")
    [entry] = await outbox(platform, tenant)
    admin = await sign_in("admin")
    assert email in (await admin.get("/settings/mail")).text
    assert (await admin.get(f"/settings/mail/{entry.mail_id}")).status_code == 403
    assert (await admin.get(f"/api/mail/{entry.mail_id}")).status_code == 403


async def test_another_tenant_sees_no_mail(platform, owner, tenant, other_tenant, sign_in):
    email = f"{new_id().hex}@example.com"
    await members.add_member(platform, owner.scope, email=email, role="viewer")
    [entry] = await outbox(platform, tenant)
    stranger = await sign_in("owner", other_tenant)
    assert email not in (await stranger.get("/settings/mail")).text
    assert (await stranger.get("/api/mail")).json()["items"] == []
    for path in (f"/settings/mail/{entry.mail_id}", f"/api/mail/{entry.mail_id}"):
        assert (await stranger.get(path)).status_code == 404


async def test_a_failed_mail_is_sent_again_by_an_owner(
    browser, sending, smtp, tenant, owner, actions
):
    smtp.answers = ["550 5.7.1 we don't know you"]
    email = f"{new_id().hex}@example.com"
    await members.add_member(sending, owner.scope, email=email, role="viewer")
    await send_all(sending, tenant)
    await browser.sign_in(owner.email)
    await browser.get("/settings/mail")
    assert "550 5.7.1 we don" in browser.page
    [entry] = await outbox(sending, tenant)
    await browser.get(f"/settings/mail/{entry.mail_id}")
    assert (await browser.post(f"/settings/mail/{entry.mail_id}/send")).status_code == 303
    assert (await actions())[-1] == "mail.resent"
    await send_all(sending, tenant)
    assert [entry.status for entry in await outbox(sending, tenant)] == ["sent"]


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "a@b.c\r\nBcc: x@y.z"},
        {"email": "a\0@b.c"},
        {"email": "a@b\u2028.c"},
        {"email": "a,x@y.z"},
        {"name": "Ann\r\nBcc: x@y.z"},
        {"name": "Ann\0"},
        {"name": "Ann\u2028Bcc: x@y.z"},
    ],
)
async def test_hostile_addresses_and_names_are_refused_by_field(platform, tenant, owner, fields):
    given = {"email": f"{new_id().hex}@example.com", "role": "viewer", **fields}
    with pytest.raises(InvalidError) as refused:
        await members.add_member(platform, owner.scope, **given)
    assert [error.field for error in refused.value.errors] == list(fields)
    assert await outbox(platform, tenant) == []


async def test_the_operator_makes_a_link_only_for_an_account(platform):
    with pytest.raises(NotFoundError):
        await password_links.reset_link(platform, f"{new_id().hex}@example.com")
