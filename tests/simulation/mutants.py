"""The product with one rule broken on purpose, to prove that the checks would see it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import pytest

from agent_runtime.domain.callback import Callback, CallbackState
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.quota_hold import HoldState, QuotaHold
from agent_runtime.domain.session import STATUS_BY_JOB, SessionStatus
from agent_runtime.services.families import callbacks
from agent_runtime.services.jobs import moves
from agent_runtime.services.launchers import claims, reports
from agent_runtime.services.launchers import presence as launchers
from agent_runtime.services.ports.families import CallbackChanges
from agent_runtime.services.ports.queries import KeyUse
from agent_runtime.services.ports.store import Transaction
from agent_runtime.store.rows.keys import KeyTable
from agent_runtime.store.rows.quota import QuotaTable
from agent_runtime.upkeep import lost_jobs
from lib import stopper
from lib.api_client import Said
from lib.attempt import report
from lib.attempt.attempt import Attempt, Change
from lib.attempt.folder import RunFolder
from lib.attempt.witness import Witness, witness_of
from lib.errors import CallFailed, CallRejected, Superseded
from lib.keeper import verdicts
from lib.keeper.held import Held
from lib.keeper.journal import Journal
from lib.keeper.keeper import Keeper
from lib.keeper.ladder import Ladder
from lib.keeper.words import RECORD_GRANTED, RECORD_SPAWNED, JsonObject
from lib.registration import Registration
from lib.reporter import Reporter
from lib.starter import Starter
from lib.supervisor import Supervisor
from lib.wire.models import Dropped, Job, Report
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
    def run_at_once(self: Starter, attempts: Sequence[Attempt]) -> None:
        said = [Said(attempt.job, "started") for attempt in attempts]
        self._api.report_all(self._registration.launcher_id or "", said)
        for attempt in attempts:
            self._begin(attempt)

    patch.setattr(Starter, "_ask_for_grants", run_at_once)


def _report_forgotten(patch: pytest.MonkeyPatch) -> None:
    judge = Reporter._after

    def send_once(self: Reporter, attempt: Attempt, report: Report, error: CallFailed | None) -> Change:
        return judge(self, attempt, report, error if isinstance(error, CallRejected) else None)

    patch.setattr(Reporter, "_after", send_once)


def _held_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Supervisor, "_take_up", _always(None))


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
    say = verdicts.of

    def say_that_it_went_well(held: Held, outcome: JsonObject, times: JsonObject) -> JsonObject:
        verdict = say(held, outcome, times)
        is_unknown = verdict["reason"] == "shim_died"
        return {**verdict, "exit_code": 0, "reason": None, "error": None} if is_unknown else verdict

    patch.setattr(verdicts, "of", say_that_it_went_well)


def _late_truth_refused(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reports, "may_be_corrected", _always(False))
    patch.setattr(launchers, "may_be_corrected", _always(False))


def _output_forgotten(patch: pytest.MonkeyPatch) -> None:
    def drop(self: stopper.Stopper, drops: Iterable[Dropped]) -> None:
        for dropped in drops:
            attempt = self._find(dropped.job_id, dropped.attempt)
            if attempt is not None:
                self._registry.mark_dropped(attempt, dropped.reason)
                if attempt.is_at_work:
                    self._ask(attempt, stopper.FENCED_OFF)

    patch.setattr(stopper.Stopper, "drop", drop)


def _superseded_leaves_at_once(patch: pytest.MonkeyPatch) -> None:
    def leave(_: Registration, loss: Superseded) -> None:
        raise loss

    patch.setattr(Registration, "_become_a_new_process", leave)


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


def _grant_after_spawn(patch: pytest.MonkeyPatch) -> None:
    append, held_back = Journal.append, dict[str, JsonObject]()

    def write_together(self: Journal, record: JsonObject) -> None:
        key = str(record.get("key"))
        if record["kind"] == RECORD_GRANTED:
            held_back[key] = record
            return
        grant = held_back.pop(key, None) if record["kind"] == RECORD_SPAWNED else None
        if grant is not None:
            append(self, grant)
        append(self, record)

    patch.setattr(Journal, "append", write_together)


def _nothing_is_adopted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keeper, "_take_over", _always(None))


def _journal_is_not_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Journal, "read", lambda _: [])


def _places_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    look = Ladder._is_empty
    patch.setattr(Ladder, "_is_empty", lambda self, held: not held.place.is_ours or look(self, held))


def _ends_are_said_first(patch: pytest.MonkeyPatch) -> None:
    flush = Journal.flush
    patch.setattr(Journal, "flush", lambda self, **_: flush(self))


def _codes_are_not_handed_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keeper, "_take_code", _always(None))


def _second_stop_ends_the_care(patch: pytest.MonkeyPatch) -> None:
    schedule, stop = Keeper._schedule, Keeper._stop

    def forget_the_moment(self: Keeper, held: Held, message: JsonObject) -> None:
        stop(self, held, message)
        if held.verdict is None:
            schedule(self, held)

    patch.setattr(Keeper, "_stop", forget_the_moment)


def _stop_hides_an_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keeper, "_see_ends", _always(None))
    look = Keeper.look

    def see_ends_then_look(self: Keeper) -> None:
        for pid, code in self._host.ended():
            held = self._by_pid.pop(pid, None)
            if held is not None:
                self._command_ended(held, code)
        look(self)

    patch.setattr(Keeper, "look", see_ends_then_look)


def _times_of_the_report(patch: pytest.MonkeyPatch) -> None:
    def without_times(job: Job, folder: RunFolder, verdict: JsonObject) -> Report:
        return replace(report.report_of(job, folder, verdict), ended_at=None, run_seconds=None)

    patch.setattr("lib.reporter.report_of", without_times)


def _times_by_the_walls_clock(patch: pytest.MonkeyPatch) -> None:
    def by_the_wall(held: Held, now: float, wall_time: float, noted_at: float | None) -> JsonObject:
        return {"ended_at": wall_time, "seconds": wall_time - held.started_at if held.started_at else None}

    patch.setattr(verdicts, "times_of", by_the_wall)


def _leftovers_take_time(patch: pytest.MonkeyPatch) -> None:
    def until_now(held: Held, now: float, wall_time: float, noted_at: float | None) -> JsonObject:
        return {"ended_at": wall_time, "seconds": now - held.began if held.began is not None else None}

    patch.setattr(verdicts, "times_of", until_now)


def _end_by_the_note_is_unknown(patch: pytest.MonkeyPatch) -> None:
    say = verdicts.times_of
    patch.setattr(verdicts, "times_of", lambda held, now, wall_time, _: say(held, now, wall_time, None))


def _agents_code_is_not_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report, "_end_of_agent", _always(None))


def _status_is_witness_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report, "witness_of", _always(Witness.COMMAND))


def _no_note_is_a_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report, "witness_of", lambda note: witness_of(note) if note else Witness.NONE)


def _clients_mean_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("agent_runtime.domain.launcher.what_is_amiss", _always(None))


def _limits_hold_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "covering", _always(()))


def _all_try_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(QuotaHold, "lets_one_through", property(lambda hold: hold.state is HoldState.TRYING))
    patch.setattr(QuotaTable, "begin_probe", _always(True))


def mutants() -> Sequence[Mutant]:
    """All of them."""
    return (
        Mutant("the token is no fence", _no_token_fence, frozenset({"P1", "P2", "P3"}), first_seed=304),
        Mutant("the gate opens without a grant", _gate_before_grant, frozenset({"P2", "P3"})),
        Mutant("a report without an answer is forgotten", _report_forgotten, frozenset({"P1", "P3", "rest"})),
        Mutant("a restarted launcher forgets what the keeper holds", _held_forgotten, frozenset({"P2", "P3", "P5"})),
        Mutant("a parent is told twice", _told_twice, frozenset({"P6", "rest"}), first_seed=31),
        Mutant("a parent is never told", _never_told, frozenset({"P6"})),
        Mutant("what is lost is always run again", _rerun_always, frozenset({"P2"}), first_seed=55),
        Mutant("what runs is fenced off", _everybody_fenced, frozenset({"P3", "P4"})),
        Mutant("a session's turn is not handed on", _turn_kept, frozenset({"rest"})),
        Mutant("a stop hits everything", _stop_hits_all, frozenset({"P4"}), first_seed=332),
        Mutant("idempotency keys mean nothing", _keys_mean_nothing, frozenset({"P1"}), first_seed=23),
        Mutant("a claim that was lost on the way is kept", _lost_claim_is_kept, frozenset({"rest"}), first_seed=5),
        Mutant("an exit code is made up", _verdict_is_made_up, frozenset({"P3"})),
        Mutant("output is forgotten with the end", _output_forgotten, frozenset({"P3"}), first_seed=362),
        Mutant("who is superseded leaves at once", _superseded_leaves_at_once, frozenset({"P4"}), first_seed=60482),
        Mutant("a session shows work that was stopped", _end_is_not_shown, frozenset({"stuck"})),
        Mutant("a thread hangs", _thread_hangs, frozenset({"no mistakes", "rest"})),
        Mutant("a hold means nothing", _hold_means_nothing, frozenset({"queue"}), first_seed=185),
        Mutant("an agent's limit means nothing", _agent_limit_means_nothing, frozenset({"queue"})),
        Mutant("a job's time means nothing", _time_means_nothing, frozenset({"queue"})),
        Mutant("what a launcher can run means nothing", _clients_mean_nothing, frozenset({"queue"})),
        Mutant(
            "the grant is not written before the spawn", _grant_after_spawn, frozenset({"P2", "P3"}), first_seed=164
        ),
        Mutant("a new keeper adopts nothing", _nothing_is_adopted, frozenset({"P5", "rest"})),
        Mutant("a new keeper does not read the journal", _journal_is_not_read, frozenset({"P2", "P3", "P5"})),
        Mutant("a new keeper does not look at places", _places_are_not_looked_at, frozenset({"P5"}), first_seed=55),
        Mutant("an end is said before it is written", _ends_are_said_first, frozenset({"P3"}), first_seed=117),
        Mutant("exit codes are not handed on", _codes_are_not_handed_on, frozenset({"P3"})),
        Mutant(
            "a second stop ends the care for the rest",
            _second_stop_ends_the_care,
            frozenset({"P5", "rest"}),
            first_seed=110,
        ),
        Mutant("a stop hides an end of before", _stop_hides_an_end, frozenset({"P3"}), first_seed=780),
        Mutant("times are those of the report", _times_of_the_report, frozenset({"times"})),
        Mutant("times are the wall's clock's", _times_by_the_walls_clock, frozenset({"times"})),
        Mutant("what stays behind takes a job's time", _leftovers_take_time, frozenset({"times"})),
        Mutant("a note does not tell when", _end_by_the_note_is_unknown, frozenset({"times"}), first_seed=120),
        Mutant("a wrapper's exit code is its agent's", _agents_code_is_not_read, frozenset({"P3"})),
        Mutant(
            "an exit status of 0 is witness enough", _status_is_witness_enough, frozenset({"P3", "P6"}), first_seed=310
        ),
        Mutant("a note that could not be written is a failure", _no_note_is_a_failure, frozenset({"P3"})),
        Mutant("a limit holds nothing", _limits_hold_nothing, frozenset({"queue"})),
        Mutant("all try at once whether a limit is over", _all_try_at_once, frozenset({"queue"})),
        Mutant("the late truth is refused", _late_truth_refused, frozenset({"P3", "P4"}), first_seed=50),
    )
