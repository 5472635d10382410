"""Mail: with the change or not at all, until the server answers, recognisably the same."""

import socket

import pytest

from groundswell.core.errors import ConflictError, NotFoundError
from groundswell.core.mail import send as sending_module
from groundswell.core.mail import store
from groundswell.core.mail.address import SmtpServer, parse_server
from groundswell.core.mail.send import ATTEMPTS, SEND_MAIL, SendMail, send, send_again
from groundswell.core.mail.smtp import MailDeferredError, MailRefusedError, probe


async def write(platform, tenant, mail):
    async with platform.postgres.transaction(tenant.scope) as tx:
        return await send(tx, platform, mail)


async def attempt(platform, tenant, mail_id):
    await SEND_MAIL.run(platform, tenant.id, SendMail(mail_id))


async def state(platform, tenant, mail_id):
    async with platform.postgres.transaction(tenant.scope) as tx:
        return await store.read(tx, platform.encryption, mail_id)


async def test_a_mail_is_sent_with_text_and_html(sending, smtp, tenant, mail):
    platform = sending(smtp.url)
    mail_id = await write(platform, tenant, mail(to_name="Änn, the “first”", subject="Grüße"))
    await attempt(platform, tenant, mail_id)
    [(_, message)] = smtp.received
    assert message["subject"] == "Grüße"
    assert message["from"].addresses[0].addr_spec == "shop@example.com"
    assert message["to"].addresses[0].display_name == "Änn, the “first”"
    assert message["message-id"] == f"<{mail_id}@example.com>"
    plain = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert "One <b>paragraph</b>." in plain
    assert "One &lt;b&gt;paragraph&lt;/b&gt;." in html
    assert "Tea &amp; &lt;Co&gt;" in html
    found = await state(platform, tenant, mail_id)
    assert (found.status, found.attempts, found.last_error) == ("sent", 1, None)
    assert found.sent_at is not None


async def test_a_sent_mail_is_not_sent_again(sending, smtp, tenant, mail):
    platform = sending(smtp.url)
    mail_id = await write(platform, tenant, mail())
    for _ in range(3):
        await attempt(platform, tenant, mail_id)
    assert len(smtp.received) == 1


async def test_not_now_is_tried_again_under_the_same_id(sending, smtp, tenant, mail):
    platform = sending(smtp.url)
    smtp.answers = ["451 4.7.1 greylisted, come back"]
    mail_id = await write(platform, tenant, mail())
    with pytest.raises(MailDeferredError):
        await attempt(platform, tenant, mail_id)
    waiting = await state(platform, tenant, mail_id)
    assert (waiting.status, waiting.last_error) == ("queued", "451 4.7.1 greylisted, come back")
    await attempt(platform, tenant, mail_id)
    assert (await state(platform, tenant, mail_id)).status == "sent"
    first, second = (message for _, message in smtp.received)
    assert first["message-id"] == second["message-id"]
    assert first["date"] == second["date"]


async def test_never_is_failed_at_once_with_the_servers_words(sending, smtp, tenant, mail):
    platform = sending(smtp.url)
    smtp.answers = ["550 5.1.1 no such user here"]
    mail_id = await write(platform, tenant, mail())
    await attempt(platform, tenant, mail_id)
    found = await state(platform, tenant, mail_id)
    assert (found.status, found.last_error) == ("failed", "550 5.1.1 no such user here")
    async with platform.postgres.transaction(tenant.scope) as tx:
        await send_again(tx, platform, mail_id)
    await attempt(platform, tenant, mail_id)
    assert (await state(platform, tenant, mail_id)).status == "sent"


async def test_a_server_that_never_takes_it_is_given_up(sending, smtp, tenant, mail, monkeypatch):
    monkeypatch.setattr(sending_module, "ATTEMPTS", 2)
    platform = sending(smtp.url)
    smtp.answers = ["451 later"] * 2
    mail_id = await write(platform, tenant, mail())
    with pytest.raises(MailDeferredError):
        await attempt(platform, tenant, mail_id)
    await attempt(platform, tenant, mail_id)
    assert (await state(platform, tenant, mail_id)).status == "failed"
    assert SEND_MAIL.retries > ATTEMPTS, "the queue must not give up before the mail does"


