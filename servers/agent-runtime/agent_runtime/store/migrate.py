"""Brings a database to the version of the tables that this program knows, or refuses to touch it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from agent_runtime.domain.errors import Unusable

_STEPS = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """Tell the version of the tables that this program was written for."""
    head = _steps().get_current_head()
    assert head is not None, "there is at least the first step"
    return head


def version_of(connection: Connection) -> str | None:
    """Tell the version of a database's tables; nothing if it has none of ours."""
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def check_version(found: str | None, place: str) -> None:
    """Refuse a database that a newer program has written.

    Errors:  Unusable.
    """
    known = {step.revision for step in _steps().walk_revisions()}
    if found is not None and found not in known:
        raise Unusable(
            "database_too_new",
            f"cannot use the database {place}: its tables are of version '{found}', and this program knows up to "
            f"'{newest_version()}' (install the newer agent-runtime again, or use another data folder)",
        )


def migrate(connection: Connection) -> None:
    """Apply every step that the database does not have yet; the caller's transaction is around them."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    return config


def _steps() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
