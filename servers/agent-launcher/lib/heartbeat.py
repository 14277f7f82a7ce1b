"""The heartbeat thread: tells the runtime that we live, and what we hold."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.api_client import ApiClient
from lib.clients import Clients
from lib.errors import CallFailed, IdentityLost
from lib.machine.backoff import Backoff
from lib.machine.machine import Machine
from lib.registration import Registration, holding_of
from lib.registry import RunningJobsRegistry
from lib.stopper import Stopper

log = logging.getLogger("agent-launcher")

SPREAD = 0.1
UNREGISTERED_PAUSE_SECONDS = 1.0


class Heartbeat:
    """Beats for ever, also while the launcher drains: it is the last thread to stop."""

    def __init__(
        self,
        api: ApiClient,
        registration: Registration,
        registry: RunningJobsRegistry,
        stopper: Stopper,
        *,
        interval_seconds: float,
        poll_age_seconds: Callable[[], float],
        machine: Machine,
        clients: Clients,
    ) -> None:
        self._api = api
        self._registration = registration
        self._registry = registry
        self._stopper = stopper
        self._interval_seconds = interval_seconds
        self._poll_age_seconds = poll_age_seconds
        self._backoff = Backoff(machine.chance())
        self._chance = machine.chance()
        self._clients = clients

    def step(self) -> float:
        """Beat once and return the seconds until the next beat."""
        registered = self._registration.current
        if registered is None:
            return UNREGISTERED_PAUSE_SECONDS
        interval = min(self._interval_seconds, registered.heartbeat_interval_seconds or self._interval_seconds)
        try:
            self._beat(registered.launcher_id, registered.epoch)
        except IdentityLost as loss:
            return self._backoff.failed() if self._registration.renewed(loss, registered) else interval
        except CallFailed as error:
            seconds = min(interval, self._backoff.failed())
            log.warning("no heartbeat, trying again in %.1f s error=%s", seconds, error)
            return seconds
        self._backoff.succeeded()
        return interval * self._chance.uniform(1 - SPREAD, 1 + SPREAD)

    def _beat(self, launcher_id: str, epoch: int | None) -> None:
        answer = self._api.heartbeat(
            launcher_id,
            {
                "epoch": epoch,
                "holding": holding_of(self._registry.held()),
                "poll_age_seconds": round(self._poll_age_seconds(), 3),
                "unreported": self._registry.unreported(),
                "clients": self._clients.told,
            },
        )
        self._stopper.stop_jobs(answer.stop_jobs)
        self._stopper.drop(answer.drop)
