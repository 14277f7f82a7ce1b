"""Turns of groups within a lane, lanes of one urgency each, and what runtimes of one database share."""

import json

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    insert,
    select,
    text,
    update,
)

revision = "0003"
down_revision = "0002"

_Id = String(40)
_READY = text("status = 'pending' AND waits_on IS NULL")
_PENDING = text("status = 'pending'")
_HELD = text("status IN ('claimed','running')")
_ENDED = text("ended_at IS NOT NULL")

metadata = MetaData()

# As they are after this step, and only what this step touches.
lanes = Table(
    "lanes",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("key", Text),
    Column("labels", Text),
    Column("required_host", Text),
    Column("required_launcher_id", _Id),
    Column("priority", Integer),
)
sessions = Table("sessions", metadata, Column("id", _Id, primary_key=True), Column("root_session_id", _Id))
jobs = Table(
    "jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("status", String(16)),
    Column("waits_on", String(16)),
    Column("lane_id", BigInteger),
    Column("session_id", _Id),
    Column("labels", Text),
    Column("priority", Integer),
    Column("group_name", Text),
    Column("turn", BigInteger),
)
secrets = Table(
    "secrets", MetaData(), Column("name", String(40), primary_key=True), Column("value", Text, nullable=False)
)


def upgrade() -> None:
    """Change the tables, then let the jobs that are not over stand as they would if they had come now."""
    op.add_column("lanes", Column("priority", Integer, nullable=False, server_default=text("0")))
    op.add_column("lanes", Column("agent_name", Text))
    op.add_column("lanes", Column("agent_limit", Integer))
    op.add_column("jobs", Column("group_name", Text, nullable=False, server_default=text("''")))
    op.add_column("jobs", Column("turn", BigInteger))
    op.drop_index("jobs_ready", "jobs")
    for index in _indexes():
        index.create(op.get_bind())
    secrets.create(op.get_bind())
    _line_up(op.get_bind())


def _indexes() -> list[Index]:
    own = Table("jobs", MetaData(), *[Column(name, Text) for name in ("lane_id", "turn", "id", "group_name")])
    own.append_column(Column("agent_name", Text))
    own.append_column(Column("session_id", _Id))
    own.append_column(Column("status", Text))
    own.append_column(Column("ended_at", BigInteger))
    events = Table("events", MetaData(), Column("at", BigInteger))
    keys = Table("idempotency_keys", MetaData(), Column("job_id", _Id), Column("created_at", BigInteger))
    columns = own.c
    return [
        Index("jobs_in_turn", columns.lane_id, columns.turn, columns.id, sqlite_where=_READY, postgresql_where=_READY),
        Index(
            "jobs_in_group",
            columns.lane_id,
            columns.group_name,
            columns.turn,
            sqlite_where=_READY,
            postgresql_where=_READY,
        ),
        Index("jobs_held_of_agent", columns.agent_name, sqlite_where=_HELD, postgresql_where=_HELD),
        Index(
            "jobs_pending_of_session",
            columns.session_id,
            columns.id,
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        Index("jobs_by_lane", columns.lane_id, columns.status),
        Index("jobs_ended", columns.ended_at, sqlite_where=_ENDED, postgresql_where=_ENDED),
        Index("events_by_time", events.c.at),
        Index("idempotency_keys_by_job", keys.c.job_id),
        Index("idempotency_keys_by_age", keys.c.created_at),
    ]


def _line_up(connection: Connection) -> None:
    unfinished = (
        select(jobs.c.id, jobs.c.lane_id, jobs.c.priority, jobs.c.labels, sessions.c.root_session_id)
        .join(sessions, sessions.c.id == jobs.c.session_id)
        .where(jobs.c.status.in_(("pending", "claimed", "running", "lost")))
        .order_by(jobs.c.id)
    )
    made: dict[tuple[int, int], int] = {}
    turns: dict[tuple[int, str], int] = {}
    changed: list[dict[str, object]] = []
    for job_id, old_lane, priority, labels, root in connection.execute(unfinished):
        lane = made.get((old_lane, priority))
        if lane is None:
            lane = made[(old_lane, priority)] = _lane(connection, old_lane, priority) if priority else old_lane
        group = str(json.loads(labels).get("group") or root)
        turn = turns[(lane, group)] = turns.get((lane, group), -1) + 1
        changed.append({"of_id": job_id, "new_lane": lane, "new_group": group, "new_turn": turn})
    if changed:
        change = update(jobs).where(jobs.c.id == bindparam("of_id"))
        connection.execute(
            change.values(lane_id=bindparam("new_lane"), group_name=bindparam("new_group"), turn=bindparam("new_turn")),
            changed,
        )


def _lane(connection: Connection, old_lane: int, priority: int) -> int:
    old = connection.execute(select(lanes).where(lanes.c.id == old_lane)).one()
    key = json.dumps([*json.loads(old.key), priority, None, None], separators=(",", ":"))
    values = {
        "key": key,
        "labels": old.labels,
        "required_host": old.required_host,
        "required_launcher_id": old.required_launcher_id,
        "priority": priority,
    }
    return int(str(connection.execute(insert(lanes).values(values).returning(lanes.c.id)).scalar_one()))
