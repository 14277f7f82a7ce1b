"""A one-job launcher: by it a job typed by a person is as visible, stoppable and truthful as one from the queue."""

import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError
from runtime_client.launcher_calls import Attempt, PollAnswer, Registration
from runtime_client.models import ClaimedJob, Job, JobOrder
from runtime_client.retry import Backoff, Retry
from runtime_client.wire import Json, JsonObject

NAME = "ao-start"
NOT_MINE = "a command in the foreground runs only its own job"
PAUSE_AFTER_DECLINING_SECONDS = 1.0
REPORT_SECONDS = 600.0


@dataclass(frozen=True)
class Report:
    """How the one job stands, as the runtime is to record it.

    Shape:   `verb` is `started`, `completed`, `failed` or `stopped`.
    """

    verb: str
    facts: JsonObject


class ForegroundLauncher:
    """Registers, takes its own job and no other, keeps in touch while it runs, reports, and leaves.

    Shape:   the order of calls is `submit`, `claim`, `start`, `report`; `leave` is right at any time, and the last.
             `on_stop` is called from another thread, once, when the runtime asks for the job to be stopped. `clients`
             is what can run here, for an order that names no agent.
    """

    def __init__(
        self,
        client: RuntimeClient,
        host: str,
        on_stop: Callable[[], None],
        warn: Callable[[str], None],
        clients: list[Json] | None = None,
    ) -> None:
        self._client = client
        self._host = host
        self._on_stop = on_stop
        self._warn = warn
        self._clients = clients
        self._over = threading.Event()
        self._interrupted = threading.Event()
        self._stop_seen = threading.Event()
        self._registration: Registration | None = None
        self._job: Job | None = None
        self._attempt: Attempt | None = None
        self._began: float | None = None

    def submit(self, order: JobOrder) -> Job:
        """Register, and create the job that only this launcher may take.

        Errors:  RuntimeClientError.
        """
        self._registration = self._client.launcher.register(
            {**_introduction(self._host), **({} if self._clients is None else {"clients": self._clients})}
        )
        order = replace(order, launcher_id=self._registration.launcher_id)
        self._job = self._client.create_job(order)
        return self._job

    def claim(self) -> ClaimedJob | None:
        """Wait until the job may run, and take it; None if it was stopped while it waited.

        Errors:  RuntimeClientError, if the runtime refuses for good.
        """
        job, _ = self._submitted()
        while not self._interrupted.is_set():
            answer = self._poll_for_job()
            if answer is None:
                return None
            if answer.job is not None and answer.job.job_id == job.job_id:
                return self._take(answer.job)
            if self._is_over(job, answer):
                return None
            self._warn_that_it_waits(job)
        return None

    def start(self) -> bool:
        """Ask for leave to begin; false if the job was stopped in the meantime. Then keep in touch.

        Errors:  RuntimeClientError.
        """
        attempt = self._claimed()
        if self._interrupted.is_set():
            return False
        try:
            self._deliver(attempt, Report("started", {}))
        except RefusedError as error:
            self._attempt = None
            if error.http_status == 409:
                return False
            raise
        self._began = time.monotonic()
        for work in (self._listen_for_stop, self._send_heartbeats):
            threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True).start()
        return True

    def report(self, report: Report) -> None:
        """Report how the job ended, through outages of up to REPORT_SECONDS.

        Errors:  RuntimeClientError.
        """
        attempt = self._claimed()
        # Taken now: the runtime may be away for long before it hears of this.
        ran = {} if self._began is None else {"run_seconds": round(time.monotonic() - self._began, 3)}
        self._deliver(attempt, replace(report, facts={**report.facts, **ran}))
        self._attempt = None
        self._job = None

    def interrupt(self) -> None:
        """End every wait of this launcher soon: a person pressed Ctrl+C."""
        self._interrupted.set()

    def leave(self) -> None:
        """Withdraw the job if it never began, and say goodbye; what fails here is the runtime's to notice."""
        self._over.set()
        for farewell in (self._withdraw, self._say_goodbye):
            try:
                farewell()
            except RuntimeClientError as error:
                self._warn(f"cannot leave the runtime properly: {error}")

    def _poll_for_job(self) -> PollAnswer | None:
        """Poll through outages of any length; None if the wait for the runtime was interrupted."""
        _, registration = self._submitted()
        try:
            return Retry(self._interrupted.wait).call(
                lambda: self._client.launcher.poll(registration, slots=1, wait_seconds=registration.poll_seconds),
                lambda error, _: self._warn(f"waiting for the runtime: {error}"),
            )
        except RuntimeClientError as error:
            if error.is_passing:
                return None
            raise

    def _take(self, claimed: ClaimedJob) -> ClaimedJob:
        _, registration = self._submitted()
        self._attempt = Attempt(registration.launcher_id, claimed.job_id, claimed.attempt, claimed.token)
        return claimed

    def _is_over(self, job: Job, answer: PollAnswer) -> bool:
        """Give back a job that is not ours, and return whether ours has ended while it waited."""
        _, registration = self._submitted()
        if answer.job is not None:
            other = Attempt(registration.launcher_id, answer.job.job_id, answer.job.attempt, answer.job.token)
            self._client.launcher.report(other, "declined", {"reason": "not_mine", "error": NOT_MINE})
            self._interrupted.wait(PAUSE_AFTER_DECLINING_SECONDS)
        return self._client.job(job.job_id).status in {"stopped", "failed", "completed"}

    def _warn_that_it_waits(self, job: Job) -> None:
        now = self._client.job(job.job_id)
        if now.status == "pending" and (now.reason_detail or now.reason):
            self._warn(f"job {job.job_id!r} waits: {now.reason_detail or now.reason}")

    def _listen_for_stop(self) -> None:
        _, registration = self._submitted()
        backoff = Backoff()
        while not self._over.is_set():
            try:
                answer = self._client.launcher.poll(registration, slots=0, wait_seconds=registration.poll_seconds)
                self._obey(answer.stop_jobs)
                backoff.reset()
            except RuntimeClientError as error:
                self._register_again_if_unknown(error)
                self._over.wait(backoff.next_seconds())

    def _send_heartbeats(self) -> None:
        while not self._over.wait(self._submitted()[1].heartbeat_seconds):
            try:
                self._obey(self._client.launcher.heartbeat(self._submitted()[1], self._attempt))
            except RuntimeClientError as error:
                self._register_again_if_unknown(error)

    def _obey(self, stop_jobs: tuple[str, ...]) -> None:
        attempt = self._attempt
        if attempt is not None and attempt.job_id in stop_jobs and not self._stop_seen.is_set():
            self._stop_seen.set()
            self._on_stop()

    def _register_again_if_unknown(self, error: RuntimeClientError) -> None:
        if error.code != "launcher_unknown" or self._registration is None or self._over.is_set():
            return
        try:
            introduction = _introduction(self._host, self._registration.launcher_id, self._attempt)
            self._registration = self._client.launcher.register(introduction)
        except RuntimeClientError as failure:
            self._warn(f"cannot register again: {failure}")

    def _deliver(self, attempt: Attempt, report: Report) -> None:
        """Report through an outage; Ctrl+C or the time's end makes the last error final."""
        Retry(self._interrupted.wait, limit_seconds=REPORT_SECONDS, most_seconds=10.0).call(
            lambda: self._client.launcher.report(attempt, report.verb, report.facts)
        )

    def _withdraw(self) -> None:
        if self._job is not None and (self._attempt is None or self._interrupted.is_set()):
            self._client.stop_job(self._job.job_id)

    def _say_goodbye(self) -> None:
        if self._registration is not None:
            self._client.launcher.leave(self._registration.launcher_id)

    def _submitted(self) -> tuple[Job, Registration]:
        if self._job is None or self._registration is None:
            raise AssertionError("submit() comes first")
        return self._job, self._registration

    def _claimed(self) -> Attempt:
        if self._attempt is None:
            raise AssertionError("claim() comes first")
        return self._attempt


def _introduction(host: str, launcher_id: str | None = None, attempt: Attempt | None = None) -> JsonObject:
    introduction: dict[str, Json] = {
        "name": NAME,
        "hostname": host,
        "max_jobs": 1,
        "labels": {},
        "only_own_jobs": True,
        "holding": [] if attempt is None else [attempt.as_holding()],
    }
    if launcher_id is not None:
        introduction["launcher_id"] = launcher_id
    if (boot_id := _boot_id()) is not None:
        introduction["boot_id"] = boot_id
    return introduction


def _boot_id() -> str | None:
    if platform.system() != "Linux":
        return None
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
