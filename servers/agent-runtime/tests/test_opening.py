"""Which database files are used, and which are refused and left as they were."""

import secrets
import sqlite3
from pathlib import Path

import pytest

from agent_runtime.domain.errors import Unusable
from agent_runtime.store.migrate import newest_version
from agent_runtime.store.sqlite.opening import prepare_sqlite
from agent_runtime.store.tables.columns import metadata


def _refused(path: Path) -> Unusable:
    before = {item.name: item.read_bytes() for item in path.parent.iterdir()}
    with pytest.raises(Unusable) as told:
        prepare_sqlite(path)
    assert path.read_bytes() == before[path.name]
    assert "\n" not in str(told.value)
    return told.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database lies."""
    return tmp_path / "runtime.db"


@pytest.mark.parametrize("is_there", [False, True])
def test_a_file_that_is_not_there_or_is_empty_is_made(path: Path, is_there: bool) -> None:
    if is_there:
        path.touch()

    prepare_sqlite(path)
    prepare_sqlite(path)

    with sqlite3.connect(path) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        version = database.execute("SELECT version_num FROM alembic_version").fetchall()
        mode = database.execute("PRAGMA journal_mode").fetchone()
    database.close()
    assert set(metadata.tables) <= tables
    assert (version, mode) == ([(newest_version(),)], ("wal",))
    assert path.stat().st_mode & 0o077 == 0


def test_the_steps_lead_to_the_tables_that_the_program_knows(path: Path) -> None:
    prepare_sqlite(path)

    with sqlite3.connect(path) as database:
        for table in metadata.tables.values():
            found = {row[1] for row in database.execute(f"PRAGMA table_info({table.name})")}
            assert found == {column.name for column in table.columns}, table.name
    database.close()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)

    told = _refused(path)

    assert told.code == "database_damaged"
    assert "it does not begin like an SQLite file" in str(told)


def test_a_damaged_database_is_refused(path: Path) -> None:
    prepare_sqlite(path)
    whole = bytearray(path.read_bytes())
    whole[4096:] = secrets.token_bytes(len(whole) - 4096)
    path.write_bytes(bytes(whole))

    assert _refused(path).code == "database_damaged"


def test_a_cut_off_database_is_refused(path: Path) -> None:
    prepare_sqlite(path)
    path.write_bytes(path.read_bytes()[:9000])

    assert _refused(path).code == "database_damaged"


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE recipes (name)")
    database.close()

    assert _refused(path).code == "database_foreign"


@pytest.mark.parametrize("version", ["banana", "0000", "", "5"])
def test_a_version_that_nobody_has_written_is_not_taken_for_a_newer_one(path: Path, version: str) -> None:
    prepare_sqlite(path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    database.close()

    told = _refused(path)

    assert told.code == "database_foreign"
    assert f"of version '{version}', which no agent-runtime has written" in str(told)


def test_a_database_without_one_of_its_tables_is_refused(path: Path) -> None:
    prepare_sqlite(path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute("DROP TABLE jobs")
    database.close()

    told = _refused(path)

    assert told.code == "database_damaged"
    assert "its table 'jobs' is missing" in str(told)


def test_a_folder_in_place_of_the_file_is_named_as_such(path: Path) -> None:
    path.mkdir()

    with pytest.raises(
        Unusable, match=r"a file that can be read and written expected.*found: Is a directory"
    ) as caught:
        prepare_sqlite(path)

    assert caught.value.code == "database_unreachable"


def test_a_database_of_a_newer_version_is_refused(path: Path) -> None:
    prepare_sqlite(path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    told = _refused(path)

    assert told.code == "database_too_new"
    assert "its tables are of version '9999'" in str(told)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_log_without_its_database_is_refused_and_kept(path: Path, is_there: bool) -> None:
    if is_there:
        path.touch()
    log = path.with_name("runtime.db-wal")
    log.write_bytes(b"commits that were acknowledged")

    with pytest.raises(Unusable, match="found: its write-ahead log without it"):
        prepare_sqlite(path)

    assert log.read_bytes() == b"commits that were acknowledged"
    assert [item.name for item in path.parent.iterdir() if item.stat().st_size > 0] == [log.name]
