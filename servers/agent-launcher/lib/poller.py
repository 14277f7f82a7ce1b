"""The poll thread: fetches jobs and has them started."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.admission import Admission, Admitted
from lib.api_client import ApiClient, Wanted
from lib.errors import CallFailed, IdentityLost
from lib.lifecycle import Event, Lifecycle, Phase
from lib.machine.backoff import Backoff
from lib.machine.machine import Machine
from lib.registration import Registration
from lib.wire.models import Job, PollAnswer, RegistrationResponse

log = logging.getLogger("agent-launcher")

BATCH_MAX = 32
STARTS_AT_ONCE = 8
IDLE_WAIT_SECONDS = 2.0
TURN_WAIT_SECONDS = 20.0
# An empty answer that comes much sooner than asked for; some are normal, a stream of them is a broken peer.
HASTY_SECONDS, HASTY_ANSWERS_MAX, HASTY_PAUSE_SECONDS = 0.2, 5, 1.0


class _Poll:
    """One poll; `is_handed_on` when a newer poll has taken its place."""

    def __init__(self, admitted: Admitted) -> None:
        self.admitted = admitted
        self.is_handed_on = False


class Poller:
    """Polls for ever, one poll at a time; its `step` is run by two threads that take turns.

    A full launcher polls with no free places, only to hear of stops. When a place becomes free meanwhile,
    `refresh` lets the other thread begin a newer poll, by which the runtime ends the parked one; a poll is
    never aborted from here, as its answer may be on the way.
    """

    def __init__(
        self,
        api: ApiClient,
        registration: Registration,
        admission: Admission,
        lifecycle: Lifecycle,
        *,
        start_job: Callable[[Job], None],
        stop_jobs: Callable[[tuple[str, ...]], None],
        machine: Machine,
        is_idle: Callable[[], bool] | None = None,
    ) -> None:
        self._monotonic = machine.monotonic
        self._api = api
        self._registration = registration
        self._admission = admission
        self._lifecycle = lifecycle
        self._start_job = start_job
        self._stop_jobs = stop_jobs
        self._is_idle = is_idle
        self._backoff = Backoff(machine.chance())
        self._turns = machine.turns(1)
        self._lock = machine.lock()
        self._parked: _Poll | None = None
        self._hasty_answers = 0
        self._is_lost_again = False
        self._last_answer_at = self._monotonic()
        self._starts = machine.crew(STARTS_AT_ONCE, "start")

    def age_seconds(self) -> float:
        """How long ago the last poll was answered."""
        return self._monotonic() - self._last_answer_at

    def step(self) -> float:
        """Poll once, start what came, and return the seconds to wait before the next poll."""
        if not self._turns.acquire(timeout=TURN_WAIT_SECONDS):
            return 0.0
        turn = self._begin_poll()
        try:
            return self._poll(turn)
        finally:
            self._end_poll(turn)

    def refresh(self, *, is_forced: bool = False) -> None:
        """Poll anew if the parked poll asked for nothing and there is room now, or at any rate if forced."""
        with self._lock:
            turn = self._parked
            if turn is None or turn.is_handed_on:
                return
            if not is_forced and (turn.admitted.slots != 0 or self._admission.look().slots == 0):
                return
            turn.is_handed_on = True
        self._turns.release()

    def take_back(self) -> None:
        """Poll anew if the parked poll asked for jobs and there is no room for any now."""
        with self._lock:
            turn = self._parked
            if turn is None or turn.is_handed_on or turn.admitted.slots == 0 or self._admission.look().slots != 0:
                return
            turn.is_handed_on = True
        self._turns.release()

    def close(self) -> None:
        """Let the waiting thread go, and start nothing more."""
        self._turns.release()
        self._turns.release()
        self._starts.close()

    def _begin_poll(self) -> _Poll:
        # In one step: a place that becomes free in between would find no poll to refresh, and this one would not know.
        with self._lock:
            self._parked = turn = _Poll(self._admission.look())
        return turn

    def _end_poll(self, turn: _Poll) -> None:
        with self._lock:
            if self._parked is turn:
                self._parked = None
            is_ours = not turn.is_handed_on
        if is_ours:
            self._turns.release()
        else:
            # The newer poll counted jobs of ours that may have been refused since.
            self.refresh()

    def _poll(self, turn: _Poll) -> float:
        registered = self._registration.current
        try:
            registered = registered or self._register()
            began = self._monotonic()
            answer = self._api.poll(registered.launcher_id, self._wanted(registered, turn.admitted))
        except IdentityLost as loss:
            if self._lifecycle.phase is Phase.LEAVING:
                # Our own goodbye ended the parked poll.
                return TURN_WAIT_SECONDS
            return self._renew(loss, registered)
        except CallFailed as error:
            return self._pause_after(error)
        self._backoff.succeeded()
        self._is_lost_again = False
        self._last_answer_at = self._monotonic()
        self._take(answer)
        return self._pause_before_next(answer, turn, self._last_answer_at - began)

    def _wanted(self, registered: RegistrationResponse, admitted: Admitted) -> Wanted:
        wait = IDLE_WAIT_SECONDS if self._is_idle is not None else None
        if (limit := self._admission.seconds_until_change()) is not None:
            wait = limit
        batch = BATCH_MAX if admitted.slots is None else min(BATCH_MAX, admitted.slots)
        return Wanted(registered.epoch, admitted.slots, wait, batch, admitted.refuse)

    def _take(self, answer: PollAnswer) -> None:
        if answer.stop_jobs:
            self._stop_jobs(answer.stop_jobs)
        if len(answer.jobs) == 1 or not self._lifecycle.takes_jobs:
            for job in answer.jobs:  # one of them, or all are declined: the crew may have left already
                self._start_job(job)
        elif answer.jobs:
            # All of them are started or declined before the next poll begins: it would hand them out again.
            self._starts.for_each(self._start_job, answer.jobs)

    def _pause_before_next(self, answer: PollAnswer, turn: _Poll, seconds: float) -> float:
        is_empty = not answer.jobs and not answer.stop_jobs
        if is_empty and not answer.jobs and self._is_idle is not None and self._is_idle():
            self._lifecycle.tell(Event.DRAIN)
        is_hasty = is_empty and seconds < HASTY_SECONDS and not turn.is_handed_on
        self._hasty_answers = self._hasty_answers + 1 if is_hasty else 0
        return HASTY_PAUSE_SECONDS if self._hasty_answers > HASTY_ANSWERS_MAX else 0.0

    def _renew(self, loss: IdentityLost, seen: RegistrationResponse | None) -> float:
        try:
            if not self._registration.renew(loss, seen):
                return TURN_WAIT_SECONDS
        except CallFailed as error:
            return self._pause_after(error)
        if self._is_lost_again:
            # It takes us in and knows us no more at the next word: that could go round for ever, at full speed.
            return self._backoff.failed()
        self._is_lost_again = True
        # Many launchers may have come together: if the runtime goes now, they shall not all ask again at once.
        self._backoff.succeeded()
        return 0.0

    def _register(self) -> RegistrationResponse:
        answer = self._registration.register(None)
        self._backoff.succeeded()
        return answer

    def _pause_after(self, error: CallFailed) -> float:
        seconds = self._backoff.failed()
        log.warning("no answer from the runtime, trying again in %.1f s error=%s", seconds, error)
        return seconds
