"""``groundswell init``: no prompt, the same however often it runs, beside a running server."""

import json
import subprocess
import sys

import pytest

from groundswell.core.ids import new_id


@pytest.fixture
def init(home, endpoints):
    """Runs the command on the home of the engines that run for the tests."""

    def run(*arguments, password="correct horse battery"):
        command = [sys.executable, "-m", "groundswell", "init", "--home", str(home)]
        return subprocess.run(
            [*command, "--password", password, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def names():
    """A slug and an address nobody has."""
    word = new_id().hex[-12:]
    return ["--tenant", f"init-{word}", "--email", f"{word}@Example.com"]


def test_json_is_one_object_with_keys_only_when_they_are_new(init, names):
    first = init(*names, "--json", "--currency", "eur", "--timezone", "Asia/Tokyo", "--name", "É")
    assert first.returncode == 0, first.stderr
    made = json.loads(first.stdout)
    assert set(made) == {"tenant_id", "tenant", "email", "secret_key", "publishable_key"}
    assert made["tenant"] == names[1]
    assert made["email"] == names[3].lower()
    second = init(*names, "--json")
    assert second.returncode == 0
    assert json.loads(second.stdout) == {key: made[key] for key in ("tenant_id", "tenant", "email")}


async def test_a_running_server_knows_the_new_keys(init, names, platform):
    made = json.loads(init(*names, "--json", "--currency", "jpy").stdout)
    await platform.directory.refresh()
    assert str(platform.directory.scope_of_key(made["secret_key"]).tenant_id) == made["tenant_id"]
    assert platform.directory.tenant_by_slug(names[1]).currency == "JPY"


def test_without_json_it_says_what_was_made_and_what_was_there(init, names):
    first, second = init(*names), init(*names)
    assert "gsk_" in first.stdout
    assert "gsk_" not in second.stdout
    assert "Nothing was changed" in second.stdout


def test_another_password_for_a_known_member_is_an_error(init, names):
    assert init(*names).returncode == 0
    again = init(*names, "--json", password="another long one")
    assert again.returncode == 1
    assert again.stdout == ""
    assert "another password" in again.stderr


def test_all_wrong_values_are_named_at_once(init):
    refused = init("--tenant", "No!", "--email", "me", "--currency", "x", "--timezone", "Moon")
    assert refused.returncode == 1
    for field in ("slug", "email", "currency", "timezone"):
        assert f"{field}:" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_weak_password_is_the_operators_own_choice_and_warned_about(init, names):
    made = init(*names, "--json", password="secret")
    assert made.returncode == 0
    assert json.loads(made.stdout)["secret_key"]
    assert "Warning" in made.stderr