async def test_a_server_that_is_away_is_not_now(sending, tenant, mail):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        platform = sending(f"smtp://127.0.0.1:{free.getsockname()[1]}")
        mail_id = await write(platform, tenant, mail())
        with pytest.raises(MailDeferredError):
            await attempt(platform, tenant, mail_id)
    assert (await state(platform, tenant, mail_id)).last_error


async def test_without_a_server_mail_is_kept(sending, platform, tenant, mail):
    mail_id = await write(platform, tenant, mail())
    assert (await state(platform, tenant, mail_id)).status == "kept"
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert await tx.value("select count(*) from tenant_jobs") == 0
        with pytest.raises(ConflictError):
            await send_again(tx, platform, mail_id)


async def test_a_mail_of_a_rolled_back_change_is_not_there(sending, smtp, tenant, mail):
    platform = sending(smtp.url)

    async def fail() -> None:
        async with platform.postgres.transaction(tenant.scope) as tx:
            await send(tx, platform, mail())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert await tx.value("select count(*) from mails") == 0
        assert await tx.value("select count(*) from tenant_jobs") == 0


async def test_the_job_waits_with_the_mail(sending, smtp, tenant, mail):
    platform = sending(smtp.url)
    await write(platform, tenant, mail())
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert await tx.values("select name from tenant_jobs") == ["mail.send"]


async def test_bodies_are_not_readable_in_the_database(platform, tenant, mail):
    await write(platform, tenant, mail())
    async with platform.postgres.transaction(tenant.scope) as tx:
        [(text, html)] = await tx.rows("select text, html from mails")
    assert b"token" not in bytes(text)
    assert b"token" not in bytes(html)


async def test_a_private_mail_is_shown_without_its_secret_and_sent_with_it(
    sending, smtp, tenant, mail
):
    platform = sending(smtp.url)
    mail_id = await write(platform, tenant, mail(is_private=True))
    shown = await state(platform, tenant, mail_id)
    for body in (shown.text, shown.html):
        assert "token=…" in body
        assert "abc-DEF_1" not in body
    await attempt(platform, tenant, mail_id)
    [(_, message)] = smtp.received
    assert "token=abc-DEF_1" in message.get_body(("plain",)).get_content()


async def test_another_tenant_neither_sees_nor_sends_it(sending, smtp, tenant, other_tenant, mail):
    platform = sending(smtp.url)
    mail_id = await write(platform, tenant, mail())
    assert await state(platform, other_tenant, mail_id) is None
    await attempt(platform, other_tenant, mail_id)
    assert smtp.received == []
    async with platform.postgres.transaction(other_tenant.scope) as tx:
        with pytest.raises(NotFoundError):
            await send_again(tx, platform, mail_id)


async def test_old_mail_is_deleted(platform, tenant, mail):
    old, new = [await write(platform, tenant, mail()) for _ in range(2)]
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute(
            "update mails set created_at = now() - interval '31 days' where mail_id = %s", (old,)
        )
    await sending_module.PURGE_MAIL.run(platform)
    assert await state(platform, tenant, old) is None
    assert await state(platform, tenant, new) is not None


async def test_letters_beyond_ascii_need_a_server_that_takes_them(sending, smtp, tenant, mail):
    platform = sending(smtp.url)
    mail_id = await write(platform, tenant, mail(to_address="ann@bücher.example"))
    await attempt(platform, tenant, mail_id)
    assert smtp.recipients == [["ann@xn--bcher-kva.example"]]
    mail_id = await write(platform, tenant, mail(to_address="jörg@example.com"))
    await attempt(platform, tenant, mail_id)
    assert (await state(platform, tenant, mail_id)).status == "failed"


async def test_a_password_goes_to_another_machine_only_over_tls(smtp, monkeypatch):
    """The server offers no TLS: whoever sits on the wire would learn the password."""
    monkeypatch.setattr(SmtpServer, "is_local", False)
    with pytest.raises(MailRefusedError, match="no TLS"):
        await probe(parse_server(smtp.url.replace("//", "//user:secret@")))
    await probe(parse_server(smtp.url))


async def test_mail_never_goes_to_a_server_with_a_wrong_certificate(
    sending, untrusted, tenant, mail
):
    platform = sending(untrusted.url)
    mail_id = await write(platform, tenant, mail())
    with pytest.raises(MailDeferredError, match=r"(?i)certificate"):
        await attempt(platform, tenant, mail_id)
    assert untrusted.received == []
    assert "ertificate" in (await state(platform, tenant, mail_id)).last_error
