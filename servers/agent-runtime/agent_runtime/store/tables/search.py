"""The words by which sessions are found, and how far they are up to date.

SQLite finds them by a table `session_words` beside this one (FTS5), which triggers keep in step.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from agent_runtime.store.tables.columns import Id, Serial, metadata

session_texts = Table(
    "session_texts",
    metadata,
    Column("number", Serial, primary_key=True),
    # Not a foreign key: words may be written while another transaction deletes the session, whose event heals that.
    Column("session_id", Id, nullable=False, unique=True),
    Column("words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
    Index("session_texts_by_word", "words", postgresql_using="gin"),
)

search_position = Table(
    "search_position",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("through_seq", BigInteger, nullable=False),
    Column("swept_through", Id),
)
