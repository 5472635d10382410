"""A home: private folders, secrets made once, one holder at a time, sockets that fit."""

import base64
import multiprocessing
import os
import stat
import tomllib
from pathlib import Path

import pytest

from groundswell.core.engines.home import FOLDERS, AlreadyRunningError, Home
from groundswell.core.engines.secrets import load_secrets
from groundswell.core.errors import ConfigurationError


def test_folders_and_secrets_are_for_the_owner_only(home: Home) -> None:
    assert home.secrets
    for name in FOLDERS:
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "secrets.toml").stat().st_mode) == 0o600


def test_master_key_is_32_bytes(home: Home) -> None:
    assert len(base64.b64decode(home.secrets.master_key)) == 32


def test_secrets_stay_the_same(home: Home) -> None:
    assert home.secrets == Home(home.path).secrets


def test_processes_that_start_at_once_agree_on_secrets(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(load_secrets, [path] * 8)
    assert len({secrets.master_key for secrets in made}) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["secrets.toml"]


@pytest.mark.parametrize("text", ["not toml =", 'store = "x"\n'])
def test_damaged_secrets_stop_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"secrets\.toml is damaged"):
        load_secrets(path)


def test_secrets_file_has_every_secret(home: Home) -> None:
    assert home.secrets.store
    assert set(tomllib.loads((home / "secrets.toml").read_text())) >= {"store", "cron_secret"}


def test_second_holder_is_refused(home: Home) -> None:
    with home.locked(), pytest.raises(AlreadyRunningError, match="already"):
        Home(home.path).locked().__enter__()
    with home.locked():
        pass


def test_short_home_keeps_its_sockets_inside(home: Home) -> None:
    assert home.sockets == home / "run"


def test_long_home_has_short_private_sockets(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long name/" * 15)).create()
    assert len(os.fsencode(home.sockets / ".s.PGSQL.5432")) <= 107
    assert stat.S_IMODE(home.sockets.stat().st_mode) == 0o700
    assert home.sockets == Home(home.path).sockets
    home.sockets.rmdir()


def test_socket_folder_prepared_by_another_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long name/" * 15)).create()
    folder = home.sockets
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="not a private folder"):
        _ = Home(home.path).sockets
    folder.rmdir()


def test_home_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="file"):
        Home(tmp_path / "file").create()
