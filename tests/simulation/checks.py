"""The promises, checked after each event and once more when everything has come to rest.

Written from the protocol's words alone, and from the ledger of what really ran: no rule is taken from the code that is
checked. P1 no job is lost, P2 no second run, P3 the truth is recorded, P4 nobody kills what was not asked to end, P5
nothing stays behind, P6 a parent is told once. Beside them stand the queue, in which what is held, early or too many is
not claimed, and the times, which are those of the processes. Only what no promise names, a row that nothing would ever
move, is looked for with the product's own question.
"""

import traceback
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from agent_runtime.domain.callback import Callback, CallbackState
from agent_runtime.domain.event import Event
from agent_runtime.domain.ids import CallbackId, JobId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.launcher import Clients
from agent_runtime.services.ports.store import Transaction
from agent_runtime.upkeep.reconcile import find_stuck
from lib.attempt.folder import RunFolder
from lib.keeper.words import OUTCOME_FILE, JsonObject, texts_of
from lib.wire.models import number_of
from simulation.clients import NARROW, NARROW_LIMIT
from simulation.faults import CODEX
from simulation.held_account import HeldAccount
from simulation.host import RUNS_DIR
from simulation.ledger import PROVED, Run
from simulation.processes import Process, read_outcome
from simulation.runtime import every, rows
from simulation.service import AGENT
from simulation.times import wrong_record, wrong_verdict

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.keepers import KeeperProcess
    from simulation.world import World

LEGAL = frozenset(
    {
        ("pending", "claimed"), ("claimed", "running"), ("claimed", "pending"), ("pending", "stopped"),
        ("claimed", "stopped"), ("running", "completed"), ("running", "failed"), ("running", "stopped"),
        ("running", "lost"), ("lost", "running"), ("lost", "completed"), ("lost", "failed"), ("lost", "stopped"),
        ("lost", "pending"), ("failed", "pending"), ("stopped", "pending"),
    }
)  # fmt: skip
CORRECTIONS = frozenset({("failed", "running"), ("failed", "completed"), ("failed", "failed"), ("failed", "stopped")})
TERMINAL = frozenset({"completed", "failed", "stopped"})
UNSEEN_ENDS = ("launcher_lost", "host_rebooted")
UNKNOWN_ENDS = ("shim_died", "host_rebooted")
CODE_IS_KNOWN_SECONDS = 2.5
"""So long after its end a launcher that was not held up has told the exit code of whoever fell to it."""


