"""The idempotency keys: which job a client's key stands for."""

from datetime import datetime

from sqlalchemy import bindparam, delete, select

from agent_runtime.domain.ids import JobId
from agent_runtime.services.ports.queries import KeyUse
from agent_runtime.store.statements import Channel, inserting_once
from agent_runtime.store.tables.jobs import idempotency_keys as keys


class KeyTable:
    """Binds keys to jobs, each once."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def remember(self, key: str, fingerprint: str, job_id: JobId, now: datetime) -> KeyUse:
        """Bind a key to a job, unless it is bound already; either way, tell to what."""
        names = ("key", "fingerprint", "job_id", "created_at")
        insert = self._channel.prepare("key insert", lambda: inserting_once(keys, names, self._channel.dialect))
        values = {"key": key, "fingerprint": fingerprint, "job_id": job_id, "created_at": now}
        if self._channel.run(insert, values) == 1:
            return KeyUse(fingerprint, job_id)
        find = self._channel.prepare(
            "key find", lambda: select(keys.c.fingerprint, keys.c.job_id).where(keys.c.key == bindparam("of_key"))
        )
        row = self._channel.first(find, {"of_key": key})
        assert row is not None, "a key that could not be written is there"
        return KeyUse(str(row[0]), JobId(str(row[1])))

    def forget(self, before: datetime) -> int:
        """Let go of keys that are older than a moment, and tell how many."""
        statement = self._channel.prepare(
            "key forget", lambda: delete(keys).where(keys.c.created_at < bindparam("before"))
        )
        return self._channel.run(statement, {"before": before})
