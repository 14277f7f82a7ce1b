"""The poll thread: fetches jobs and has them started."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from lib.admission import Admission, Admitted
from lib.api_client import ApiClient, Wanted
from lib.errors import CallFailed, IdentityLost
from lib.lifecycle import Event, Lifecycle, Phase
from lib.machine.backoff import Backoff
from lib.machine.machine import Machine
from lib.registration import Registration
from lib.wire.models import Inquiry, Job, PollAnswer, RegistrationResponse

log = logging.getLogger("agent-launcher")

BATCH_MAX = 32
IDLE_WAIT_SECONDS = 2.0
TURN_WAIT_SECONDS = 20.0
# An empty answer that comes much sooner than asked for; some are normal, a stream of them is a broken peer.
HASTY_SECONDS, HASTY_ANSWERS_MAX, HASTY_PAUSE_SECONDS = 0.2, 5, 1.0


class Poller:
    """Polls for ever, one poll at a time; its `step` is run by two threads that take turns.

    A full launcher polls with no free places, only to hear of stops. When that changes meanwhile, `refresh` hands
    the turn on: the other thread begins a newer poll, by which the runtime ends the parked one; a poll is never
    aborted from here, as its answer may be on the way.
    """

    def __init__(
        self,
        api: ApiClient,
        registration: Registration,
        admission: Admission,
        lifecycle: Lifecycle,
        *,
        start_jobs: Callable[[Sequence[Job]], None],
        stop_jobs: Callable[[tuple[str, ...]], None],
        take_inquiries: Callable[[tuple[Inquiry, ...]], None],
        machine: Machine,
        is_idle: Callable[[], bool] | None = None,
    ) -> None:
        self._monotonic = machine.monotonic
        self._api = api
        self._registration = registration
        self._admission = admission
        self._lifecycle = lifecycle
        self._start_jobs = start_jobs
        self._stop_jobs = stop_jobs
        self._take_inquiries = take_inquiries
        self._is_idle = is_idle
        self._backoff = Backoff(machine.chance())
        self._changed = machine.condition()
        self._parked: Admitted | None = None  # what the poll asked for that has the turn
        self._hasty_answers = 0
        self._is_lost_again = False
        self._last_answer_at = self._monotonic()

    def age_seconds(self) -> float:
        """How long ago the last poll was answered."""
        return self._monotonic() - self._last_answer_at

    def step(self) -> float:
        """Poll once, start what came, and return the seconds to wait before the next poll."""
        admitted = self._begin_poll()
        if admitted is None:
            return 0.0
        try:
            return self._poll(admitted)
        finally:
            self._end_poll(admitted)

    def refresh(self, *, is_forced: bool = False, is_freed: bool = False) -> None:
        """Poll anew if the parked poll asked for nothing and there is room now, or asked for what we refuse by now.

        Shape:   `is_freed` says that no more than a place has become free, for which nothing is refused.
        """
        with self._changed:
            asked = self._parked
            if asked is None or (is_freed and asked.slots != 0):
                return
            now = self._admission.look()
            has_changed = now.slots != 0 if asked.slots == 0 else now.refuse is not None
            if has_changed or is_forced:
                self._hand_on()

    def close(self) -> None:
        """Let the waiting thread go."""
        with self._changed:
            self._changed.notify_all()

    def _begin_poll(self) -> Admitted | None:
        """Wait for this thread's turn; None if it does not come."""
        with self._changed:
            if self._parked is not None:
                self._changed.wait(TURN_WAIT_SECONDS)
            if self._parked is not None:
                return None
            # In one step: a place that becomes free in between would find no poll to refresh, and this one not know.
            self._parked = admitted = self._admission.look()
        return admitted

    def _end_poll(self, admitted: Admitted) -> None:
        with self._changed:
            if self._has_turn(admitted):
                self._hand_on()
                return
        # The newer poll counted jobs of ours that may have been refused since.
        self.refresh()

    def _has_turn(self, admitted: Admitted) -> bool:
        return self._parked is admitted

    def _hand_on(self) -> None:
        self._parked = None
        self._changed.notify()

    def _poll(self, admitted: Admitted) -> float:
        registered = self._registration.current
        try:
            registered = registered or self._register()
            began = self._monotonic()
            answer = self._api.poll(registered.launcher_id, self._wanted(registered, admitted))
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
        return self._pause_before_next(answer, admitted, self._last_answer_at - began)

    def _wanted(self, registered: RegistrationResponse, admitted: Admitted) -> Wanted:
        wait = IDLE_WAIT_SECONDS if self._is_idle is not None else None
        if (limit := self._admission.seconds_until_change()) is not None:
            wait = limit
        batch = BATCH_MAX if admitted.slots is None else min(BATCH_MAX, admitted.slots)
        return Wanted(registered.epoch, admitted.slots, wait, batch, admitted.refuse)

    def _take(self, answer: PollAnswer) -> None:
        if answer.stop_jobs:
            self._stop_jobs(answer.stop_jobs)
        if answer.inquiries:
            self._take_inquiries(answer.inquiries)
        if answer.jobs:
            # All of them are started or declined before the next poll begins: it would hand them out again.
            self._start_jobs(answer.jobs)

    def _pause_before_next(self, answer: PollAnswer, admitted: Admitted, seconds: float) -> float:
        is_empty = not answer.jobs and not answer.stop_jobs and not answer.inquiries
        if is_empty and self._is_idle is not None and self._is_idle():
            self._lifecycle.tell(Event.DRAIN)
        is_hasty = is_empty and seconds < HASTY_SECONDS and self._has_turn(admitted)
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
        log.warning("cannot ask the runtime for jobs, trying again in %.1f s error=%s", seconds, error)
        return seconds
