"""The questions in the database."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ClauseElement, ColumnElement, bindparam, func, literal_column, null, select, update
from sqlalchemy.sql.selectable import Select

from agent_runtime.domain.ids import JobId, QuestionId, SessionId
from agent_runtime.domain.question import AtExpiry, ParentsPart, Question, QuestionKind, QuestionStatus
from agent_runtime.services.ports.questions import QuestionChanges, QuestionFilter
from agent_runtime.store.statements import Channel, Record, inserting
from agent_runtime.store.tables.columns import Moment, moment
from agent_runtime.store.tables.questions import questions


class QuestionTable:
    """Implements `ports.questions.QuestionRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(
            Question,
            questions,
            channel.dialect,
            kind=QuestionKind,
            status=QuestionStatus,
            at_expiry=AtExpiry,
            parents_part=ParentsPart,
        )
        self._everything = select(*self._record.columns)

    def insert(self, question: Question) -> None:
        names = [column.name for column in self._record.columns]
        statement = self._channel.prepare("question insert", lambda: inserting(questions, names))
        self._channel.run(statement, self._record.write(question))

    def get(self, question_id: QuestionId) -> Question | None:
        found = self._read(
            "question get", lambda: self._everything.where(questions.c.id == bindparam("of_id")), question_id
        )
        return found[0] if found else None

    def of_job(self, job_id: JobId) -> Sequence[Question]:
        return self._read("questions of job", self._of_job, job_id)

    def open_of_job(self, job_id: JobId) -> Sequence[Question]:
        return self._read("questions open", lambda: self._of_job().where(_in_status(QuestionStatus.OPEN)), job_id)

    def change(self, question: Question, changes: QuestionChanges) -> Question | None:
        names = tuple(sorted(changes))
        was_taken = question.taken_at is not None
        statement = self._channel.prepare(("question change", names, was_taken), lambda: self._update(names, was_taken))
        fence = {"of_id": question.id, "if_status": question.status, "if_attempt": question.attempt}
        row = self._channel.first(statement, {**changes, **fence})
        return None if row is None else self._record.read(row)

    def overdue(self, now: datetime, limit: int) -> Sequence[Question]:
        statement = self._channel.prepare(
            "questions overdue",
            lambda: (
                self._everything.where(
                    _in_status(QuestionStatus.OPEN), questions.c.expires_at <= bindparam("now", type_=Moment())
                )
                .order_by(questions.c.expires_at)
                .limit(bindparam("up_to"))
            ),
        )
        return [self._record.read(row) for row in self._channel.rows(statement, {"now": now, "up_to": limit})]

    def next_expiry(self) -> datetime | None:
        statement = self._channel.prepare(
            "question expiry",
            lambda: (
                select(questions.c.expires_at)
                .where(_in_status(QuestionStatus.OPEN))
                .order_by(questions.c.expires_at)
                .limit(1)
            ),
        )
        row = self._channel.first(statement, {})
        return None if row is None else moment(row[0])

    def count_open(self) -> int:
        statement = self._channel.prepare(
            "questions count",
            lambda: select(func.count()).select_from(questions).where(_in_status(QuestionStatus.OPEN)),
        )
        row = self._channel.first(statement, {})
        return int(str(row[0])) if row is not None else 0

    def open_of_sessions(self, session_ids: Sequence[SessionId]) -> Sequence[Question]:
        query = self._everything.where(_in_status(QuestionStatus.OPEN), questions.c.session_id.in_(session_ids))
        return [self._record.read(row) for row in self._channel.ask(query.order_by(questions.c.id))]

    def page(self, wanted: QuestionFilter) -> Sequence[Question]:
        query = self._everything.order_by(questions.c.id.desc()).limit(wanted.limit)
        if wanted.before is not None:
            query = query.where(questions.c.id < wanted.before)
        if wanted.status is not None:
            query = query.where(_in_status(wanted.status))
        if wanted.session_id is not None:
            query = query.where(questions.c.session_id == wanted.session_id)
        if wanted.root_session_id is not None:
            query = query.where(questions.c.root_session_id == wanted.root_session_id)
        return [self._record.read(row) for row in self._channel.ask(query)]

    def _of_job(self) -> Select[*tuple[object, ...]]:
        return self._everything.where(questions.c.job_id == bindparam("of_id")).order_by(questions.c.id)

    def _read(self, key: str, build: Callable[[], ClauseElement], of_id: str) -> list[Question]:
        statement = self._channel.prepare(key, build)
        return [self._record.read(row) for row in self._channel.rows(statement, {"of_id": of_id})]

    def _update(self, names: Sequence[str], was_taken: bool) -> ClauseElement:
        values = {name: bindparam(name, type_=questions.c[name].type) for name in names}
        taken = questions.c.taken_at.is_not(null()) if was_taken else questions.c.taken_at.is_(null())
        return (
            update(questions)
            .where(
                questions.c.id == bindparam("of_id"),
                questions.c.status == bindparam("if_status"),
                questions.c.attempt == bindparam("if_attempt"),
                taken,
            )
            .values(values)
            .returning(*self._record.columns)
        )


def _in_status(status: QuestionStatus) -> ColumnElement[bool]:
    # Written out, not bound: a database uses a partial index only if it sees the index's own condition.
    return questions.c.status == literal_column(f"'{status}'")
