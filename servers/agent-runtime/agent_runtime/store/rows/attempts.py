"""The attempts that were followed by another one."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.services.ports.queries import PastAttempt
from agent_runtime.store.statements import Channel, Record, inserting_once
from agent_runtime.store.tables.jobs import attempts


class AttemptTable:
    """Keeps and reads past attempts."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(PastAttempt, attempts, channel.dialect, status=JobStatus)

    def keep(self, job: Job, ended_at: datetime) -> None:
        """Keep what the attempt of this row was; keeping it twice is keeping it once."""
        past = PastAttempt.of(job, ended_at)
        names = [column.name for column in self._record.columns]
        statement = self._channel.prepare(
            "attempt keep", lambda: inserting_once(attempts, names, self._channel.dialect)
        )
        self._channel.run(statement, self._record.write(past))

    def of_job(self, job_id: JobId) -> Sequence[PastAttempt]:
        """Read a job's past attempts, oldest first."""
        statement = self._channel.prepare(
            "attempts of job",
            lambda: (
                select(*self._record.columns)
                .where(attempts.c.job_id == bindparam("of_id"))
                .order_by(attempts.c.attempt)
            ),
        )
        return [self._record.read(row) for row in self._channel.rows(statement, {"of_id": job_id})]
