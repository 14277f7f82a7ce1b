"""The parts of one launcher, built for a test as `launcher.py` builds them; its keepers are played by the test."""

from __future__ import annotations

from pathlib import Path

from launcher_rig.configs import config_of
from launcher_rig.machines import OnPlayedKeepers
from lib.admission import Admission
from lib.api_client import ApiClient
from lib.attempt.folder import RunFolders
from lib.attempt.output import OutputUploader
from lib.clients import Clients
from lib.executor import Executor
from lib.heartbeat import Heartbeat
from lib.identity import IdentityFile
from lib.keeper import words
from lib.keepers import Keepers
from lib.lifecycle import Lifecycle
from lib.poller import Poller
from lib.registration import Registration
from lib.registry import RunningJobsRegistry
from lib.reporter import Reporter
from lib.starter import Starter
from lib.stopper import Stopper
from lib.version import VERSION
from lib.wire.models import Inquiry, JsonObject, PollAnswer


class Parts:
    """What the threads of a launcher share; nothing of it runs by itself."""

    def __init__(self, machine: OnPlayedKeepers, api: ApiClient, folder: Path, *, max_jobs: int | None = None) -> None:
        self.machine, self.api, self.lines = machine, api, machine.lines
        self.asked: list[Inquiry] = []
        config = config_of(folder, max_jobs=max_jobs)
        self.registry = RunningJobsRegistry(machine)
        self.lifecycle = Lifecycle(machine)
        self.keepers = Keepers(self.lines, {}, machine)
        self.stopper = Stopper(self.registry, self.keepers)
        self.identity = IdentityFile(folder / "identity.json", machine)
        clients = Clients(list, 0.0, _ignored)
        self.registration = Registration(
            api, self.identity, self.registry, config, self.stopper.apply, self.lifecycle, machine, clients
        )
        self.folders = RunFolders(folder / "runs", machine.disk)
        self.admission = Admission(self.registry.at_work, self.lifecycle, config, machine)
        self.executor = Executor(self.keepers, config)
        self.starter = Starter(
            api,
            self.executor,
            self.keepers,
            self.registry,
            self.registration,
            self.folders,
            self.admission,
            self.lifecycle,
            machine,
        )
        self.uploader = OutputUploader(api)
        self.reporter = Reporter(api, self.registration, self.registry, self.keepers, self.uploader, machine)
        self.poller = Poller(
            api,
            self.registration,
            self.admission,
            self.lifecycle,
            start_jobs=self.starter.start,
            stop_jobs=self.stopper.stop_jobs,
            take_inquiries=self.asked.extend,
            machine=machine,
        )
        self.heartbeat = Heartbeat(
            api,
            self.registration,
            self.registry,
            self.stopper,
            interval_seconds=60.0,
            poll_age_seconds=self.poller.age_seconds,
            machine=machine,
            clients=clients,
        )

    def with_keeper(self, answer: JsonObject | None = None) -> Parts:
        """Have one keeper there that answers each order with this; by default it takes all of them."""
        said = answer or {"say": words.ORDERED}
        self.keepers.open("1")
        self.keepers.greeted("1", {"say": words.HELLO, "version": VERSION})
        self.lines.sent.clear()

        def on_send(name: str, message: JsonObject) -> None:
            if message["say"] == words.ORDER:
                self.keepers.answered(name, {**said, "key": message["key"]})

        self.lines.on_send = on_send
        return self

    def registered(self) -> Parts:
        self.registration.register(None)
        return self

    def take_all(self, answer: PollAnswer) -> None:
        """Start what a poll brought."""
        for one in answer.jobs:
            self.starter.start([one])

    def words_about(self, key: str) -> list[str]:
        """What keepers were told about one attempt, in its order."""
        return [str(message["say"]) for _, message in self.lines.sent if message.get("key") == key]


def _ignored() -> None:
    """Nobody looks for clients here."""
