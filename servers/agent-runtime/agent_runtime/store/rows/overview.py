"""Questions about many jobs at once, answered from the order of their ids and not from the whole table."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import BigInteger, bindparam, func, or_, select, type_coerce

from agent_runtime.domain.ids import SessionId
from agent_runtime.services.ports.queries import AgentDay, JobLife, TreeCost
from agent_runtime.store.statements import Channel, Record
from agent_runtime.store.tables.columns import Moment
from agent_runtime.store.tables.jobs import jobs
from agent_runtime.store.tables.sessions import sessions

_MICROSECONDS_PER_DAY = 86_400_000_000
_FIRST_DAY = date(1970, 1, 1)


class PictureTable:
    """Reads the columns of jobs that pictures need, and no prompt."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(JobLife, jobs, channel.dialect)

    def lives(self, first_id: str, ended_since: datetime, limit: int) -> Sequence[JobLife]:
        """Read when jobs were made, taken, begun and ended, newest first."""
        statement = self._channel.prepare(
            "job lives",
            lambda: (
                select(*self._record.columns)
                .where(
                    jobs.c.id >= bindparam("first_id"),
                    or_(jobs.c.ended_at.is_(None), jobs.c.ended_at >= bindparam("ended_since", type_=Moment)),
                )
                .order_by(jobs.c.id.desc())
                .limit(bindparam("up_to"))
            ),
        )
        values = {"first_id": first_id, "ended_since": ended_since, "up_to": limit}
        return [self._record.read(row) for row in self._channel.rows(statement, values)]

    def costs(self, first_id: str) -> Sequence[AgentDay]:
        """Add up what each agent cost on each day."""
        day = type_coerce(jobs.c.created_at, BigInteger) // _MICROSECONDS_PER_DAY
        tokens = jobs.c.input_tokens + jobs.c.cache_read_tokens + jobs.c.cache_write_tokens
        statement = self._channel.prepare(
            "job costs",
            lambda: (
                select(
                    day,
                    jobs.c.agent_name,
                    func.sum(jobs.c.cost_usd),
                    func.sum(tokens),
                    func.sum(jobs.c.output_tokens),
                    func.count(),
                )
                .where(jobs.c.id >= bindparam("first_id"))
                .group_by(day, jobs.c.agent_name)
                .order_by(day, jobs.c.agent_name)
            ),
        )
        return [_agent_day(*row) for row in self._channel.rows(statement, {"first_id": first_id})]

    def costs_of_trees(self, first_id: str, limit: int) -> Sequence[TreeCost]:
        """Add up what each tree cost, the dearest first."""
        cost = func.sum(jobs.c.cost_usd)
        statement = self._channel.prepare(
            "job tree costs",
            lambda: (
                select(sessions.c.root_session_id, cost, func.count())
                .join(sessions, sessions.c.id == jobs.c.session_id)
                .where(jobs.c.id >= bindparam("first_id"), jobs.c.cost_usd > 0)
                .group_by(sessions.c.root_session_id)
                .order_by(cost.desc(), sessions.c.root_session_id)
                .limit(bindparam("up_to"))
            ),
        )
        rows = self._channel.rows(statement, {"first_id": first_id, "up_to": limit})
        return [TreeCost(SessionId(str(row[0])), float(str(row[1])), int(str(row[2]))) for row in rows]


def _agent_day(
    day: object, agent: object, cost: object, tokens_in: object, tokens_out: object, count: object
) -> AgentDay:
    return AgentDay(
        day=_FIRST_DAY + timedelta(days=int(float(str(day)))),
        agent_name=str(agent),
        cost_usd=float(str(cost)),
        input_tokens=int(float(str(tokens_in))),
        output_tokens=int(float(str(tokens_out))),
        jobs=int(str(count)),
    )
