"""What is asked of the ends of jobs."""

from collections.abc import Mapping
from typing import cast

from sqlalchemy import bindparam, select

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.store.statements import Channel, inserting
from agent_runtime.store.tables.columns import json_value
from agent_runtime.store.tables.jobs import checks


class CheckTable:
    """Keeps and reads what is asked."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def keep(self, job_id: JobId, asked: Mapping[str, Json]) -> None:
        """Write what is asked of a job's end."""
        statement = self._channel.prepare("checks keep", lambda: inserting(checks, ("job_id", "content")))
        self._channel.run(statement, {"job_id": job_id, "content": asked})

    def of_job(self, job_id: JobId) -> Mapping[str, Json]:
        """Read what is asked of a job's end; empty if nothing is."""
        statement = self._channel.prepare(
            "checks", lambda: select(checks.c.content).where(checks.c.job_id == bindparam("of_id"))
        )
        row = self._channel.first(statement, {"of_id": job_id})
        return {} if row is None else cast("JsonObject", json_value(row[0]))
