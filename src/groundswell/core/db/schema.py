"""Which schema this version needs, told from file names alone: web processes ask at /readyz."""

from importlib.resources import files
from pathlib import Path


def migrations_folder() -> Path:
    """The migrations of this installation: in the checkout, or inside the wheel."""
    checkout = Path(__file__).parents[4] / "migrations"
    return checkout if checkout.is_dir() else Path(str(files("groundswell"))) / "migrations"


def postgres_head() -> str:
    """The newest PostgreSQL revision, such as ``0001``."""
    names = (migrations_folder() / "postgres" / "versions").glob("[0-9]*.py")
    return max(path.name.partition("_")[0] for path in names)


def store_files() -> set[str]:
    """The event store's migration files."""
    return {path.name for path in (migrations_folder() / "clickhouse").glob("*.sql")}
