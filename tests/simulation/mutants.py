"""The product with one rule broken on purpose, to prove that the checks would see it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pytest

from agent_runtime.domain.callback import Callback, CallbackState
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.session import STATUS_BY_JOB, SessionStatus
from agent_runtime.services.families import callbacks
from agent_runtime.services.jobs import moves
from agent_runtime.services.launchers import claims, reports
from agent_runtime.services.launchers import presence as launchers
from agent_runtime.services.ports.families import CallbackChanges
from agent_runtime.services.ports.questions import KeyUse
from agent_runtime.services.ports.store import Transaction
from agent_runtime.store.rows.keys import KeyTable
from agent_runtime.upkeep import lost_jobs
from lib import launcher, stopper
from lib.errors import CallFailed, CallRejected
from lib.job_process import JobProcess
from lib.models import Dropped, Report
from lib.models import Job as WireJob
from lib.outbox import Delivery
from lib.reporter import Reporter
from lib.run_directory import RunDirectory
from lib.starter import Starter
from simulation.clients import NARROW_LIMIT

LONG_SECONDS = 1e6
Break = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutant:
    """A way to break the product, and the words of which one must name what the checks have found.

    Shape:   `first_seed` is where the search begins; a rule for rare events would be looked for in vain at first.
    """

    name: str
    breaks: Break
    promises: frozenset[str]
    first_seed: int = 0


def _always(answer: object) -> Callable[..., object]:
    return lambda *_: answer


def _no_token_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reports, "_is_current", _always(True))


def _gate_before_grant(patch: pytest.MonkeyPatch) -> None:
    def open_at_once(self: Starter, job: WireJob, process: JobProcess) -> bool:
        try:
            self._api.report_started(self._registration.launcher_id or "", job.job_id, job)
        except CallFailed:
            return True
        return True

    patch.setattr(Starter, "_ask_for_the_grant", open_at_once)


def _report_forgotten(patch: pytest.MonkeyPatch) -> None:
    send = Reporter._send

    def send_once(self: Reporter, launcher_id: str, delivery: Delivery, report: Report) -> None:
        try:
            send(self, launcher_id, delivery, report)
        except CallRejected:
            raise
        except CallFailed:
            return

    patch.setattr(Reporter, "_send", send_once)


def _folders_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(launcher, "recover", lambda *_: None)


def _told_twice(patch: pytest.MonkeyPatch) -> None:
    change = callbacks._change

    def keep_pending(tx: Transaction, callback: Callback, changes: CallbackChanges) -> None:
        if changes.get("state") is not CallbackState.DELIVERED:
            change(tx, callback, changes)

    patch.setattr(callbacks, "_change", keep_pending)


def _never_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(callbacks, "deliver", _always(None))
    patch.setattr("agent_runtime.services.families.consequences.deliver", _always(None))


def _rerun_always(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lost_jobs, "_may_run_again", _always(True))


def _everybody_fenced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(launchers, "_fenced_because", _always("not_current"))


def _turn_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(moves, "make_current", _always(None))


def _stop_hits_all(patch: pytest.MonkeyPatch) -> None:
    def stop_everything(self: stopper.Stopper, job_ids: Iterable[str]) -> None:
        if list(job_ids):
            self.stop_all()

    patch.setattr(stopper.Stopper, "stop_jobs", stop_everything)


def _keys_mean_nothing(patch: pytest.MonkeyPatch) -> None:
    def remember(self: KeyTable, key: str, fingerprint: str, job_id: JobId, now: object) -> KeyUse:
        return KeyUse(fingerprint, job_id)

    patch.setattr(KeyTable, "remember", remember)


def _lost_claim_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "_renew", _always(None))
    patch.setattr("agent_runtime.upkeep.scheduler.expire_claims", _always(0))


def _verdict_is_made_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunDirectory, "read_verdict", lambda self: {"exit_code": 0} if self.has_started() else None)


def _late_truth_refused(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reports, "may_be_corrected", _always(False))
    patch.setattr(launchers, "may_be_corrected", _always(False))


def _output_forgotten(patch: pytest.MonkeyPatch) -> None:
    def drop(self: stopper.Stopper, dropped: Dropped) -> None:
        for delivery in self._outbox.deliveries():
            if (delivery.run.job.job_id, delivery.run.job.attempt_number) == (dropped.job_id, dropped.attempt):
                delivery.drop_reason = dropped.reason

    patch.setattr(stopper.Stopper, "_drop_ended", drop)


def _heard_twice_lives_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(launchers, "_is_repeated", _always(False))
    patch.setattr(launchers, "_epoch", lambda known, _: 1 if known is None else known.epoch + 1)


def _end_is_not_shown(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(moves, "STATUS_BY_JOB", {**STATUS_BY_JOB, JobStatus.STOPPED: SessionStatus.RUNNING})


def _hold_means_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("agent_runtime.services.jobs.holds._let_wait", lambda _tx, job, *_: job)


def _agent_limit_means_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "_room_for_agent", _always(NARROW_LIMIT))


def _time_means_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("agent_runtime.services.jobs.orders._time_to_wait", _always(None))


def _thread_hangs(patch: pytest.MonkeyPatch) -> None:
    def look_away(self: Reporter) -> float:
        self._machine.flag().wait(LONG_SECONDS)
        return 0.0

    patch.setattr(Reporter, "step", look_away)


def mutants() -> Sequence[Mutant]:
    """All of them."""
    return (
        Mutant("the token is no fence", _no_token_fence, frozenset({"P1", "P2", "P3"})),
        Mutant("the gate opens without a grant", _gate_before_grant, frozenset({"P2", "P3"})),
        Mutant("a report without an answer is forgotten", _report_forgotten, frozenset({"P1", "P3", "rest"})),
        Mutant("a restarted launcher forgets its folders", _folders_forgotten, frozenset({"P2", "P3", "P5"})),
        Mutant("a parent is told twice", _told_twice, frozenset({"P6", "rest"})),
        Mutant("a parent is never told", _never_told, frozenset({"P6"})),
        Mutant("what is lost is always run again", _rerun_always, frozenset({"P2"})),
        Mutant("what runs is fenced off", _everybody_fenced, frozenset({"P3", "P4"})),
        Mutant("a session's turn is not handed on", _turn_kept, frozenset({"rest"})),
        Mutant("a stop hits everything", _stop_hits_all, frozenset({"P4"})),
        Mutant("idempotency keys mean nothing", _keys_mean_nothing, frozenset({"P1"})),
        Mutant("a claim that was lost on the way is kept", _lost_claim_is_kept, frozenset({"rest"})),
        Mutant("an exit code is made up", _verdict_is_made_up, frozenset({"P3"})),
        Mutant("output is forgotten with the end", _output_forgotten, frozenset({"P3"}), first_seed=1000),
        Mutant("a registration heard twice is a new life", _heard_twice_lives_twice, frozenset({"P4"})),
        Mutant("a session shows work that was stopped", _end_is_not_shown, frozenset({"stuck"})),
        Mutant("a thread hangs", _thread_hangs, frozenset({"no mistakes", "rest"})),
        Mutant("a hold means nothing", _hold_means_nothing, frozenset({"queue"})),
        Mutant("an agent's limit means nothing", _agent_limit_means_nothing, frozenset({"queue"})),
        Mutant("a job's time means nothing", _time_means_nothing, frozenset({"queue"})),
        Mutant("the late truth is refused", _late_truth_refused, frozenset({"P3", "P4"}), first_seed=600),
    )
