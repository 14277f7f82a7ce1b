"""Brings a database to the version of the tables that this program knows, or refuses to touch it.

The tool that does it is loaded only when there is something to do: it is a fifth of what a start would cost.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.unknown import shown
from agent_runtime.store.tables import (  # noqa: F401 - what there is
    access,
    families,
    jobs,
    launchers,
    questions,
    quota,
    search,
    sessions,
    webhooks,
)
from agent_runtime.store.tables.columns import metadata

_MIGRATIONS = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """Tell the version of the tables that this program was written for."""
    return max(_versions())


def version_of(connection: Connection) -> str | None:
    """Tell the version of a database's tables; nothing if it has none of ours."""
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def check_version(found: str | None, place: str) -> None:
    """Refuse a database that a newer program has written, or none of ours.

    Errors:  Unusable.
    """
    newest = newest_version()
    is_later = found is not None and found.isdigit() and len(found) == len(newest) and found > newest
    if found is not None and found not in _versions() and not is_later:
        raise Unusable(
            "database_foreign",
            f"cannot use the database {place}: its tables are of version '{shown(found)}', which no agent-runtime has "
            "written (put a backup in its place, or use another data folder or database)",
        )
    if found is not None and found not in _versions():
        raise Unusable(
            "database_too_new",
            f"cannot use the database {place}: its tables are of version '{found}', and this program knows up to "
            f"'{newest_version()}' (install the newer agent-runtime again, or use another data folder)",
        )


def check_tables(connection: Connection, place: str) -> None:
    """Refuse a database of the right version in which a table is missing.

    Errors:  Unusable.
    """
    missing = sorted(set(metadata.tables) - set(inspect(connection).get_table_names()))
    if missing:
        raise Unusable(
            "database_damaged",
            f"cannot use the database {place}: its table '{missing[0]}' is missing"
            + (f", and {len(missing) - 1} more" if len(missing) > 1 else "")
            + " (put a backup in its place)",
        )


def migrate(connection: Connection, version: str = "head") -> None:
    """Apply every step up to a version that the database does not have; the caller's transaction is around them."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def _versions() -> frozenset[str]:
    """The versions that the tables have had; each step's file begins with the one to which it leads."""
    return frozenset(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))