class Checks:
    """Watches one world, and keeps what it finds."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.findings: list[str] = []
        self._status: dict[str, str] = {}
        self._reason: dict[str, object] = {}
        self._agent: dict[str, object] = {}
        self._attempt: dict[str, int] = {}
        self._granted: set[tuple[str, int]] = set()
        self._stops_asked: set[str] = set()
        self._given_up: set[str] = set()
        self._run_again: set[tuple[str, int]] = set()
        self._stopped_while_waiting: set[str] = set()
        self._held = HeldAccount(world)

    def find(self, promise: str, what: str) -> None:
        """Note that a promise was broken."""
        self._world.tell("CHECK", f"{promise} is broken: {what}")
        self.findings.append(f"{promise}: {what}")

    def mistake(self, where: str, error: BaseException) -> None:
        """Note an error that no code of ours expected."""
        trace = "".join(traceback.format_exception(error))
        self.find("no mistakes", f"{where} stumbled: {trace}")

    def committed(self, events: Iterable[Event]) -> None:
        """Look at what a commit of the runtime says that it changed."""
        for event in events:
            new = event.new
            if new.type.startswith("quota."):
                self._held.told(new.type, new.data)
            if new.job_id is None or not new.type.startswith("job."):
                continue
            self._world.tell("runtime", f"{new.type} {new.job_id}.{new.attempt} {dict(new.data)}")
            if new.type == "job.stop_requested":
                self._stops_asked.add(new.job_id)
            status, before = new.data.get("status"), new.data.get("from")
            if new.type == "job.created":
                self._status[new.job_id], self._agent[new.job_id] = "pending", new.data.get("agent_name")
            elif isinstance(status, str) and isinstance(before, str):
                self._moved(new.job_id, new.attempt or 0, before, status, new.data)

    def _moved(self, job_id: str, attempt: int, before: str, status: str, data: Mapping[str, object]) -> None:
        known = self._status.get(job_id)
        if before != known:
            self.find("P1", f"{job_id} went from '{before}' to '{status}', but was '{known}'")
        was_presumed_dead = known == "failed" and self._reason.get(job_id) == "launcher_lost"
        if (before, status) not in LEGAL and not (was_presumed_dead and (before, status) in CORRECTIONS):
            self.find("P1", f"{job_id} went from '{before}' to '{status}', and no such way exists")
        order = self._world.clients.order_of(JobId(job_id))
        if (before, status) == ("lost", "pending") and order is not None and order.rerun_lost == 0:
            self.find("P2", f"{job_id} is run again after a loss, and was not said to be safe for that")
        if (before, status) == ("lost", "pending"):
            self._run_again.add((job_id, attempt))
        if status == "claimed":
            if attempt <= self._attempt.get(job_id, 0):
                self.find("P2", f"attempt {attempt} of {job_id} was claimed after {self._attempt[job_id]}")
            self._attempt[job_id] = attempt
            self._may_be_claimed(job_id, attempt)
        if (before, status) == ("claimed", "running"):
            self._granted.add((job_id, attempt))
        if data.get("reason") == "launcher_lost":
            self._given_up.add(job_id)
        if status == "stopped" and before in ("pending", "claimed"):
            self._stopped_while_waiting.add(job_id)
        else:
            self._stopped_while_waiting.discard(job_id)
        self._status[job_id], self._reason[job_id] = status, data.get("reason")

    def _may_be_claimed(self, job_id: str, attempt: int) -> None:
        if self._agent.get(job_id) == AGENT and (wrong := self._held.wrong_claim(job_id, attempt, self._is_at_work)):
            self.find("queue", wrong)
        if self._world.clients.holds(JobId(job_id)):
            self.find("queue", f"{job_id} was claimed although it is held")
        if self._comes_too_early(JobId(job_id)):
            self.find("queue", f"{job_id} was claimed before its time")
        if self._agent.get(job_id) == CODEX and self._is_said_to_lack_its_client(JobId(job_id)):
            self.find("queue", f"{job_id} was claimed by a launcher that said that it has no {CODEX}")
        if self._agent.get(job_id) == NARROW:
            at_work = [other for other, agent in self._agent.items() if agent == NARROW and self._is_at_work(other)]
            if len(at_work) >= NARROW_LIMIT:
                self.find("queue", f"{job_id} was claimed beside {at_work}, and {NARROW_LIMIT} of its agent may run")

    def _is_said_to_lack_its_client(self, job_id: JobId) -> bool:
        def told(tx: Transaction) -> Clients | None:
            job = tx.jobs.get(job_id)
            launcher = tx.launchers.get(job.launcher_id) if job is not None and job.launcher_id is not None else None
            return launcher.clients if launcher is not None else None

        clients = rows(self._world.database, told)
        return clients is not None and clients.get(CODEX, {}).get("program") is None

    def _comes_too_early(self, job_id: JobId) -> bool:
        order = self._world.clients.order_of(job_id)
        if order is None or order.not_before is None or job_id in self._world.clients.retried or self._world.has_jumped:
            return False
        return self._world.runtime_time() < order.not_before

    def _is_at_work(self, job_id: str) -> bool:
        return self._status.get(job_id) in ("claimed", "running")

    def began(self, run: Run) -> None:
        """Look at a command at the moment at which it begins to run."""
        self._world.tell(run.host, f"RUNS {run.job_id}.{run.attempt} of {run.session_name}: {run.prompt[:40]!r}")
        if (run.job_id, run.attempt) not in self._granted:
            self.find("P2", f"{run.job_id}.{run.attempt} runs, and nobody allowed it to start")
        for other in self._world.ledger.runs:
            if other is run:
                continue
            if (other.job_id, other.attempt) == (run.job_id, run.attempt):
                self.find("P2", f"{run.job_id}.{run.attempt} runs for the second time")
            elif other.ended_at is None or other.unseen:
                self._overlaps(run, other)
        self._fits(run)

    def _fits(self, run: Run) -> None:
        host = next(host for host in self._world.hosts if host.name == run.host)
        here = [one for one in self._world.ledger.alive() if one.host == run.host and one.ended_at is None]
        if host.max_jobs is not None and len(here) > host.max_jobs:
            self.find("queue", f"{len(here)} commands run on {host.name}, which takes {host.max_jobs}")

    def _overlaps(self, run: Run, other: Run) -> None:
        if other.job_id == run.job_id:
            order = self._world.clients.order_of(JobId(run.job_id))
            may = (order is None or order.rerun_lost > 0) or run.job_id in self._world.clients.retried
            if not may:
                self.find("P2", f"{run.job_id}.{run.attempt} runs beside attempt {other.attempt}")
        elif other.session_name == run.session_name and not self._is_given_up(other):
            self.find("P2", f"{run.job_id} runs beside {other.job_id} of the same session")

    def _is_given_up(self, run: Run) -> bool:
        """Whether nothing was heard of an attempt for so long that its session went on without it."""
        return run.job_id in self._given_up or (run.job_id, run.attempt) in self._run_again

    def asked_to_stop(self, run: Run, reason: str) -> None:
        """Look at a command at the moment at which it is told to end."""
        self._world.tell(run.host, f"{run.job_id}.{run.attempt} is told to end: {reason}")
        if reason == "fenced_off":
            job = rows(self._world.database, lambda tx: tx.jobs.get(JobId(run.job_id)))
            is_current = job is not None and job.attempt == run.attempt and job.status in ("running", "lost", "claimed")
            if is_current:
                self.find("P4", f"{run.job_id}.{run.attempt} was fenced off although it is the current attempt")
        elif reason == "stopped_by_user" and not (run.job_id in self._stops_asked or self._is_interrupted(run)):
            self.find("P4", f"{run.job_id}.{run.attempt} was stopped, and nobody had asked for it")

    def kills(self, process: Process) -> None:
        """Look at a process at the moment at which a keeper kills it."""
        run = process.run
        self._world.tell(run.host, f"pid {process.pid} of {run.key} is killed")
        if process.is_command and not run.asked and run.is_recorded:
            self.find("P4", f"{run.key} was killed, and nobody had told it to end")

    def end_is_said(self, keeper: "KeeperProcess", key: str, verdict: JsonObject) -> None:
        """Look at an attempt at the moment at which a keeper says how it ended."""
        self._world.tell(keeper.machine.name, f"keeper {keeper.name} says how {key} ended: {verdict}")
        run = self._world.ledger.of_key(key)
        if run is None or not (key in keeper.held_keys() or self._is_awaited(run)):
            return  # Of what it was told to forget a keeper says that it is not there: that misleads nobody by now.
        if run.is_said:
            # A power cut takes along what a full disk had no room to keep: that misleads nobody who knows the end.
            is_told_anew = key in keeper.held_keys() and verdict.get("reason") != "host_rebooted"
            if verdict != run.verdict and (is_told_anew or self._is_awaited(run)):
                self.find("P3", f"how {key} ended was written as {run.verdict}, and is now said to be {verdict}")
            return
        named = texts_of(verdict.get("leftovers"))
        run.named |= {pid for pid in run.living if any(f"(pid {pid})" in name for name in named)}
        if run.unseen:
            self.find("P5", f"{key} is said to be over on {run.host}, and {run.unseen} still run")
        code = _code_in(verdict)
        if code is None and verdict.get("reason") == "shim_died" and (known := self._who_knows(keeper, run)):
            self.find("P3", f"how {key} ended is said to be unknown, and {known} knows that it was {run.exit_code}")
        if code is not None and code == run.left_code != run.exit_code and self._is_collected_soon(keeper.machine, run):
            self.find(
                "P3", f"{key} is said to have ended with {code}, and its launcher knows that it was {run.exit_code}"
            )
        if verdict != run.verdict and (wrong := wrong_verdict(run, verdict, keeper)) is not None:
            self.find("times", wrong)
        run.said_seconds.add(number_of(verdict, "seconds"))
        run.verdict, run.is_said = verdict, not keeper.disk_failed

    def _who_knows(self, keeper: "KeeperProcess", run: Run) -> str | None:
        """Name who can tell how a command ended whose keeper had died."""
        host, now = keeper.machine, self._world.agenda.now
        if isinstance(read_outcome(host.disk, RUNS_DIR / run.key / OUTCOME_FILE).get("exit_code"), int):
            return "its outcome file"
        if run.ended_at is None or not self._is_collected(host, run):
            return None
        since = max(run.ended_at, run.fell_at, host.undisturbed_since)
        return "its launcher" if now - since > CODE_IS_KNOWN_SECONDS else None

    def _is_collected(self, host: "Host", run: Run) -> bool:
        """Whether the launcher of a machine is the one to collect the exit code of a command whose keeper died."""
        return run.fell_to is not None and run.fell_to is host.life and run.is_recorded

    def _is_collected_soon(self, host: "Host", run: Run) -> bool:
        """Whether that launcher tells the code, if it is only given the time; one that was held up may take longer."""
        was_held_up = run.ended_at is None or host.undisturbed_since > max(run.ended_at, run.fell_at)
        since = host.undisturbed_since if was_held_up else float("-inf")
        return self._is_collected(host, run) and self._world.agenda.now - since > CODE_IS_KNOWN_SECONDS

    def _is_awaited(self, run: Run) -> bool:
        """Whether the runtime has yet to hear how an attempt ended."""
        job = rows(self._world.database, lambda tx: tx.jobs.get(JobId(run.job_id)))
        return job is not None and job.attempt == run.attempt and job.status in ("claimed", "running", "lost")

    def _is_interrupted(self, run: Run) -> bool:
        """A launcher that is interrupted while it drains stops what it runs."""
        return any(host.name == run.host and host.is_interrupted for host in self._world.hosts)

    def at_the_end(self) -> None:
        """Look at everything once more, now that nothing happens any longer."""
        database = self._world.database
        jobs = {job.id: job for job in every(database, "jobs", lambda tx, name: tx.jobs.get(JobId(name)))}
        for job_id in self._world.clients.accepted:
            if job_id not in jobs:
                self.find("P1", f"{job_id} was accepted and is not there")
        for job in jobs.values():
            self._is_true(job)
        self._ordered_once(jobs.values())
        for run in self._world.ledger.alive():
            self.find("P5", f"{run.living} of {run.key} still run on {run.host}")
        for row in rows(database, find_stuck, self._world.runtime_time()):
            self.find("stuck", f"{row.job_id or row.session_id}: {row.finding}")
        self._nothing_left_behind(jobs)
        for callback in every(database, "callbacks", lambda tx, name: tx.relatives.callbacks.get(CallbackId(name))):
            self._told_once(callback)

    def _ordered_once(self, jobs: Iterable[Job]) -> None:
        orders = [job.prompt_preview for job in jobs if job.prompt_preview.startswith("work ")]
        for order in sorted({order for order in orders if orders.count(order) > 1}):
            self.find("P1", f"{order!r} was ordered once, and there are {orders.count(order)} jobs of it")

    def _is_true(self, job: Job) -> None:
        run = self._world.ledger.of(job.id, job.attempt)
        if job.status not in TERMINAL:
            self.find("P1", f"{job.id} is '{job.status}' for ever")
        elif job.id in self._stopped_while_waiting:
            return
        elif not self._agrees(job, run) and not self._evidence_is_gone(job, run):
            what = "nothing" if run is None else f"'{run.how}' with code {run.exit_code} on {run.host}"
            self.find(
                "P3", f"{job.id}.{job.attempt} is '{job.status}' ({job.reason}, code {job.exit_code}); in truth: {what}"
            )
        elif run is not None and job.reason not in UNSEEN_ENDS and (wrong := wrong_record(job, run)) is not None:
            self.find("times", wrong)

    def _agrees(self, job: Job, run: Run | None) -> bool:
        """Tell whether a recorded outcome is what the ledger says."""
        if job.reason == "host_rebooted":
            return self._went_down(run)
        if run is None:
            is_in_doubt = f"{job.id}.{job.attempt}" in self._world.ledger.in_doubt
            never_ran = job.status is JobStatus.STOPPED or job.reason in ("spawn_failed", "launcher_lost")
            return never_ran or (job.reason == "shim_died" and is_in_doubt)
        # What a command left in writing is all that is known once its keeper has died, and its end is what it was.
        codes = {run.exit_code, run.left_code if run.is_alone else run.exit_code}
        ways = run.ways
        if run.agent_code is not None:
            # What our own command says of its agent counts, but a machine that went down may have lost it.
            codes = {run.agent_code, *(codes if self._lost_power_since(run) else ())}
        if job.status is JobStatus.COMPLETED:
            return "by itself" in ways and 0 in codes and (PROVED in run.prompt or not job.has_checks)
        if job.status is JobStatus.STOPPED:
            return "stopped_by_user" in ways
        match job.reason:
            case "nonzero_exit" | "quota_exhausted" | "model_unreachable":
                return "by itself" in ways and job.exit_code in codes and job.exit_code != 0
            case "unwitnessed":
                return "by itself" in ways and 0 in codes and job.has_checks
            case "signal":
                return "by itself" in ways and job.signal is not None and -job.signal in codes
            case "timed_out":
                return "timed_out" in ways
            case "shim_died":
                return run.is_alone
        return False

    def _lost_power_since(self, run: Run) -> bool:
        return any(host.name == run.host and host.boots > run.boot for host in self._world.hosts)

    def _went_down(self, run: Run | None) -> bool:
        """A command whose end a keeper had said in other words did not go down with its machine."""
        if run is None:
            return any(host.boots > 1 for host in self._world.hosts)
        host = next(host for host in self._world.hosts if host.name == run.host)
        return host.boots > run.boot and run.verdict is not None and run.verdict.get("reason") == "host_rebooted"

    def _evidence_is_gone(self, job: Job, run: Run | None) -> bool:
        """A machine that lost its files cannot say more than that its launcher was not heard of."""
        hosts = [host for host in self._world.hosts if run is None or host.name == run.host]
        return job.reason == "launcher_lost" and any(host.boots > 1 for host in hosts)

    def _nothing_left_behind(self, jobs: Mapping[JobId, Job]) -> None:
        for host in self._world.hosts:
            for key in host.keepers.holding():
                self.find("P3", f"{key} on {host.name} is in its keeper's hands for ever")
            for folder in (RunFolder(path, host.disk) for path in host.disk.folders(RUNS_DIR)):
                job_id, _, attempt = folder.key.rpartition(".")
                self._output_arrived(host, folder, int(attempt), jobs.get(JobId(job_id)))

    def _output_arrived(self, host: "Host", folder: RunFolder, attempt: int, job: Job | None) -> None:
        if job is None or job.status is not JobStatus.COMPLETED or job.attempt != attempt:
            return
        run = self._world.ledger.of(job.id, attempt)
        if run is not None and not run.is_said and self._lost_power_since(run):
            return  # What a disk that failed had not taken went with the power: that there was such an attempt, too.
        arrived = rows(self._world.database, lambda tx: tx.logs.end(job.id, job.attempt))
        if arrived < folder.output_bytes():
            self.find("P3", f"{folder.key} on {host.name} printed {folder.output_bytes()} bytes, {arrived} arrived")

    def _told_once(self, callback: Callback) -> None:
        mark = f'callback="{callback.id}"'
        turns = [run for run in self._world.ledger.runs if mark in run.prompt]
        told = [run for run in turns if run.went_well]
        if callback.state in (CallbackState.PENDING, CallbackState.DELIVERED):
            self.find("P6", f"{callback.id} of {callback.child_session_name} is '{callback.state}' for ever")
        is_told_by_us = callback.state is CallbackState.CONSUMED and callback.state_reason is None
        if is_told_by_us and not any(run.may_count_as_well for run in turns):
            self.find("P6", f"{callback.id} counts as told, and no turn of its parent has read it")
        # It is told again only after a turn that may not have read it; who knows that it was read says no more.
        if not all(self._may_have_missed_it(run) for run in told[:-1]):
            self.find("P6", f"{callback.id} was told {len(told)} times: {[run.key for run in told]}")

    def _may_have_missed_it(self, run: Run) -> bool:
        """Whether nobody could know that a turn went well, or somebody wanted it once more."""
        is_unknown = run.verdict is not None and run.verdict.get("reason") in UNKNOWN_ENDS
        return is_unknown or run.job_id in self._given_up or run.job_id in self._world.clients.retried


def _code_in(verdict: JsonObject) -> int | None:
    code = verdict.get("exit_code")
    return code if isinstance(code, int) else None
