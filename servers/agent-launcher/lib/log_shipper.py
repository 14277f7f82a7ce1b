"""The log thread: sends what running jobs print while they run."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.backoff import Backoff
from lib.errors import CallFailed, CallRejected
from lib.log_upload import LogUploader
from lib.machine import Machine
from lib.registration import Registration
from lib.registry import RunningJobsRegistry

log = logging.getLogger("agent-launcher")

PACE_SECONDS = 1.0
CHUNKS_PER_ROUND = 4


class LogShipper:
    """Goes round all running jobs once a second; the reporter sends the rest when a job has ended."""

    def __init__(
        self,
        registry: RunningJobsRegistry,
        registration: Registration,
        uploader: LogUploader,
        machine: Machine | None = None,
    ) -> None:
        self._registry = registry
        self._registration = registration
        self._uploader = uploader
        self._backoff = Backoff((machine or Machine()).chance())

    def round(self, show_life: Callable[[], None]) -> float:
        """Send what is new and return the seconds until the next round."""
        launcher_id = self._registration.launcher_id
        if launcher_id is None:
            return PACE_SECONDS
        for held in self._registry.get_running_jobs().values():
            process = held.process
            if not process.is_under_way or process.is_dropped:
                continue
            show_life()
            try:
                self._uploader.upload(launcher_id, process.run, process.log, CHUNKS_PER_ROUND)
            except CallRejected:
                return PACE_SECONDS  # unknown or superseded: poll and heartbeat act on it
            except CallFailed as error:
                seconds = self._backoff.failed()
                log.warning("output not sent, trying again in %.1f s error=%s", seconds, error)
                return max(PACE_SECONDS, seconds)
        self._backoff.succeeded()
        return PACE_SECONDS
