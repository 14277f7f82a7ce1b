"""The log thread: sends what running jobs print while they run."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.attempt.attempt import Attempt, Phase
from lib.attempt.output import OutputUploader
from lib.errors import CallFailed, IdentityLost
from lib.machine.backoff import Backoff
from lib.machine.machine import Machine

log = logging.getLogger("agent-launcher")

PACE_SECONDS = 1.0
CHUNKS_PER_ROUND = 4


class OutputShipper:
    """Goes round all running jobs once a second; the reporter sends the rest when a job has ended."""

    def __init__(
        self,
        attempts: Callable[[], list[Attempt]],
        launcher_id: Callable[[], str | None],
        uploader: OutputUploader,
        machine: Machine,
    ) -> None:
        self._attempts = attempts
        self._launcher_id = launcher_id
        self._uploader = uploader
        self._backoff = Backoff(machine.chance())

    def round(self, show_life: Callable[[], None]) -> float:
        """Send what is new and return the seconds until the next round."""
        launcher_id = self._launcher_id()
        if launcher_id is None:
            return PACE_SECONDS
        for attempt in self._attempts():
            if attempt.phase is not Phase.RUNNING or attempt.drop_reason is not None:
                continue
            show_life()
            try:
                self._uploader.upload(launcher_id, attempt.job, attempt.folder, attempt.output, CHUNKS_PER_ROUND)
            except IdentityLost:
                return PACE_SECONDS  # poll and heartbeat act on it
            except CallFailed as error:
                seconds = self._backoff.failed()
                log.warning("output not sent, trying again in %.1f s error=%s", seconds, error)
                return max(PACE_SECONDS, seconds)
        self._backoff.succeeded()
        return PACE_SECONDS
