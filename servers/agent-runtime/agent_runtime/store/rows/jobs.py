"""The jobs in the database: one job, the moves, and the heads of the queues."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    and_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.selectable import Select

from agent_runtime.domain.ids import JobId, LauncherId, SessionId
from agent_runtime.domain.job import PROMPT_PREVIEW_CHARACTERS, IfBusy, Job, JobStatus, JobType, WaitsOn
from agent_runtime.domain.json import Json
from agent_runtime.services.ports.queries import (
    AgentDay,
    JobFilter,
    JobLife,
    KeyUse,
    NextTimes,
    PastAttempt,
    TreeCost,
)
from agent_runtime.services.ports.store import Fence, JobChanges
from agent_runtime.store.rows import job_conditions as conditions
from agent_runtime.store.rows.attempts import AttemptTable
from agent_runtime.store.rows.checks import CheckTable
from agent_runtime.store.rows.job_conditions import Condition
from agent_runtime.store.rows.keys import KeyTable
from agent_runtime.store.rows.overview import PictureTable
from agent_runtime.store.statements import Channel, Record, Row, Values, inserting
from agent_runtime.store.tables.columns import moment
from agent_runtime.store.tables.jobs import jobs, prompts

_EVERYTHING = 1_000_000


def job_record(channel: Channel) -> Record[Job]:
    """Say how rows of the jobs are read and written."""
    return Record(Job, jobs, channel.dialect, type=JobType, status=JobStatus, waits_on=WaitsOn, if_busy=IfBusy)


class JobTable:
    """Implements `ports.store.JobRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = job_record(channel)
        self._attempts = AttemptTable(channel)
        self._checks = CheckTable(channel)
        self._keys = KeyTable(channel)
        self._pictures = PictureTable(channel)
        names = [column.name for column in self._record.columns]
        self._insert = channel.prepare("job insert", lambda: inserting(jobs, names))
        self._insert_prompt = channel.prepare("prompt insert", lambda: inserting(prompts, ("job_id", "content")))
        self._get = channel.prepare("job get", lambda: self._all().where(jobs.c.id == bindparam("of_id")))

    def insert(self, job: Job, prompt: str) -> None:
        self._channel.run(self._insert, self._record.write(job))
        self._channel.run(self._insert_prompt, {"job_id": job.id, "content": prompt})

    def get(self, job_id: JobId) -> Job | None:
        row = self._channel.first(self._get, {"of_id": job_id})
        return None if row is None else self._record.read(row)

    def prompt(self, job_id: JobId) -> str:
        statement = self._channel.prepare(
            "prompt", lambda: select(prompts.c.content).where(prompts.c.job_id == bindparam("of_id"))
        )
        row = self._channel.first(statement, {"of_id": job_id})
        return "" if row is None else str(row[0])

    def prompts(self, job_ids: Sequence[JobId]) -> Mapping[JobId, str]:
        if not job_ids:
            return {}
        values = _numbered(job_ids)
        statement = self._channel.prepare(
            ("prompts", len(values)),
            lambda: select(prompts.c.job_id, prompts.c.content).where(_is_among(prompts.c.job_id, values)),
        )
        return {JobId(str(row[0])): str(row[1]) for row in self._channel.rows(statement, values)}

    def keep_checks(self, job_id: JobId, checks: Mapping[str, Json]) -> None:
        self._checks.keep(job_id, checks)

    def checks(self, job_id: JobId) -> Mapping[str, Json]:
        return self._checks.of_job(job_id)

    def edit_prompt(self, job_id: JobId, prompt: str) -> Job | None:
        preview = update(jobs).where(jobs.c.id == bindparam("of_id"), conditions.pending())
        statement = self._channel.prepare(
            "job edit",
            lambda: preview.values(prompt_preview=bindparam("preview")).returning(*self._record.columns),
        )
        row = self._channel.first(statement, {"of_id": job_id, "preview": prompt[:PROMPT_PREVIEW_CHARACTERS]})
        if row is None:
            return None
        content = self._channel.prepare(
            "prompt edit",
            lambda: update(prompts).where(prompts.c.job_id == bindparam("of_id")).values(content=bindparam("words")),
        )
        self._channel.run(content, {"of_id": job_id, "words": prompt})
        return self._record.read(row)

    def move(self, job_id: JobId, fence: Fence, target: JobStatus, changes: JobChanges) -> Job | None:
        names = ("status", *sorted(changes))
        statement = self._channel.prepare(("job move", names), lambda: self._fenced_update(names))
        values = {
            **changes,
            "status": target,
            "of_id": job_id,
            "if_status": fence.status,
            "if_attempt": fence.attempt,
            "if_token": fence.token,
        }
        row = self._channel.first(statement, values)
        return None if row is None else self._record.read(row)

    def change(self, job_id: JobId, changes: JobChanges) -> Job | None:
        names = tuple(sorted(changes))
        statement = self._channel.prepare(("job change", names), lambda: self._update(names))
        row = self._channel.first(statement, {**changes, "of_id": job_id})
        return None if row is None else self._record.read(row)

    def at_launcher(self, launcher_id: LauncherId, statuses: frozenset[JobStatus]) -> Sequence[Job]:
        def condition() -> ColumnElement[bool]:
            # The index's own condition stands there too, without which it could not be used.
            return and_(
                jobs.c.launcher_id == bindparam("of_id"), conditions.at_a_launcher(), conditions.in_status(*statuses)
            )

        return self._list(("job held", statuses), condition, {"of_id": launcher_id}, index="jobs_held")

    def count_at_launchers(self) -> Mapping[LauncherId, int]:
        at_work = conditions.in_status
        statement = self._channel.prepare(
            "count held",
            lambda: (
                select(jobs.c.launcher_id, func.count())
                .where(at_work(JobStatus.CLAIMED, JobStatus.RUNNING))
                .group_by(jobs.c.launcher_id)
            ),
        )
        return {LauncherId(str(row[0])): int(str(row[1])) for row in self._channel.rows(statement, {})}

    def stopping(self, launcher_id: LauncherId) -> Sequence[Job]:
        return self._list("stopping", conditions.stopping_at_launcher, {"of_id": launcher_id}, index="jobs_stopping")

    def stops_announced(self, before: datetime, limit: int) -> Sequence[Job]:
        return self._list(
            "stops announced", conditions.stop_announced_before, {"at": before, "up_to": limit}, index="jobs_stopping"
        )

    def in_status(self, status: JobStatus, limit: int) -> Sequence[Job]:
        return self._list(
            ("job in", status), lambda: conditions.in_status(status), {"up_to": limit}, index="jobs_by_status"
        )

    def next_of_session(self, session_id: SessionId) -> Job | None:
        found = self._list(
            "next of session",
            conditions.next_of_session,
            {"of_id": session_id, "up_to": 1},
            index="jobs_pending_of_session",
        )
        return found[0] if found else None

    def unfinished_of_session(self, session_id: SessionId) -> Sequence[Job]:
        return self._list(
            "unfinished of session", conditions.unfinished_of_session, {"of_id": session_id}, index="jobs_by_session"
        )

    def several(self, job_ids: Sequence[JobId]) -> Sequence[Job]:
        values = _numbered(job_ids)
        statement = self._channel.prepare(
            ("several", len(values)), lambda: self._all().where(_is_among(jobs.c.id, values))
        )
        return self._read(self._channel.rows(statement, values))

    def last_ended(self, session_ids: Sequence[SessionId]) -> Sequence[Job]:
        others = jobs.alias()
        newest = select(func.max(others.c.ended_at)).where(others.c.session_id == jobs.c.session_id).scalar_subquery()
        own = self._all().where(jobs.c.session_id.in_(session_ids), jobs.c.ended_at == newest).order_by(jobs.c.id)
        # Of two that ended in the same moment, the later one stands last and wins.
        return list({job.session_id: job for job in self._read(self._channel.ask(own))}.values())

    def count_queued(self, session_ids: Sequence[SessionId]) -> Mapping[SessionId, int]:
        values = _numbered(session_ids)
        statement = self._channel.prepare(
            ("count queued", len(values)),
            lambda: (
                select(jobs.c.session_id, func.count())
                .where(_is_among(jobs.c.session_id, values), conditions.pending())
                .group_by(jobs.c.session_id)
            ),
        )
        return {SessionId(str(row[0])): int(str(row[1])) for row in self._channel.rows(statement, values)}

    def count_waiting(self, up_to: int) -> int:
        # The id alone, which stands in the index: any other column would be fetched from the row of each job.
        some = select(jobs.c.id).where(conditions.pending()).limit(bindparam("up_to"))
        return self._count("count waiting", some, {"up_to": up_to})

    def count_waiting_of_session(self, session_id: SessionId, up_to: int) -> int:
        own = and_(conditions.pending(), jobs.c.session_id == bindparam("of_id"))
        some = select(jobs.c.session_id).where(own).limit(bindparam("up_to"))
        return self._count("count waiting of session", some, {"of_id": session_id, "up_to": up_to})

    def claims_expired(self, now: datetime, limit: int) -> Sequence[Job]:
        return self._list(
            "claims expired", conditions.claims_expired, {"at": now, "up_to": limit}, index="jobs_claim_expires"
        )

    def lost_before(self, moment: datetime, limit: int) -> Sequence[Job]:
        return self._list("lost before", conditions.lost_before, {"at": moment, "up_to": limit}, index="jobs_lost")

    def due(self, now: datetime, limit: int) -> Sequence[Job]:
        return self._list("due", conditions.due, {"at": now, "up_to": limit}, index="jobs_waiting")

    def queued_too_long(self, now: datetime, limit: int) -> Sequence[Job]:
        return self._list(
            "queued too long", conditions.expired, {"at": now, "up_to": limit}, index="jobs_queue_expires"
        )

    def next_times(self) -> NextTimes:
        return NextTimes(
            stop_announced_at=self._earliest("stop_announced_at", conditions.stop_announced),
            claim_expires_at=self._earliest("claim_expires_at", conditions.claimed),
            not_before=self._earliest("not_before", conditions.delayed),
            lost_at=self._earliest("lost_at", conditions.lost),
            queue_expires_at=self._earliest("queue_expires_at", conditions.expiring),
        )

    def page(self, wanted: JobFilter) -> Sequence[Job]:
        given = {
            "before": wanted.before,
            "status": wanted.status,
            "session_id": wanted.session_id,
            "launcher_id": wanted.launcher_id,
        }
        values = {name: value for name, value in given.items() if value is not None}
        names = tuple(values)
        statement = self._channel.prepare(("jobs page", names), lambda: self._page(names))
        return self._read(self._channel.rows(statement, {**values, "up_to": wanted.limit}))

    def archive_attempt(self, job: Job, ended_at: datetime) -> None:
        self._attempts.keep(job, ended_at)

    def past_attempts(self, job_id: JobId) -> Sequence[PastAttempt]:
        return self._attempts.of_job(job_id)

    def remember_key(self, key: str, fingerprint: str, job_id: JobId, now: datetime) -> KeyUse:
        return self._keys.remember(key, fingerprint, job_id, now)

    def forget_keys(self, before: datetime) -> int:
        return self._keys.forget(before)

    def lives(self, first_id: str, ended_since: datetime, limit: int) -> Sequence[JobLife]:
        return self._pictures.lives(first_id, ended_since, limit)

    def costs(self, first_id: str) -> Sequence[AgentDay]:
        return self._pictures.costs(first_id)

    def costs_of_trees(self, first_id: str, limit: int) -> Sequence[TreeCost]:
        return self._pictures.costs_of_trees(first_id, limit)

    def _all(self) -> Select[*tuple[object, ...]]:
        return select(*self._record.columns)

    def _page(self, names: Sequence[str]) -> ClauseElement:
        query = self._all().order_by(jobs.c.id.desc()).limit(bindparam("up_to"))
        for name in names:
            query = query.where(
                jobs.c.id < bindparam("before") if name == "before" else jobs.c[name] == bindparam(name)
            )
        return query

    def _read(self, rows: Sequence[Row]) -> list[Job]:
        return [self._record.read(row) for row in rows]

    def _count(self, key: str, some: Select[str], values: Values) -> int:
        statement = self._channel.prepare(key, lambda: select(func.count()).select_from(some.subquery()))
        row = self._channel.first(statement, values)
        return 0 if row is None else int(str(row[0]))

    def _list(self, key: object, condition: Condition, values: Values, index: str) -> list[Job]:
        """Read jobs through one index: SQLite would rather walk along a state than sort the few that are asked for."""
        statement = self._channel.prepare(
            ("job list", key),
            lambda: self._all().where(condition()).order_by(jobs.c.id).limit(bindparam("up_to")),
            through=(jobs.name, index),
        )
        return self._read(self._channel.rows(statement, {"up_to": _EVERYTHING, **values}))

    def _earliest(self, name: str, condition: Condition) -> datetime | None:
        column = jobs.c[name]
        statement = self._channel.prepare(
            ("job earliest", name), lambda: select(column).where(condition()).order_by(column).limit(1)
        )
        row = self._channel.first(statement, {})
        return None if row is None else moment(row[0])

    def _update(self, names: Sequence[str]) -> ReturningUpdate[*tuple[object, ...]]:
        values = {name: bindparam(name, type_=jobs.c[name].type) for name in names}
        return update(jobs).where(jobs.c.id == bindparam("of_id")).values(values).returning(*self._record.columns)

    def _fenced_update(self, names: Sequence[str]) -> ClauseElement:
        return self._update(names).where(
            jobs.c.status == bindparam("if_status"),
            jobs.c.attempt == bindparam("if_attempt"),
            jobs.c.token.is_not_distinct_from(bindparam("if_token")),
        )


def _numbered(ids: Sequence[str]) -> dict[str, object]:
    """Give each of several ids the name of a parameter."""
    return {f"of_{place}": one for place, one in enumerate(ids)}


def _is_among(column: ColumnElement[str], values: Values) -> ColumnElement[bool]:
    return column.in_([bindparam(name, type_=column.type) for name in values])
