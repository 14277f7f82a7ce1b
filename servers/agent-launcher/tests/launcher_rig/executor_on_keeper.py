"""A real executor whose orders go to a real keeper, and whose attempts the test lets go and sees end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launcher_rig.configs import config_of
from launcher_rig.keeper_under_test import BASE_ENVIRONMENT, KeeperUnderTest
from launcher_rig.machines import OnPlayedKeepers, PlayedKeepers
from lib.attempt.attempt import Attempt, Ended
from lib.attempt.folder import RunFolders
from lib.attempt.report import report_of
from lib.executor import Executor
from lib.keeper import words
from lib.keepers import Keepers
from lib.registry import RunningJobsRegistry
from lib.version import VERSION
from lib.wire.models import Job, JsonObject, Report


class ExecutorOnKeeper:
    """Plays the threads around an executor."""

    def __init__(self, keeper: KeeperUnderTest, project_dir: Path, roots: Sequence[Path] = ()) -> None:
        self.keeper = keeper
        lines = PlayedKeepers()
        self.machine = OnPlayedKeepers(lines)
        self.registry = RunningJobsRegistry(self.machine)
        self.keepers = Keepers(lines, BASE_ENVIRONMENT, self.machine)  # type: ignore[arg-type]
        self.keepers.open("1")
        self.keepers.greeted("1", {"say": words.HELLO, "version": VERSION})
        lines.on_send = self._forward
        self.folders = RunFolders(keeper.runs, self.machine.disk)
        self.executor = Executor(
            self.keepers,
            config_of(keeper.project.root, project_dir=project_dir, project_roots=tuple(roots)),
        )

    def prepare(self, job: Job) -> Attempt:
        """Have an attempt prepared that its keeper has taken."""
        attempt = Attempt(job, self.folders.of(job), self.machine)
        attempt.keeper = self.keepers.taken(self.executor.execute(attempt))
        return attempt

    def run(self, job: Job) -> Attempt:
        """Have an attempt prepared and let it go."""
        attempt = self.prepare(job)
        self.keepers.go(attempt)
        return attempt

    def end(self, attempt: Attempt) -> JsonObject:
        """Wait for the end of an attempt and return its verdict."""
        verdict = self.keeper.end(attempt.key)
        self.registry.store(attempt, Ended(verdict))
        return verdict

    def report(self, attempt: Attempt) -> Report:
        """What the runtime would be told of its end."""
        return report_of(attempt.job, attempt.folder, self.end(attempt))

    def _forward(self, name: str, message: JsonObject) -> None:
        say, fields = str(message["say"]), {key: value for key, value in message.items() if key != "say"}
        self.keeper.say(say, **fields)
        if say == words.ORDER:
            key = message["key"]
            answer = self.keeper.hear(lambda said: said.get("key") == key and said["say"] != words.ENDED)
            self.keepers.answered(name, answer)
