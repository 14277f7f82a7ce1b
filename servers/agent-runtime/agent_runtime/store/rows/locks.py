"""Locks between runtimes that share a database; the embedded database has one writer, which needs none."""

from zlib import crc32

from sqlalchemy import BigInteger, bindparam, func, select

from agent_runtime.store.statements import Channel

EVENTS = "events"
_SPACE = 0x41474E54 << 31


def lock_number(name: str) -> int:
    """Give the number by which the database knows a lock of ours."""
    return _SPACE + crc32(name.encode())


def take_lock(channel: Channel, name: str) -> None:
    """Wait until nobody else has this lock; it is given back by the end of the transaction."""
    if channel.is_shared:
        statement = channel.prepare(
            "lock take", lambda: select(func.pg_advisory_xact_lock(bindparam("number", type_=BigInteger())))
        )
        channel.rows(statement, {"number": lock_number(name)})


def may_lead(channel: Channel, task: str) -> bool:
    """Take the lock of a task if nobody else has it."""
    if not channel.is_shared:
        return True
    statement = channel.prepare(
        "lock try", lambda: select(func.pg_try_advisory_xact_lock(bindparam("number", type_=BigInteger())))
    )
    row = channel.first(statement, {"number": lock_number(task)})
    return row is not None and row[0] is True
