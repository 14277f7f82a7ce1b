"""The search over the texts of sessions: FTS5 in one database, `tsvector` in the other, the same words in both."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, bindparam, cast, delete, func, literal, literal_column, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import TSQUERY

from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.search_words import phrases_of
from agent_runtime.services.ports.search import SearchPosition
from agent_runtime.store.statements import Channel
from agent_runtime.store.tables.jobs import jobs, prompts
from agent_runtime.store.tables.search import search_position, session_texts
from agent_runtime.store.tables.sessions import events, sessions


class SearchTable:
    """Implements `ports.search.SearchRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._is_postgres = channel.dialect.name == "postgresql"

    def position(self) -> SearchPosition | None:
        row = self._channel.first(
            self._channel.prepare(
                "search position", lambda: select(search_position.c.through_seq, search_position.c.swept_through)
            ),
            {},
        )
        if row is None:
            return None
        return SearchPosition(int(str(row[0])), None if row[1] is None else SessionId(str(row[1])))

    def move(self, position: SearchPosition) -> None:
        values = {"one": 1, "through_seq": position.through_seq, "swept_through": position.swept_through}
        self._channel.run(self._channel.prepare("search move", self._moving), values)

    def touched(self, after: int, through: int, types: Sequence[str]) -> Sequence[SessionId]:
        statement = self._channel.prepare(
            ("search touched", *types),
            lambda: (
                select(events.c.session_id)
                .distinct()
                .where(
                    events.c.seq > bindparam("after"),
                    events.c.seq <= bindparam("through"),
                    events.c.type.in_([literal_column(f"'{one}'") for one in types]),
                    events.c.session_id.is_not(None),
                )
            ),
        )
        return [SessionId(str(row[0])) for row in self._channel.rows(statement, {"after": after, "through": through})]

    def behind(self, session_id: SessionId, limit: int) -> Sequence[SessionId]:
        statement = self._channel.prepare(
            "search behind",
            lambda: (
                select(sessions.c.id)
                .where(sessions.c.id > bindparam("of_id"))
                .order_by(sessions.c.id)
                .limit(bindparam("up_to"))
            ),
        )
        return [SessionId(str(row[0])) for row in self._channel.rows(statement, {"of_id": session_id, "up_to": limit})]

    def texts(self, session_id: SessionId, characters_max: int, jobs_max: int) -> Sequence[str] | None:
        named = (sessions.c.name, sessions.c.agent_name, sessions.c.id, sessions.c.project_dir, sessions.c.hostname)
        also = (sessions.c.parent_session_name, sessions.c.backend_session_id)
        statement = self._channel.prepare(
            ("search texts", characters_max),
            lambda: select(*named, *also, func.substr(sessions.c.result, 1, characters_max)).where(
                sessions.c.id == bindparam("of_id")
            ),
        )
        session = self._channel.first(statement, {"of_id": session_id})
        if session is None:
            return None
        asked = (func.substr(prompts.c.content, 1, characters_max), func.substr(jobs.c.error, 1, characters_max))
        of_jobs = self._channel.prepare(
            ("search jobs", characters_max, jobs_max),
            lambda: (
                select(jobs.c.id, jobs.c.project_dir, *asked)
                .outerjoin(prompts, prompts.c.job_id == jobs.c.id)
                .where(jobs.c.session_id == bindparam("of_id"))
                .order_by(jobs.c.id.desc())
                .limit(jobs_max)
            ),
        )
        rows = [session, *self._channel.rows(of_jobs, {"of_id": session_id})]
        return [str(part) for row in rows for part in row if part is not None]

    def keep(self, session_id: SessionId, words: Sequence[str]) -> None:
        # With the places given, PostgreSQL takes the words as they are, and asks no dictionary of any language.
        kept = (
            " ".join(f"'{word}':{place}" for place, word in enumerate(words, 1))
            if self._is_postgres
            else " ".join(words)
        )
        self._channel.run(
            self._channel.prepare("search keep", self._keeping), {"session_id": session_id, "words": kept}
        )

    def forget(self, session_id: SessionId) -> None:
        gone = self._channel.prepare(
            "search forget", lambda: delete(session_texts).where(session_texts.c.session_id == bindparam("of_id"))
        )
        self._channel.run(gone, {"of_id": session_id})

    def _moving(self) -> sqlite.Insert | postgresql.Insert:
        insert = postgresql.insert if self._is_postgres else sqlite.insert
        names = ("one", "through_seq", "swept_through")
        written = insert(search_position).values({n: bindparam(n, type_=search_position.c[n].type) for n in names})
        changed = {name: written.excluded[name] for name in names[1:]}
        return written.on_conflict_do_update(index_elements=[search_position.c.one], set_=changed)

    def _keeping(self) -> sqlite.Insert | postgresql.Insert:
        insert = postgresql.insert if self._is_postgres else sqlite.insert
        given = {name: bindparam(name, type_=session_texts.c[name].type) for name in ("session_id", "words")}
        written = insert(session_texts).values(given)
        return written.on_conflict_do_update(
            index_elements=[session_texts.c.session_id],
            set_={"words": written.excluded.words},
            where=session_texts.c.words != written.excluded.words,
        )


def found_by(question: str, dialect: str) -> Select[tuple[str]] | None:
    """Ask for the sessions whose texts hold all that a person looks for; None if there is no word in it."""
    phrases = phrases_of(question)
    if not phrases:
        return None
    held: ColumnElement[bool]
    if dialect == "postgresql":
        wanted = " & ".join("(" + " <-> ".join([*(f"'{w}'" for w in p[:-1]), f"'{p[-1]}':*"]) + ")" for p in phrases)
        held = session_texts.c.words.bool_op("@@")(cast(literal(wanted), TSQUERY))
    else:
        wanted = " ".join(f'"{" ".join(phrase)}"*' for phrase in phrases)
        numbers = text("SELECT rowid FROM session_words WHERE session_words MATCH :wanted").bindparams(wanted=wanted)
        held = session_texts.c.number.in_(numbers.columns(session_texts.c.number).scalar_subquery())
    return select(session_texts.c.session_id).where(held)
