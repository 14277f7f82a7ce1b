"""The words by which sessions are found; they are read from what is there after the start, a few at a time."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0015"
down_revision = "0014"

metadata = MetaData()

session_texts = Table(
    "session_texts",
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("session_id", String(40), nullable=False, unique=True),
    Column("words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
)
search_position = Table(
    "search_position",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("through_seq", BigInteger, nullable=False),
    Column("swept_through", String(40)),
)

_TAKE_OUT = "INSERT INTO session_words (session_words, rowid, words) VALUES ('delete', old.number, old.words);"
_PUT_IN = "INSERT INTO session_words (rowid, words) VALUES (new.number, new.words);"
_FIND = "USING fts5 (words, content='session_texts', content_rowid='number', prefix='2 3')"
_SQLITE = (
    f"CREATE VIRTUAL TABLE session_words {_FIND}",
    f"CREATE TRIGGER session_words_come AFTER INSERT ON session_texts BEGIN {_PUT_IN} END",
    f"CREATE TRIGGER session_words_go AFTER DELETE ON session_texts BEGIN {_TAKE_OUT} END",
    f"CREATE TRIGGER session_words_change AFTER UPDATE ON session_texts BEGIN {_TAKE_OUT} {_PUT_IN} END",
)
_POSTGRES = ("CREATE INDEX session_texts_by_word ON session_texts USING gin (words)",)


def upgrade() -> None:
    """Make the tables; that there is no position yet says that every session is still to be read."""
    connection = op.get_bind()
    metadata.create_all(connection)
    for statement in _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE:
        connection.execute(text(statement))
