"""Of several processes that keep a snapshot, the newest stays in the file."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from groundswell.core.kept_file import keep_newest


def content(version: int) -> bytes:
    return msgspec.json.encode({"version": version, "tenants": []})


def kept(path: Path) -> int:
    return msgspec.json.decode(path.read_bytes())["version"]


def test_an_older_version_never_replaces_one_just_written(tmp_path: Path) -> None:
    """Whatever the order of writers, the file ends with the newest, readable by its owner only."""
    path = tmp_path / "state" / "directory.json"
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda v: keep_newest(path, v, content(v)), [3, 9, 1, 7, 9, 2, 8, 4] * 5))
    assert kept(path) == 9
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_versions_may_begin_again(tmp_path: Path) -> None:
    """After a restored backup the present state is kept, though its number is lower."""
    path = tmp_path / "directory.json"
    keep_newest(path, 90, content(90))
    os.utime(path, (1, 1))
    keep_newest(path, 2, content(2))
    assert kept(path) == 2


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    """What can't be read holds nothing newer."""
    path = tmp_path / "directory.json"
    path.write_bytes(b"{")
    keep_newest(path, 1, content(1))
    assert kept(path) == 1
