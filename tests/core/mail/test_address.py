"""Addresses, names and URLs: nothing that ends a header line gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.config import Settings, load_settings
from groundswell.core.errors import ConfigurationError, InvalidError
from groundswell.core.mail.address import (
    address_fault,
    header_address,
    is_breaking,
    one_line,
    parse_sender,
    parse_server,
)
from groundswell.core.mail.compose import check, message_of
from groundswell.core.mail.types import Mail, MailContent

HOSTILE = [
    "",
    "a",
    "@b.c",
    "a@",
    "a b@c.d",
    "a@b@c.d",
    "a@b..c",
    "a..b@c.d",
    ".a@b.c",
    "a@b.c\r\nBcc: x@y.z",
    "a\nb@c.d",
    "a\0@b.c",
    "a@b.c\0",
    "a@b\u2028.c",
    "a\x85@b.c",
    "a@b.c>, <x@y.z",
    "a,b@c.d",
    '"a b"@c.d',
    "a@[127.0.0.1]",
    "a@-b.c",
    "a@b_c.d",
    "\ud800@b.c",
    "x" * 65 + "@b.c",
    "a@" + "b" * 64 + ".c",
    "a@" + "b." * 130 + "c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_address_is_refused(text):
    assert address_fault(text)
    with pytest.raises(InvalidError) as refused:
        check(Mail(to_address=text, subject="s", text="t", html="h", kind="k"))
    assert [error.field for error in refused.value.errors] == ["email"]


@pytest.mark.parametrize(
    "text", ["a@b", "ann+x@mail.example.com", "jörg@bücher.example", "o'b@c.d"]
)
def test_addresses_people_have_are_taken(text):
    assert address_fault(text) == ""
    assert header_address("", text).domain.isascii()


@pytest.mark.parametrize("name", ["a\r\nBcc: x@y.z", "a\0", "a\u2028b", "a\x1b[2J", "x" * 121])
def test_a_name_that_breaks_a_header_is_refused(name):
    mail = Mail(to_address="a@b.c", to_name=name, subject=name * 2, text="", html="", kind="k")
    with pytest.raises(InvalidError) as refused:
        check(mail)
    assert {"name"} <= {error.field for error in refused.value.errors} <= {"name", "subject"}


@given(
    name=st.text(max_size=60),
    subject=st.text(min_size=1, max_size=100),
    address=st.one_of(st.emails(), st.text(max_size=30), st.from_regex(r"\S+@\S+", fullmatch=True)),
)
def test_a_message_has_our_headers_and_no_others(name, subject, address):
    """Whatever passes the check makes a message; no text of a caller's becomes a header."""
    mail = Mail(
        to_address=address,
        to_name=name,
        subject=one_line(subject, 200),
        text="t",
        html="h",
        kind="k",
    )
    try:
        check(mail)
    except InvalidError:
        return
    from datetime import UTC, datetime

    from groundswell.core.ids import new_id

    content = MailContent(
        mail_id=new_id(),
        to_address=address,
        to_name=name,
        subject=mail.subject,
        kind="k",
        status="queued",
        attempts=1,
        last_error=None,
        message_id="<a@b>",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        sent_at=None,
        text="t",
        html="h",
    )
    message = message_of(content, ("Shop", "shop@example.com"))
    head = message.policy.clone(utf8=True)
    lines = message.as_bytes(policy=head).partition(b"\r\n\r\n")[0].split(b"\r\n")
    names = {line.split(b":")[0].lower() for line in lines if not line.startswith((b" ", b"\t"))}
    assert names == {
        b"from", b"to", b"subject", b"date", b"message-id", b"auto-submitted",
        b"mime-version", b"content-type",
    }  # fmt: skip


@given(st.text())
def test_one_line_is_one_line(text):
    found = one_line(text, 50)
    assert len(found) <= 50
    assert not is_breaking(found)


def test_a_sender_may_have_a_name():
    assert parse_sender("Groundswell <no-reply@localhost>") == ("Groundswell", "no-reply@localhost")
    assert parse_sender('"Tea & Co" <a@b.c>') == ("Tea & Co", "a@b.c")
    assert parse_sender("a@b.c") == ("", "a@b.c")
    for wrong in ("", "nobody", "A <b>", "A <a@b.c> x", "A\r\nBcc: x@y.z <a@b.c>"):
        with pytest.raises(ValueError, match="must be an address"):
            parse_sender(wrong)


def test_a_server_is_a_url():
    server = parse_server("smtps://us%40er:p%3Aw@mail.example.com")
    assert (server.host, server.port, server.is_tls) == ("mail.example.com", 465, True)
    assert (server.username, server.password) == ("us@er", "p:w")
    assert parse_server("smtp://localhost").port == 587


@pytest.mark.parametrize("url", ["mail.example.com", "http://a", "smtp://", "smtp://a:99999"])
def test_a_wrong_server_stops_the_start_without_its_password(url, tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        load_settings(home=tmp_path, smtp_url=url.replace("//", "//u:geheim@", 1))
    assert "SMTP_URL" in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_a_wrong_sender_stops_the_start(tmp_path):
    with pytest.raises(ConfigurationError, match="GROUNDSWELL_MAIL_FROM"):
        load_settings(home=tmp_path, mail_from="nobody")
    assert parse_sender(Settings.model_fields["mail_from"].default)
