"""The supervisor thread: hears from the keepers how each job goes, and brings the table in line with what they hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from lib.admission import CANNOT_START_HERE, Admission
from lib.attempt.attempt import Attempt, Began, Change, Ended, Phase, Unbegun
from lib.attempt.folder import RunFolders
from lib.errors import OrderFailed
from lib.keeper import words
from lib.keepers import Keepers
from lib.machine.machine import Machine
from lib.registry import RunningJobsRegistry
from lib.wire.models import Job, JsonObject, integer_of, number_of, objects_of, text_of

log = logging.getLogger("agent-launcher")

SWEEP_SECONDS = 1.0
IDLE_SECONDS = 5.0
KEEPERS_UP_SECONDS = 20.0
RECORD_GONE: JsonObject = {
    "reason": "shim_died",
    "error": "the record of this attempt is gone, so how the job ended is not known",
}


class Supervisor:
    """Waits for the keepers' words; a second without any is used to see whether all of them are there."""

    def __init__(
        self,
        registry: RunningJobsRegistry,
        keepers: Keepers,
        folders: RunFolders,
        admission: Admission,
        machine: Machine,
    ) -> None:
        self._registry = registry
        self._keepers = keepers
        self._folders = folders
        self._admission = admission
        self._machine = machine
        self._lost: set[str] = set()
        self._reached_at: dict[str, float] = {}
        self._known: set[str] = set()
        self._swept_at = machine.monotonic()

    def begin(self) -> None:
        """Reach or start the keepers, and take up what an earlier launcher of this state folder left with them.

        Errors:  OrderFailed, when a keeper does not come up.
        """
        names = self._keepers.names()
        for name in names:
            self._reach(name)
        give_up_at = self._machine.monotonic() + KEEPERS_UP_SECONDS
        while not all(self._keepers.has_greeted(name) for name in names):
            if self._machine.monotonic() > give_up_at:
                raise OrderFailed(
                    f"cannot begin: the keeper of jobs does not answer (see '{words.TRACE_FILE}' in the state folder's "
                    "'keepers')"
                )
            self.step(lambda: None)
        if self._keepers.current() is None:
            # What is there is of another version and goes on with what it holds.
            name = str(max((int(name) for name in names if name.isdigit()), default=0) + 1)
            self._reach(name)
            while not self._keepers.has_greeted(name) and self._machine.monotonic() < give_up_at:
                self.step(lambda: None)

    def step(self, show_life: Callable[[], None]) -> float:
        """Hear what the keepers say, for a moment at most."""
        is_idle = not self._lost and not self._registry.is_at_work()
        for heard in self._keepers.wait(IDLE_SECONDS if is_idle else SWEEP_SECONDS):
            show_life()
            if heard.message is None:
                log.warning("the keeper of jobs is gone, looking after what it held")
                self._keepers.lost(heard.keeper)
                self._reach(heard.keeper)
            else:
                self._hear(heard.keeper, heard.message)
        if self._machine.monotonic() - self._swept_at >= SWEEP_SECONDS:
            self._sweep(show_life)
            self._swept_at = self._machine.monotonic()
        return 0.0

    def wake(self) -> None:
        """End the present wait."""
        self._keepers.wake()

    def _sweep(self, show_life: Callable[[], None]) -> None:
        self._keepers.collect()
        for name in list(self._lost):
            show_life()
            self._reach(name)
        in_use = {attempt.keeper for attempt in self._registry.attempts()}
        for name in self._keepers.others():
            if name not in in_use:
                self._keepers.retire(name)

    def _reach(self, name: str) -> None:
        self._lost.add(name)
        now = self._machine.monotonic()
        # One that is gone again at once is tried at the sweep's pace.
        if now - self._reached_at.get(name, -SWEEP_SECONDS) >= SWEEP_SECONDS:
            self._reached_at[name] = now
            if self._keepers.open(name):
                self._lost.discard(name)

    def _hear(self, keeper: str, message: JsonObject) -> None:
        say = message.get("say")
        if say != words.HELLO and not self._keepers.has_greeted(keeper):
            return  # its greeting will tell all of it
        if say == words.HELLO:
            self._keepers.greeted(keeper, message)
            self._reconcile(keeper, objects_of(message, "attempts"))
        elif say in (words.ORDERED, words.REFUSED) and self._keepers.answered(keeper, message):
            return
        elif (attempt := self._registry.find(str(message.get("key")))) is None:
            # Whoever ordered it has given up, or it is over and the word of that was lost.
            self._keepers.forget(keeper, str(message.get("key")))
        elif say == words.ENDED:
            self._registry.store(attempt, Ended(words.object_of(message.get("verdict"))))
        elif say == words.WAITING:
            log.warning("job waits for a process job_id=%s error=%s", attempt.job.job_id, message.get("error"))
            self._admission.failed_here(CANNOT_START_HERE, 6.0)

    def _reconcile(self, keeper: str, held: Iterable[JsonObject]) -> None:
        """Bring the table in line with what a keeper holds: at the start, and when one took the place of another."""
        is_first, by_key = keeper not in self._known, {str(one.get("key")): one for one in held}
        self._known.add(keeper)
        for key, one in by_key.items():
            attempt = self._registry.find(key)
            if attempt is None and is_first:
                self._take_up(keeper, one)
            elif attempt is None or attempt.is_over:
                self._keepers.forget(keeper, key)
            else:
                self._bring_in_line(attempt, one)
        for attempt in self._registry.attempts():
            if attempt.keeper == keeper and attempt.phase is Phase.RUNNING and attempt.key not in by_key:
                log.error("the record of a job is gone job_id=%s", attempt.job.job_id)
                self._registry.store(attempt, Ended({**RECORD_GONE, "ended_at": self._machine.wall_time()}))

    def _bring_in_line(self, attempt: Attempt, one: JsonObject) -> None:
        if one.get("phase") == "ended":
            self._registry.store(attempt, Ended(words.object_of(one.get("verdict"))))
            return
        if attempt.phase is Phase.RUNNING and attempt.stop is not None:
            self._keepers.stop(attempt, attempt.stop)
        elif attempt.phase is Phase.RUNNING and one.get("phase") == "ordered":
            self._keepers.go(attempt)

    def _take_up(self, keeper: str, one: JsonObject) -> None:
        try:
            job = Job.from_json(words.object_of(one.get("job")))
        except ValueError:
            log.exception("a job of the keeper cannot be read key=%s", one.get("key"))
            return
        attempt = Attempt(job, self._folders.of(job), self._machine)
        attempt.keeper, attempt.pid = keeper, integer_of(one, "pid")
        if (started_at := number_of(one, "started_at")) is not None:
            attempt.started_at = datetime.fromtimestamp(started_at, UTC)
        phase = text_of(one, "phase")
        log.info("job %s job_id=%s attempt=%d session=%s",
                 "adopted" if phase == "running" else f"taken up, {phase}",
                 job.job_id, job.attempt_number, job.session_name)  # fmt: skip
        self._registry.take_up(attempt, _change_to(phase, one))


def _change_to(phase: str | None, one: JsonObject) -> Change:
    if phase == "ordered":
        return Unbegun()
    return Ended(words.object_of(one.get("verdict"))) if phase == "ended" else Began()
