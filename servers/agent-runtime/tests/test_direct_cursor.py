"""The cursor that runs statements through libpq itself gives back what it was given, and knows when its line is cut."""

from collections.abc import Iterator

import psycopg
import pytest

from agent_runtime.store.postgres import direct_cursor
from agent_runtime.store.postgres.connection import PostgresConnection, conninfo_of, engine_for, open_connection
from agent_runtime.store.postgres.direct_cursor import DirectCursor
from support.postgres import Cluster

VALUES: dict[str, object] = {
    "a_count": 2**62,
    "a_text": "it's 100 % “quoted” \\ and\nlong",
    "a_share": 0.1,
    "a_yes": True,
    "a_nothing": None,
    "some_bytes": psycopg.Binary(bytes(range(256))),
}
BACK = (2**62, "it's 100 % “quoted” \\ and\nlong", 0.1, True, None, bytes(range(256)), "%")
ALL = (
    "SELECT %(a_count)s::bigint, %(a_text)s::varchar, %(a_share)s::float8, %(a_yes)s::boolean, %(a_nothing)s::varchar, "
    "%(some_bytes)s::bytea, '%%' WHERE %(a_count)s::bigint > 0"
)


@pytest.fixture
def driver(cluster: Cluster) -> Iterator[psycopg.Connection[object]]:
    with open_connection(conninfo_of(cluster.new_database())) as connection:
        yield connection


def test_values_come_back_as_they_went_however_often_a_statement_is_run(driver: psycopg.Connection[object]) -> None:
    cursor = DirectCursor(driver)
    for _ in range(3):
        cursor.execute(ALL, VALUES)
        assert cursor.fetchall() == [BACK]


def test_statements_beyond_those_that_are_remembered_run_too(
    driver: psycopg.Connection[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_cursor, "KNOWN_MAX", 2)
    cursor = DirectCursor(driver)
    for number in [*range(5), *range(5)]:
        cursor.execute(f"SELECT {number} + %(one)s::integer", {"one": 1})
        assert cursor.fetchone() == (number + 1,)


def test_text_that_the_database_cannot_hold_is_refused_and_not_cut(driver: psycopg.Connection[object]) -> None:
    with pytest.raises(psycopg.DataError):
        DirectCursor(driver).execute("SELECT %(a)s::varchar", {"a": "before\0behind"})


def test_a_refused_statement_leaves_the_line_as_it_is_and_the_servers_last_word_ends_it(
    driver: psycopg.Connection[object], cluster: Cluster
) -> None:
    cursor = DirectCursor(driver)
    with pytest.raises(psycopg.errors.UndefinedTable):
        cursor.execute("SELECT * FROM nowhere")
    assert not driver.closed
    own = driver.info.backend_pid
    with open_connection(conninfo_of(cluster.new_database())) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (own,))
        with pytest.raises(psycopg.OperationalError):
            _ask_for_ever(cursor)
    assert driver.closed


def _ask_for_ever(cursor: DirectCursor) -> None:
    while True:
        cursor.execute("SELECT 1")


def test_a_look_for_room_leaves_what_was_prepared(cluster: Cluster) -> None:
    connection = PostgresConnection(engine_for(conninfo_of(cluster.new_database())), writes=True)
    cursor = connection.tables.channel.cursor
    try:
        cursor.execute("CREATE TEMPORARY TABLE numbers (number int)")
        for _ in range(2):
            cursor.executemany("INSERT INTO numbers VALUES (%(a)s)", [{"a": 1}, {"a": 2}])
            cursor.execute("SELECT count(*) FROM numbers WHERE number = %(a)s", {"a": 1})

        connection.try_room()

        cursor.execute("SELECT count(*) FROM numbers WHERE number = %(a)s", {"a": 1})
        assert cursor.fetchall() == [(2,)]
    finally:
        connection.close()
