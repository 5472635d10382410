"""Doctor on mail: what would keep it from arriving, and whether the server answers."""

import socket

from groundswell.app.doctor import _mail, _mail_server
from groundswell.core.config import load_settings


def levels(settings):
    return [(finding.subject, finding.level) for finding in _mail(settings)]


def test_mail_that_is_kept_is_a_note(tmp_path):
    assert levels(load_settings(home=tmp_path)) == [("mail", "note")]


def test_a_sender_nobody_set_and_links_to_nowhere_are_warnings(tmp_path):
    given = {"home": tmp_path, "smtp_url": "smtp://mail.example.com"}
    assert levels(load_settings(**given)) == [("mail", "warning")] * 2
    whole = {"mail_from": "a@example.com", "public_url": "https://growth.example.com"}
    assert levels(load_settings(**given, **whole)) == []


async def test_a_server_that_does_not_answer_is_an_error_without_its_password(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"smtp://user:geheim@127.0.0.1:{free.getsockname()[1]}"
        found = await _mail_server(load_settings(home=tmp_path, smtp_url=url))
    assert found.level == "error"
    assert "geheim" not in found.text
