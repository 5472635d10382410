"""Real engines: cold and warm starts, sharing, kills, and every kind of user and path."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import psycopg
import pytest
from tests.core.engines.conftest import is_alive, kill, statuses, until
from valkey import Valkey
from valkey.exceptions import OutOfMemoryError

from groundswell.core.config import Settings, load_settings
from groundswell.core.engines.embedded import engines
from groundswell.core.engines.endpoints import Endpoints, read_published
from groundswell.core.engines.home import AlreadyRunningError, Home
from groundswell.core.engines.identity import FORCE
from groundswell.core.errors import ConfigurationError

SITE = Path(psycopg.__file__).parents[1]
SOURCE = Path(__file__).parents[3] / "src"

# Starts all engines, uses each once, says how long that took; with "hold" stays until killed.
_USE = """
import asyncio, sys, time
from pathlib import Path
import clickhouse_connect, psycopg
from valkey import Valkey
from valkey.exceptions import OutOfMemoryError
from groundswell.core.config import load_settings
from groundswell.core.engines.embedded import engines
async def main():
    began = time.monotonic()
    async with engines(load_settings(home=Path(sys.argv[1]))) as e:
        took = time.monotonic() - began
        with psycopg.connect(e.database_url) as db:
            user = db.execute("select current_user").fetchone()[0]
        store = clickhouse_connect.get_client(dsn=e.clickhouse_url)
        with Valkey.from_url(e.log_url) as log, Valkey.from_url(e.cache_url) as cache:
            print(user, store.command("select 1"), log.ping(), cache.ping(), took, flush=True)
        if sys.argv[2:] == ["hold"]:
            await asyncio.sleep(60)
