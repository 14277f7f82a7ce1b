"""Who this launcher is to the runtime, now and after the runtime forgot it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.api_client import ApiClient
from lib.clients import Clients
from lib.config import Config
from lib.errors import CallFailed, IdentityLost, Superseded
from lib.identity import IdentityFile
from lib.lifecycle import Event, Lifecycle, Phase
from lib.machine.machine import Machine
from lib.registry import RunningJobsRegistry
from lib.version import VERSION
from lib.wire.models import Job, Json, JsonObject, RegistrationResponse

log = logging.getLogger("agent-launcher")

RIVAL_SECONDS = 600.0
"""Who is superseded again within this time of registering as a new process has a living rival, and leaves."""


class Registration:
    """Registers, one call at a time, and hands the runtime's view of our attempts to whoever acts on it."""

    def __init__(
        self,
        api: ApiClient,
        identity: IdentityFile,
        registry: RunningJobsRegistry,
        config: Config,
        apply: Callable[[RegistrationResponse], None],
        lifecycle: Lifecycle,
        machine: Machine,
        clients: Clients,
    ) -> None:
        self._lifecycle = lifecycle
        self._api = api
        self._identity = identity
        self._registry = registry
        self._config = config
        self._machine = machine
        self._apply = apply
        self._clients = clients
        self._lock = machine.lock()
        self._current: RegistrationResponse | None = None
        self._known_id = identity.read()
        # Who hears one of our calls twice must not take it for a second process of ours.
        self._instance_id = self._new_instance_id()
        # And one of a process before us, which was on its way for long, must not be taken for a later one.
        self._began = machine.monotonic()
        self._calls = 0
        self._began_anew_at: float | None = None

    @property
    def current(self) -> RegistrationResponse | None:
        return self._current

    @property
    def launcher_id(self) -> str | None:
        """The id to report with, also before this process has registered."""
        return self._current.launcher_id if self._current is not None else self._known_id

    def register(
        self, instead_of: RegistrationResponse | None, loss: IdentityLost | None = None
    ) -> RegistrationResponse:
        """Register, unless someone replaced the registration `instead_of` already; `loss` is why it is needed again.

        Errors:  CallFailed, when the runtime does not answer, and when this launcher is leaving; Superseded, when
                 a later process of this state folder lives.
        """
        with self._lock:
            if self._lifecycle.phase is Phase.LEAVING:
                # Our own goodbye makes us unknown; registering now would leave a ghost behind.
                raise CallFailed("this launcher is leaving and does not register again")
            if self._current is not None and self._current is not instead_of:
                return self._current
            if isinstance(loss, Superseded):
                self._become_a_new_process(loss)
            self._calls += 1
            answer = self._api.register(self._about())
            self._remember(answer)
            self._apply(answer)
            self._current = answer
            if isinstance(loss, Superseded):
                self._began_anew_at = self._machine.monotonic()
        log.info("registered launcher_id=%s epoch=%s", answer.launcher_id, answer.epoch)
        return answer

    def renew(self, loss: IdentityLost, seen: RegistrationResponse | None) -> bool:
        """Do what a lost identity asks for: register again, unless someone has since `seen`, or leave.

        Shape:   False when this launcher is to leave.
        Errors:  CallFailed, as `register`.
        """
        log.warning("the runtime does not know this launcher by now; registering again reason=%s", loss)
        try:
            self.register(seen, loss)
        except Superseded:
            self._lifecycle.tell(Event.SUPERSEDED)
            return False
        return True

    def renewed(self, loss: IdentityLost, seen: RegistrationResponse | None) -> bool:
        """Renew for a caller that tries again later whatever comes of it; False when this launcher is to leave."""
        try:
            return self.renew(loss, seen)
        except CallFailed as error:
            log.warning("cannot register error=%s", error)
            return True

    def _become_a_new_process(self, loss: Superseded) -> None:
        """Take another name for this process: the old one is a past one to the runtime, for good.

        Our state folder is locked, so whoever came after us may be a process that is dead, and whose call was on its
        way for long: to the runtime one of another boot looks like a later one. What is over then stays over.

        Errors:  Superseded, when that was done a short while ago.
        """
        if self._began_anew_at is not None and self._machine.monotonic() - self._began_anew_at < RIVAL_SECONDS:
            raise loss
        self._instance_id, self._calls = self._new_instance_id(), 0

    def _new_instance_id(self) -> str:
        return f"{self._machine.chance().getrandbits(96):024x}"

    def _about(self) -> JsonObject:
        """Say who we are and what we hold."""
        about: JsonObject = {
            "name": self._config.name,
            "hostname": self._identity.host_name(),
            "labels": {**self._config.labels},
            "max_jobs": self._config.max_jobs,
            "boot_id": self._machine.boot_id(),
            "version": VERSION,
            "clients": self._clients.told,
            "holding": holding_of(self._registry.held()),
            "instance": {"id": self._instance_id, "call": self._calls, "began": self._began},
        }
        return about if self.launcher_id is None else {**about, "launcher_id": self.launcher_id}

    def _remember(self, answer: RegistrationResponse) -> None:
        self._known_id = answer.launcher_id
        try:
            self._identity.write(answer.launcher_id)
        except OSError as error:
            log.warning("cannot keep the launcher id: a restart will be a new launcher error=%s", error)


def holding_of(jobs: list[Job]) -> list[Json]:
    """Write the attempts that are here as the runtime is told of them."""
    return [{"job_id": job.job_id, "attempt": job.attempt, "token": job.token} for job in jobs]
