"""The light look at the schema says what Alembic and the event store say."""

from alembic.script import ScriptDirectory

from groundswell.core.db.migrations import _alembic
from groundswell.core.db.schema import pending, postgres_head, store_files
from groundswell.core.engines.endpoints import Endpoints


def test_the_head_told_from_file_names_is_alembics() -> None:
    """Revisions are named by their number, so the largest is the head."""
    assert postgres_head() == ScriptDirectory.from_config(_alembic()).get_current_head()


def test_nothing_is_pending_after_a_migration(endpoints: Endpoints) -> None:
    """Both engines of the tests are up to date."""
    assert pending(endpoints.database_owner_url, endpoints.clickhouse_url) == []


def test_an_engine_that_cannot_be_asked_has_everything_pending(endpoints: Endpoints) -> None:
    """A wrong password or a closed port is not mistaken for a finished migration."""
    wrong = endpoints.clickhouse_url.replace("@", "x@", 1)
    missing = pending("postgresql://nobody@127.0.0.1:1/none", wrong)
    assert missing == [
        f"postgres/{postgres_head()}",
        *(f"clickhouse/{name}" for name in sorted(store_files())),
    ]
