"""The heartbeat thread: tells the runtime that we live, and what we hold."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.api_client import ApiClient
from lib.backoff import Backoff
from lib.errors import CallFailed, LauncherUnknown, Superseded
from lib.holdings import Holdings
from lib.lifecycle import Event, Lifecycle
from lib.machine import Machine
from lib.outbox import Outbox
from lib.registration import Registration
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
        holdings: Holdings,
        outbox: Outbox,
        stopper: Stopper,
        lifecycle: Lifecycle,
        *,
        interval_seconds: float,
        poll_age_seconds: Callable[[], float],
        machine: Machine | None = None,
    ) -> None:
        machine = machine or Machine()
        self._api = api
        self._registration = registration
        self._holdings = holdings
        self._outbox = outbox
        self._stopper = stopper
        self._lifecycle = lifecycle
        self._interval_seconds = interval_seconds
        self._poll_age_seconds = poll_age_seconds
        self._backoff = Backoff(machine.chance())
        self._chance = machine.chance()

    def step(self) -> float:
        """Beat once and return the seconds until the next beat."""
        registered = self._registration.current
        if registered is None:
            return UNREGISTERED_PAUSE_SECONDS
        interval = min(self._interval_seconds, registered.heartbeat_interval_seconds or self._interval_seconds)
        try:
            self._beat(registered.launcher_id, registered.epoch)
        except LauncherUnknown:
            return self._register_again()
        except Superseded:
            self._lifecycle.tell(Event.SUPERSEDED)
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
                "holding": self._holdings.to_json(),
                "poll_age_seconds": round(self._poll_age_seconds(), 3),
                "unreported": self._outbox.unreported(),
            },
        )
        self._stopper.stop_jobs(answer.stop_jobs)
        self._stopper.drop(answer.drop)

    def _register_again(self) -> float:
        try:
            self._registration.register(self._registration.current)
        except CallFailed as error:
            log.warning("cannot register error=%s", error)
            return self._backoff.failed()
        return 0.0
