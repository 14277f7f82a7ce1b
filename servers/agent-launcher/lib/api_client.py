"""The launcher's calls to the Agent Runtime."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lib.errors import CallFailed, CallMissing, CallRejected, LauncherUnknown, Superseded
from lib.wire.advice import advice
from lib.wire.http_client import CALL_SECONDS, CONNECT_SECONDS, HttpClient
from lib.wire.models import (
    HeartbeatAnswer,
    Inquiry,
    Job,
    Json,
    JsonObject,
    PollAnswer,
    RegistrationResponse,
    Report,
    dropped_of,
    integer_of,
    objects_of,
    text_of,
    texts_of,
)
from lib.wire.quick_httpx import httpx
from lib.wire.vocabulary import PASSING_STATUSES, Meaning, Vocabulary

POLL_EXTRA_SECONDS = 10.0
_STOPPED = "stopped as the runtime asked"
_STOPPED = "stopped as the runtime asked"


class TokenSource:
    """Finds the token: the environment's, else the runtime's token file, which may appear or change later."""

    def __init__(self, token: str | None, token_file: Path) -> None:
        self._fixed = token or None
        self._file = token_file
        self._lock = threading.Lock()
        self._read: str | None = None
        self._is_read = False

    def token(self) -> str | None:
        if self._fixed is not None:
            return self._fixed
        with self._lock:
            if not self._is_read:
                self._read, self._is_read = self._read_file(), True
            return self._read

    def refused(self) -> str:
        """Read the file again for the next call, as the runtime did not take the token, and say which one that was."""
        with self._lock:
            was_read, self._is_read = self._read, False
        if self._fixed is not None:
            return "it does not accept the token in AGENT_RUNTIME_TOKEN (set that to the runtime's own, or unset it)"
        what = "the token" if was_read else "a call without a token, and there is none"
        return f"it does not accept {what} in '{self._file}' (copy the runtime's there, or set AGENT_RUNTIME_TOKEN)"

    def _read_file(self) -> str | None:
        try:
            return self._file.read_text("ascii").strip() or None
        except (OSError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a poll asks for beyond its launcher id; None and 0 leave the choice to the runtime."""

    epoch: int | None = None
    slots: int | None = None
    wait_seconds: float | None = None
    batch: int = 0
    refuse: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be said of one attempt: in which call, and with which details."""

    job: Job
    call: str
    details: JsonObject = field(default_factory=dict)

    @staticmethod
    def of_end(job: Job, report: Report) -> Said:
        """Say how an attempt ended."""
        status: JsonObject = {"status": "success"} if report.outcome == "completed" else {}
        return Said(job, report.outcome, {**status, **report.details()})

    @property
    def path(self) -> str:
        return f"/launcher/jobs/{self.job.job_id}/{self.call}"

    @property
    def body(self) -> JsonObject:
        proof: JsonObject = {"attempt": self.job.attempt, "token": self.job.token}
        return {**self.details, **{name: value for name, value in proof.items() if value is not None}}

    def judge(self, answer: JsonObject) -> CallFailed | None:
        """Judge the answer to this one of several as the answer to a call of its own."""
        status, body = integer_of(answer, "status") or 0, answer.get("body")
        told = body if isinstance(body, dict) else {}
        if 200 <= status < 300:
            return None
        sentence = f"the runtime answered POST {self.path} with {status}: {text_of(told, 'detail')}"
        return _with_code(text_of(told, "code") or "", sentence, status, told)


class ApiClient:
    """One method per call; answers are read, errors are sorted into those that pass and those that are final.

    What the runtime does not know is left out (CallMissing), or said in words that it knows.
    """

    def __init__(
        self, client: HttpClient, tokens: TokenSource, *, runtime_url: str = "", poll_timeout: float = 30.0
    ) -> None:
        self._runtime_url = runtime_url
        self._tokens = tokens
        self._poll_timeout = poll_timeout
        self._client = client
        self._vocabulary = Vocabulary()
        self._report_endpoint: str | None = None

    def close(self) -> None:
        self._client.close()

    def register(self, about: JsonObject | None = None) -> RegistrationResponse:
        """Say who we are and what we hold."""
        answer = self._call("register", "POST", "/launcher/register", body=about or {})
        try:
            registered = RegistrationResponse.from_json(answer)
        except ValueError as error:
            raise CallFailed(str(error)) from error
        self._vocabulary.registered(registered.epoch)
        self._report_endpoint = registered.report_endpoint
        return registered

    def poll_job(self, launcher_id: str) -> Job | None:
        """Wait for one job; None if there was none."""
        answer = self.poll(launcher_id, Wanted())
        return answer.jobs[0] if answer.jobs else None

    def poll(self, launcher_id: str, wanted: Wanted) -> PollAnswer:
        """Wait for jobs to start or to stop; an empty answer after the wait."""
        asked: dict[str, str | int | float] = {"launcher_id": launcher_id}
        if wanted.epoch is not None:
            asked["epoch"] = wanted.epoch
        if wanted.slots is not None:
            asked["slots"] = wanted.slots
        if wanted.batch > 1:
            asked["batch"] = wanted.batch
        if wanted.refuse is not None:
            asked["refuse"] = wanted.refuse
        wait = self._poll_timeout if wanted.wait_seconds is None else wanted.wait_seconds
        asked["wait"] = wait
        answer = self._call("poll", "GET", "/launcher/jobs", params=asked, limit_seconds=wait + POLL_EXTRA_SECONDS)
        return _read_poll(answer)

    def report_started(self, launcher_id: str, job_id: str, job: Job | None = None) -> None:
        """Ask for the right to run; only a return without an error is that right."""
        self._say(launcher_id, Said(job or _named(job_id), "started"))

    def report_completed(
        self, launcher_id: str, job_id: str, job: Job | None = None, report: Report | None = None
    ) -> None:
        """Report exit code 0."""
        self._say(launcher_id, Said.of_end(job or _named(job_id), report or Report("completed")))

    def report_failed(
        self, launcher_id: str, job_id: str, error: str, job: Job | None = None, report: Report | None = None
    ) -> None:
        """Report any other end, with the sentence that says why."""
        told = replace(report or Report("failed"), error=error)
        self._say(launcher_id, Said.of_end(job or _named(job_id), told))

    def report_declined(self, launcher_id: str, job: Job, reason: str, error: str) -> None:
        """Give a claim back of which nothing ran."""
        self._say(launcher_id, Said(job, "declined", {"reason": reason, "error": error}))

    def report_all(self, launcher_id: str, all_said: Sequence[Said]) -> list[CallFailed | None]:
        """Say what is to be said of several attempts, together where the runtime takes that.

        Shape:   for each, None if the runtime took it, else what a call of its own would have raised.
        """
        together = self._report_together(launcher_id, all_said) if len(all_said) > 1 else None
        return self._report_each(launcher_id, all_said) if together is None else together

    def upload_log(self, launcher_id: str, job: Job, offset: int, chunk: bytes, *, is_jump: bool = False) -> int:
        """Send a piece of output and return the offset that the runtime now expects.

        Errors:  CallRejected with the right `offset`, if ours was wrong.
        """
        headers = {"Content-Type": "application/octet-stream", "X-Launcher-Id": launcher_id}
        headers["X-Job-Attempt"] = str(job.attempt_number)
        if job.token:
            headers["X-Job-Token"] = job.token
        if is_jump:
            headers["X-Log-Skip"] = "1"
        path = f"/launcher/jobs/{job.job_id}/log"
        answer = self._call("log", "POST", path, params={"offset": offset}, content=chunk, headers=headers)
        told = integer_of(answer, "offset")
        return offset + len(chunk) if told is None else told

    def heartbeat(self, launcher_id: str, about: JsonObject | None = None) -> HeartbeatAnswer:
        """Say that we live and what we hold."""
        body: JsonObject = {"launcher_id": launcher_id, **(about or {})}
        answer = self._call("heartbeat", "POST", "/launcher/heartbeat", body=body)
        return HeartbeatAnswer(texts_of(answer, "stop_jobs"), dropped_of(answer))

    def answer_inquiry(self, launcher_id: str, inquiry_id: str, answer: JsonObject) -> None:
        """Answer what a poll asked."""
        body: JsonObject = {"launcher_id": launcher_id, **answer}
        self._call("inquiries", "POST", f"/launcher/inquiries/{inquiry_id}", body=body)

    def forget(self, launcher_id: str) -> None:
        """Say goodbye; the last call of a clean exit."""
        self._call("forget", "DELETE", f"/launchers/{launcher_id}")

    def _say(self, launcher_id: str, said: Said) -> None:
        body: JsonObject = {"launcher_id": launcher_id, **said.body}
        try:
            self._call(said.call, "POST", said.path, body=body)
        except CallMissing:
            # Nobody else would ever know that it does not run.
            self._call("failed", "POST", replace(said, call="failed").path, body={"error": _STOPPED, **body})

    def _report_each(self, launcher_id: str, all_said: Sequence[Said]) -> list[CallFailed | None]:
        answers: list[CallFailed | None] = []
        for said in all_said:
            try:
                self._say(launcher_id, said)
            except CallFailed as error:
                if error.status is None:
                    # Nobody is there: no use in waiting as long again for each of the others.
                    return [*answers, *[error] * (len(all_said) - len(answers))]
                answers.append(error)
            else:
                answers.append(None)
        return answers

    def _report_together(self, launcher_id: str, all_said: Sequence[Said]) -> list[CallFailed | None] | None:
        """Say it in one call; None if each needs a call of its own."""
        if self._report_endpoint is None:
            return None
        reports: list[Json] = [{**said.body, "call": said.call, "job_id": said.job.job_id} for said in all_said]
        try:
            body: JsonObject = {"launcher_id": launcher_id, "reports": reports}
            answer = self._call("reports", "POST", self._report_endpoint, body=body)
        except CallFailed as error:
            # If it was answered, one of them may be what the runtime does not take: it shall not be in the way.
            return [error] * len(all_said) if error.status is None else None
        answers = objects_of(answer, "answers")
        if len(answers) != len(all_said):
            return None
        return [said.judge(told) for said, told in zip(all_said, answers, strict=True)]

    def _call(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        body: JsonObject | None = None,
        content: bytes | None = None,
        params: dict[str, str | int | float] | None = None,
        headers: dict[str, str] | None = None,
        limit_seconds: float = CALL_SECONDS,
    ) -> JsonObject:
        if self._vocabulary.lacks(verb):
            raise CallMissing(f"this runtime does not have the call {method} {path}")
        limits = httpx.Timeout(limit_seconds, connect=CONNECT_SECONDS)
        all_headers = dict(headers or {})
        if (token := self._tokens.token()) is not None:
            all_headers["Authorization"] = f"Bearer {token}"
        try:
            response = self._client.request(
                method, path, json=body, content=content, params=params, headers=all_headers, timeout=limits
            )
        except httpx.HTTPError as error:
            sentence = f"cannot reach the runtime: {method} {path}: {error or type(error).__name__}"
            raise CallFailed(f"{sentence} ({advice(self._runtime_url, error)})") from error
        return self._read_answer(verb, f"{method} {path}", response)

    def _read_answer(self, verb: str, call: str, response: httpx.Response) -> JsonObject:
        status, told = response.status_code, _read_object(response)
        if 200 <= status < 300:
            return _read_success(call, response, told)
        code, detail = text_of(told or {}, "code"), text_of(told or {}, "detail") or _kind(response)
        if status == httpx.codes.UNAUTHORIZED:
            refused = self._tokens.refused()
            detail = refused if code is not None else detail
        sentence = f"the runtime answered {call} with {status}: {detail}"
        if told is None or code is None:
            raise _without_code(self._vocabulary.meaning_of(verb, status, told), sentence, status)
        raise _with_code(code, sentence, status, told)


def _named(job_id: str) -> Job:
    """Stand for a job of which only the id is known."""
    return Job(job_id, "", "")


def _read_success(call: str, response: httpx.Response, told: JsonObject | None) -> JsonObject:
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    if told is None:
        raise CallFailed(
            f"cannot use the answer to {call}: a JSON object was expected, found {_kind(response)}",
            status=response.status_code,
        )
    return told


def _without_code(meaning: Meaning, sentence: str, status: int) -> CallFailed:
    match meaning:
        case Meaning.PASSES:
            return CallFailed(sentence, status=status)
        case Meaning.WE_ARE_UNKNOWN:
            return LauncherUnknown(sentence, status=status)
        case Meaning.CALL_IS_MISSING:
            return CallMissing(sentence, status=status)
        case Meaning.IS_FINAL:
            return CallRejected(sentence, status=status, code="no_code")


def _with_code(code: str, sentence: str, status: int, told: JsonObject) -> CallFailed:
    if not code or not 400 <= status < 500 or status in PASSING_STATUSES:
        return CallFailed(sentence, status=status)
    if code == "launcher_unknown":
        return LauncherUnknown(sentence, status=status)
    if code == "superseded":
        return Superseded(sentence, status=status)
    return CallRejected(sentence, status=status, code=code, offset=integer_of(told, "offset"))


def _read_poll(answer: JsonObject) -> PollAnswer:
    told = list(objects_of(answer, "jobs"))
    single = answer.get("job")
    if not told and isinstance(single, dict):
        told = [single]
    try:
        inquiries = tuple(Inquiry.from_json(item) for item in objects_of(answer, "inquiries"))
        return PollAnswer(tuple(Job.from_json(item) for item in told), texts_of(answer, "stop_jobs"), inquiries)
    except ValueError as error:
        raise CallFailed(str(error)) from error


def _read_object(response: httpx.Response) -> JsonObject | None:
    try:
        told: Json = response.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _kind(response: httpx.Response) -> str:
    return f"{response.headers.get('content-type', 'no content type')!r}, {len(response.content)} bytes"