asyncio.run(main())
"""


def _use(home: Path, *how: str, python: str = sys.executable, **env: str) -> float:
    """Run _USE as a process of its own; seconds until its engines were ready."""
    done = subprocess.run(
        [*how, python, "-W", "ignore", "-c", _USE, str(home)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **env},
    )
    assert done.returncode == 0, done.stderr
    user, one, log, cache, took = done.stdout.split()
    assert (user, one, log, cache) == ("groundswell_app", "1", "True", "True")
    return float(took)


async def test_start_is_quick_cold_and_warm(tmp_path: Path) -> None:
    # Alone on two cores: 1.4 s and 0.7 s. The limits leave room for a busy machine.
    assert _use(tmp_path / "home") < 5
    assert min(_use(tmp_path / "home") for _ in range(2)) < 3
    assert not (tmp_path / "home" / "run" / "endpoints.json").exists()


async def test_roles_have_no_more_rights_than_meant(bare: Endpoints) -> None:
    with psycopg.connect(bare.database_system_url) as db:
        rows = db.execute(
            "select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb"
            " from pg_roles where rolname like 'groundswell_%' and rolname <> 'groundswell_admin'"
        ).fetchall()
        owner = db.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = 'groundswell'"
        ).fetchone()
        checks = db.execute("select current_setting('data_checksums')").fetchone()
        locale = db.execute(
            "select datlocprovider, datlocale from pg_database where datname = 'groundswell'"
        ).fetchone()
    assert dict(rows) == dict.fromkeys(
        ("groundswell_owner", "groundswell_app", "groundswell_system"), False
    )
    assert owner == ("groundswell_owner",)
    assert checks == ("on",)
    assert locale is not None
    assert locale[1] == "C.UTF-8"


async def test_app_role_can_create_nothing(bare: Endpoints) -> None:
    with (
        psycopg.connect(bare.database_url) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute("create table mine (a int)")


async def test_wrong_password_is_refused(bare: Endpoints) -> None:
    wrong = bare.database_url.replace("groundswell_app:", "groundswell_app:x")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(wrong)


async def test_log_is_durable_and_cache_forgets(bare: Endpoints, bare_settings: Settings) -> None:
    wanted = {
        bare.log_url: ("yes", "always", "noeviction", bare_settings.log_max_bytes),
        bare.cache_url: ("no", "everysec", "allkeys-lru", bare_settings.cache_max_bytes),
    }
    for url, (aof, fsync, policy, memory) in wanted.items():
        with Valkey.from_url(url, decode_responses=True) as client:
            said = client.config_get("*")
        assert said["appendonly"] == aof
        assert aof == "no" or said["appendfsync"] == fsync
        assert said["maxmemory-policy"] == policy
        assert int(said["maxmemory"]) == memory


def _fill(log: Valkey) -> None:
    for _ in range(1000):
        log.xadd("events", {"d": b"x" * 50_000})


async def test_full_log_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", log_max_bytes=5_000_000)
    async with engines(settings) as running:
        with Valkey.from_url(running.log_url) as log:
            with pytest.raises(OutOfMemoryError):
                _fill(log)
            kept = log.xlen("events")
            assert kept > 10
            await kill(settings.home, "log")
            assert log.xlen("events") == kept


async def test_every_engine_survives_kill_9_with_what_it_acknowledged(
    bare: Endpoints, bare_settings: Settings
) -> None:
    store = clickhouse_connect.get_client(dsn=bare.clickhouse_url)
    store.command(
        "CREATE TABLE kept (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS fsync_after_insert = 1"
    )
    with psycopg.connect(bare.database_owner_url, autocommit=True) as db:
        db.execute("create table kept (n int)")
        db.execute("insert into kept values (7)")
    store.insert("kept", [[7]], column_names=["n"])
    with Valkey.from_url(bare.log_url) as log:
        log.set("kept", "7")
    for name in ("postgres", "store", "log", "cache"):
        await kill(bare_settings.home, name)
    with psycopg.connect(bare.database_owner_url) as db:
        assert db.execute("select n from kept").fetchone() == (7,)
    assert store.command("SELECT n FROM kept") == 7
    with Valkey.from_url(bare.log_url) as log:
        assert log.get("kept") == b"7"
    with Valkey.from_url(bare.cache_url) as cache:
        assert cache.ping()


async def test_torn_tail_of_the_log_is_cut_off(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home")
    async with engines(settings) as running:
        with Valkey.from_url(running.log_url) as log:
            for number in range(10):
                log.xadd("events", {"n": number})
    (tail,) = (settings.home / "valkey-log").glob("*/*.incr.aof")
    with tail.open("r+b") as file:
        file.truncate(tail.stat().st_size - 5)
    async with engines(settings) as running:
        with Valkey.from_url(running.log_url) as log:
            assert log.xlen("events") == 9


async def test_a_killed_command_leaves_nothing_and_the_next_starts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _USE, str(home), "hold"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    await asyncio.to_thread(process.stdout.readline)
    pids = [status.pid for status in statuses(home).values() if status.pid]
    assert len(pids) == 4
    process.kill()
    process.wait()
    # At once: the successor must cope with a predecessor that is still dying.
    assert _use(home) < 5
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def test_stale_pid_file_that_names_a_living_stranger_does_not_stop_the_start(
    tmp_path: Path,
) -> None:
    settings = load_settings(home=tmp_path / "home")
    async with engines(settings):
        pass
    stranger = subprocess.Popen(["/bin/sleep", "60"])
    lines = [str(stranger.pid), str(settings.home / "postgres"), "1", "5432", "/tmp", "", "1 1"]
    (settings.home / "postgres" / "postmaster.pid").write_text("\n".join(lines))
    async with engines(settings):
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


async def test_other_commands_share_running_engines_and_are_waited_for(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home")
    released = asyncio.Event()
    entered = asyncio.Event()

    async def guest(endpoints: Endpoints) -> None:
        async with engines(settings) as shared:
            assert shared == endpoints
            entered.set()
            await released.wait()
            with psycopg.connect(shared.database_url) as db:
                assert db.execute("select 1").fetchone() == (1,)

    async with engines(settings) as first:
        visiting = asyncio.create_task(guest(first))
        await entered.wait()
        with pytest.raises(AlreadyRunningError, match=rf"pid {os.getpid()}"):
            Home(settings.home).locked().__enter__()
        asyncio.get_running_loop().call_later(0.3, released.set)
    assert visiting.done()
    visiting.result()
    assert read_published(Home(settings.home)) is None


async def test_named_engines_are_used_as_they_are_and_nothing_starts(tmp_path: Path) -> None:
    urls = {
        "database_url": "postgresql://a",
        "database_owner_url": "postgresql://b",
        "database_system_url": "postgresql://c",
        "clickhouse_url": "http://d",
        "log_url": "valkey://e",
        "cache_url": "valkey://f",
        "files_url": "s3://g",
    }
    async with engines(load_settings(home=tmp_path / "home", **urls)) as given:
        assert {name: getattr(given, name) for name in urls} == urls
    assert not (tmp_path / "home").exists()


async def test_database_url_without_its_companions_is_refused(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", database_url="postgresql://a")
    with pytest.raises(ConfigurationError, match="DATABASE_OWNER_URL"):
        async with engines(settings):
            pass


async def test_long_paths_with_spaces_work(tmp_path: Path) -> None:
    _use(tmp_path / ("a long name/" * 15) / "home")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
async def test_root_without_namespaces_drops_to_another_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed to others"
    closed.mkdir(mode=0o700)
    _use(closed / "home", **{FORCE: "user"})
    assert (closed / "home" / "postgres" / "PG_VERSION").stat().st_uid != 0
    _use(closed / "home", **{FORCE: "namespace"})
    assert (closed / "home" / "postgres" / "PG_VERSION").stat().st_uid == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may be given; pytest's own are closed."""
    path = Path(tempfile.mkdtemp(prefix="gs open "))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
