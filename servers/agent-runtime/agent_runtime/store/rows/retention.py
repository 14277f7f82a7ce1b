"""What may be removed, in the database's words."""

from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, or_, select, text, update
from sqlalchemy.sql.selectable import Select

from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.store.rows import job_conditions as conditions
from agent_runtime.store.statements import Channel, inserting_once
from agent_runtime.store.tables.columns import Moment, moment
from agent_runtime.store.tables.families import callbacks
from agent_runtime.store.tables.jobs import idempotency_keys, jobs, log_chunks
from agent_runtime.store.tables.launchers import launchers
from agent_runtime.store.tables.sessions import events, pruned_events, sessions

_POSTGRES_BYTES = """
SELECT coalesce((SELECT sum(octet_length(content)) FROM log_chunks), 0)
     + coalesce((SELECT sum(octet_length(data) + 200) FROM events), 0)
     + coalesce((SELECT sum(octet_length(content) + 1000) FROM prompts), 0)
     + coalesce((SELECT sum(octet_length(content)) FROM checks), 0)
"""
_SQLITE_BYTES = """
SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)
     - (SELECT freelist_count FROM pragma_freelist_count) * (SELECT page_size FROM pragma_page_size)
"""


class RetentionTable:
    """Implements `ports.retention.RetentionRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def used_bytes(self) -> int:
        question = _POSTGRES_BYTES if self._channel.dialect.name == "postgresql" else _SQLITE_BYTES
        row = self._channel.first(self._channel.prepare("used bytes", lambda: text(question)), {})
        return 0 if row is None else int(str(row[0]))

    def oldest_ended_at(self) -> datetime | None:
        query = select(jobs.c.ended_at).where(jobs.c.ended_at.is_not(None)).order_by(jobs.c.ended_at).limit(1)
        row = self._channel.first(self._channel.prepare("oldest ended", lambda: query), {})
        return None if row is None else moment(row[0])

    def remove_jobs(self, before: datetime, limit: int) -> int:
        newer = jobs.alias("newer")
        is_not_newest = (
            select(newer.c.id).where(newer.c.session_id == jobs.c.session_id, newer.c.id > jobs.c.id).limit(1).exists()
        )
        # News of it, or carried by it, that is not settled yet still needs the row.
        own = or_(callbacks.c.job_id == jobs.c.id, callbacks.c.delivery_job_id == jobs.c.id)
        is_awaited = select(callbacks.c.id).where(own, callbacks.c.settled_at.is_(None)).limit(1).exists()
        query = select(jobs.c.id).where(_ended_before(), is_not_newest, ~is_awaited).order_by(jobs.c.ended_at)
        found = self._found("remove jobs", query, before, limit)
        for job_id in found:
            keys = self._channel.prepare(
                "remove key", lambda: delete(idempotency_keys).where(idempotency_keys.c.job_id == bindparam("of_id"))
            )
            self._channel.run(keys, {"of_id": job_id})
            gone = self._channel.prepare("remove job", lambda: delete(jobs).where(jobs.c.id == bindparam("of_id")))
            self._channel.run(gone, {"of_id": job_id})
        return len(found)

    def remove_outputs(self, before: datetime, limit: int) -> int:
        has_output = select(log_chunks.c.job_id).where(log_chunks.c.job_id == jobs.c.id).limit(1).exists()
        query = select(jobs.c.id).where(_ended_before(), has_output).order_by(jobs.c.ended_at)
        found = self._found("remove outputs", query, before, limit)
        gone = self._channel.prepare(
            "remove output", lambda: delete(log_chunks).where(log_chunks.c.job_id == bindparam("of_id"))
        )
        for job_id in found:
            self._channel.run(gone, {"of_id": job_id})
        return len(found)

    def remove_events(self, before: datetime, limit: int) -> int:
        at_work = select(sessions.c.id).where(
            sessions.c.id == events.c.session_id, sessions.c.current_job_id.is_not(None)
        )
        query = (
            select(events.c.seq)
            .where(events.c.at < bindparam("before", type_=Moment()), ~at_work.exists())
            .order_by(events.c.at)
            .limit(bindparam("up_to"))
        )
        removing = delete(events).where(events.c.seq.in_(query)).returning(events.c.session_id, events.c.seq)
        gone = self._channel.rows(
            self._channel.prepare("remove events", lambda: removing), {"before": before, "up_to": limit}
        )
        newest: dict[str, int] = {}
        for session_id, seq in gone:
            for owner in ("", str(session_id or "")):
                newest[owner] = max(newest.get(owner, 0), int(str(seq)))
        for owner, seq in sorted(newest.items()):
            self._note_gone(owner, seq)
        return len(gone)

    def _note_gone(self, session_id: str, seq: int) -> None:
        """Let who reads on from before these events know that some are missing."""
        values = {"session_id": session_id, "through_seq": seq}
        is_later = and_(
            pruned_events.c.session_id == bindparam("of_session"), pruned_events.c.through_seq < bindparam("through")
        )
        moving = self._channel.prepare(
            "move gone", lambda: update(pruned_events).where(is_later).values(through_seq=bindparam("through"))
        )
        if self._channel.run(moving, {"of_session": session_id, "through": seq}) == 0:
            names = list(values)
            first = self._channel.prepare(
                "note gone", lambda: inserting_once(pruned_events, names, self._channel.dialect)
            )
            self._channel.run(first, values)

    def remove_callbacks(self, before: datetime, limit: int) -> int:
        query = (
            select(callbacks.c.id)
            .where(callbacks.c.settled_at < bindparam("before", type_=Moment()))
            .limit(bindparam("up_to"))
        )
        return self._remove("remove callbacks", callbacks, callbacks.c.id.in_(query), before, limit)

    def remove_launchers(self, before: datetime, limit: int) -> int:
        at_work = conditions.in_status(JobStatus.CLAIMED, JobStatus.RUNNING, JobStatus.LOST)
        holds = select(jobs.c.id).where(at_work, jobs.c.launcher_id == launchers.c.id).limit(1).exists()
        query = (
            select(launchers.c.id)
            .where(
                launchers.c.status != LauncherStatus.ALIVE,
                launchers.c.last_seen_at < bindparam("before", type_=Moment()),
                ~holds,
            )
            .limit(bindparam("up_to"))
        )
        return self._remove("remove launchers", launchers, launchers.c.id.in_(query), before, limit)

    def _found(self, key: str, query: Select[*tuple[object, ...]], before: datetime, limit: int) -> list[object]:
        statement = self._channel.prepare(key, lambda: query.limit(bindparam("up_to")))
        return [row[0] for row in self._channel.rows(statement, {"before": before, "up_to": limit})]

    def _remove(self, key: str, table: Table, which: ColumnElement[bool], before: datetime, limit: int) -> int:
        statement = self._channel.prepare(key, lambda: delete(table).where(which))
        return self._channel.run(statement, {"before": before, "up_to": limit})


def _ended_before() -> ColumnElement[bool]:
    return and_(jobs.c.ended_at.is_not(None), jobs.c.ended_at < bindparam("before", type_=Moment()))
