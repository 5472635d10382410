"""The spine: tenancy, platform, people, events, commerce, growth, jobs, insights, flags, mail."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    for name in ("01_tenancy", "02_platform", "03_people", "04_events", "05_commerce", "06_growth"):
        run(_literal((_SQL / f"{name}.sql").read_text()))
    run(_literal(SchemaManager.get_schema()))
    run(_literal((_SQL / "07_jobs.sql").read_text()))
    run(_literal((_SQL / "08_insights.sql").read_text()))
    run(_literal((_SQL / "09_flags.sql").read_text()))
    run(_literal((_SQL / "10_mail.sql").read_text()))


def downgrade() -> None:
    raise RuntimeError("The first revision can't be undone; restore a backup instead.")


def _literal(sql: str) -> str:
    # The driver reads a percent sign as a parameter.
    return sql.replace("%", "%%")