async def test_ordinary_user_needs_nothing_special(open_folder: Path) -> None:
    python = _python_for_all()
    if python is None:
        pytest.skip(f"no Python {sys.version_info.minor} that other users may run")
    own = open_folder / "own"
    own.mkdir()
    os.chown(own, 1, 1)
    drop = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "--inh-caps=-all"]
    # The system's Python may be an older 3.11 than ours, which valkey gives this one module more.
    (own / "async_timeout.py").write_text("from asyncio import timeout as timeout\n")
    path = os.pathsep.join((str(SOURCE), str(SITE), str(own)))
    _use(own / "home", *drop, python=python, HOME=str(own), PYTHONPATH=path)
    assert (own / "home" / "postgres" / "PG_VERSION").stat().st_uid == 1


def _python_for_all() -> str | None:
    name = f"python3.{sys.version_info.minor}"
    for folder in ("/usr/bin", "/usr/local/bin"):
        if Path(folder, name).exists():
            return str(Path(folder, name))
    return None


def test_postgres_without_any_way_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from groundswell.core.engines import identity

    if os.geteuid() != 0:
        pytest.skip("needs root")
    monkeypatch.setenv(FORCE, "neither")
    identity.postgres_identity.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match="ordinary user, or set DATABASE_URL"):
            identity.postgres_identity()
    finally:
        identity.postgres_identity.cache_clear()


async def test_store_keeps_its_address_when_killed(
    bare: Endpoints, bare_settings: Settings
) -> None:
    client = clickhouse_connect.get_client(dsn=bare.clickhouse_url)
    before = statuses(bare_settings.home)["store"]
    assert before.pid
    began = time.monotonic()
    os.kill(before.pid, signal.SIGKILL)
    await until(lambda: statuses(bare_settings.home)["store"].restarts > before.restarts)
    await until(lambda: statuses(bare_settings.home)["store"].ready)
    assert time.monotonic() - began < 5
    assert client.command("SELECT 1") == 1
