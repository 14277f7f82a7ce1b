"""Each earlier version of the tables becomes the newest one with everything that was in it, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection, Table, TableClause, column, insert, inspect, select, table, text

from agent_runtime.domain.job import JobStatus
from agent_runtime.services.launchers.claims import Ask, look_for_work
from agent_runtime.services.launchers.reports import Report, finish
from agent_runtime.store.migrate import migrate, newest_version, version_of
from agent_runtime.store.postgres.connection import conninfo_of, engine_for
from agent_runtime.store.postgres.opening import prepare_postgres
from agent_runtime.store.sqlite.opening import prepare_sqlite
from agent_runtime.store.sqlite.store import sqlite_engine
from agent_runtime.store.tables.columns import metadata
from agent_runtime.store.tables.jobs import jobs, lanes
from agent_runtime.store.tables.launchers import launchers
from agent_runtime.store.tables.sessions import events, sessions
from support.postgres import Cluster
from support.store_rig import StoreRig, proof

EARLIER = ("0001", "0002", "0003", "0004", "0005", "0009", "0010")
RENAMED = {"place": "turn"}
"""How columns were called before version 0010."""
TABLES = (lanes, sessions, jobs, launchers, events)


@contextmanager
def _connected(place: Path | str) -> Iterator[Connection]:
    engine = sqlite_engine(place, read_only=False) if isinstance(place, Path) else engine_for(conninfo_of(place))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _make(place: Path | str, version: str, rows: dict[str, list[dict[str, object]]]) -> None:
    """Make a database of an earlier version, with rows that this version could have had."""
    with _connected(place) as connection:
        connection.exec_driver_sql("BEGIN")
        migrate(connection, version)
        known = inspect(connection)
        for newest in TABLES:
            earlier = _as_it_was(newest, {column["name"] for column in known.get_columns(newest.name)})
            for row in rows[newest.name]:
                values = {RENAMED.get(key, key): value for key, value in row.items()}
                connection.execute(insert(earlier).values({key: values[key] for key in values if key in earlier.c}))
        if connection.dialect.name == "postgresql":
            for name, column in (("lanes", "id"), ("events", "seq")):
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), 1000)")
        connection.exec_driver_sql("COMMIT")


def _as_it_was(newest: Table, names: set[str]) -> TableClause:
    columns = (column(RENAMED.get(one.name, one.name), one.type) for one in newest.columns)
    return table(newest.name, *(one for one in columns if one.name in names))


def _rows_of(rig: StoreRig) -> dict[str, list[dict[str, object]]]:
    """All rows, as they were before urgency had lanes of its own."""
    with _connected(rig.url or rig.path) as connection:
        rows = {table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in TABLES}
    rows["lanes"] = rows["lanes"][:1]
    for job in rows["jobs"]:
        job["lane_id"] = rows["lanes"][0]["id"]
    return rows


@pytest.mark.parametrize("version", EARLIER)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_an_upgrade_with_jobs_running_and_waiting_loses_nothing(
    engine: str, version: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    donor = StoreRig(tmp_path)
    waiting = [donor.create(priority=priority) for priority in (0, 5, 0)]
    urgent = waiting[1]
    launcher = donor.launcher()
    running = donor.run(launcher)
    rows = _rows_of(donor)
    donor.close()
    old = tmp_path / "old"
    old.mkdir()
    place: Path | str = old / "runtime.db"
    if engine == "postgresql":
        server: Cluster = request.getfixturevalue("cluster")
        place = server.new_database()
        _make(place, version, rows)
        prepare_postgres(place)
        upgraded = StoreRig(old, url=place)
    else:
        assert isinstance(place, Path)
        _touch(place)
        _make(place, version, rows)
        prepare_sqlite(place)
        upgraded = StoreRig(old)
    try:
        assert running.id == urgent.id
        reported = upgraded.do(lambda tx: finish(tx, Report(proof(running), JobStatus.COMPLETED, exit_code=0)))
        found = upgraded.do(lambda tx: look_for_work(tx, Ask(launcher.id, launcher.epoch, 10, 10)))
        upgraded.create("after")

        assert reported.refused is None
        assert [claim.job.id for claim in found.claims] == [waiting[0].id, waiting[2].id]
    finally:
        upgraded.close()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_events_of_callbacks_say_their_reason_after_an_upgrade(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    donor = StoreRig(tmp_path)
    donor.create("boss")
    donor.create("child", parent_session_name="boss", callback=True, callback_group='"why":', callback_policy="all")
    rows = _rows_of(donor)
    donor.close()
    for row in rows["events"]:
        event = cast("dict[str, object]", row["data"])
        if "callback_id" in event:
            event["why"] = event.pop("reason")
    old = tmp_path / "old"
    old.mkdir()
    path = old / "runtime.db"
    url = request.getfixturevalue("cluster").new_database() if engine == "postgresql" else None
    _touch(path)
    _make(url or path, "0009", rows)
    prepare_postgres(url) if url is not None else prepare_sqlite(path)
    upgraded = StoreRig(old, url=url)

    told = upgraded.do(lambda tx: [event.new.data for event in tx.events.after(0, 100)])
    upgraded.close()

    (data,) = (data for data in told if "callback_id" in data)
    assert (data["reason"], data["group"]) == (None, '"why":')
    assert "why" not in data


def _touch(path: Path) -> None:
    prepare_sqlite(path)
    with _connected(path) as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        for name in [*metadata.tables, "alembic_version", "session_words"]:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_steps_lead_to_the_tables_and_indexes_that_the_program_knows(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place: Path | str = tmp_path / "runtime.db"
    if engine == "postgresql":
        place = request.getfixturevalue("postgres_url")
    else:
        prepare_sqlite(tmp_path / "runtime.db")

    with _connected(place) as connection:
        known = inspect(connection)
        for table in metadata.tables.values():
            columns = {column["name"] for column in known.get_columns(table.name)}
            found = [index for index in known.get_indexes(table.name) if not index.get("duplicates_constraint")]
            assert columns == {column.name for column in table.columns}, table.name
            # SQLite has no such index: there it is a table of its own.
            fitting = [one for one in table.indexes if engine == "postgresql" or one.name != "session_texts_by_word"]
            assert {str(index.name) for index in fitting} == {str(index["name"]) for index in found}, table.name
        assert version_of(connection) == newest_version()
        assert connection.execute(text("SELECT 1")).scalar() == 1
