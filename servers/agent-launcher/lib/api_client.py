"""The launcher's calls to the Agent Runtime."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from lib.errors import CallFailed, CallMissing, CallRejected, LauncherUnknown, Superseded
from lib.wire.http_client import CALL_SECONDS, CONNECT_SECONDS, HttpClient
from lib.wire.models import (
    HeartbeatAnswer,
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


class TokenSource:
    """Finds the token: the environment's, else the runtime's token file, which may appear or change later."""

    def __init__(self, token: str | None, token_file: Path) -> None:
        self._fixed = token
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

    def refused(self) -> None:
        """Read the file again for the next call: the runtime did not take the token."""
        with self._lock:
            self._is_read = False

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


class ApiClient:
    """One method per call; answers are read, errors are sorted into those that pass and those that are final.

    What the runtime does not know is left out (CallMissing), or said in words that it knows.
    """

    def __init__(self, client: HttpClient, tokens: TokenSource, *, poll_timeout: float = 30.0) -> None:
        self._tokens = tokens
        self._poll_timeout = poll_timeout
        self._client = client
        self._vocabulary = Vocabulary()

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
        self._report(launcher_id, job_id, "started", job, {})

    def report_completed(
        self, launcher_id: str, job_id: str, job: Job | None = None, report: Report | None = None
    ) -> None:
        """Report exit code 0."""
        self._report(launcher_id, job_id, "completed", job, {"status": "success", **_details(report)})

    def report_failed(
        self, launcher_id: str, job_id: str, error: str, job: Job | None = None, report: Report | None = None
    ) -> None:
        """Report any other end, with the sentence that says why."""
        self._report(launcher_id, job_id, "failed", job, {**_details(report), "error": error})

    def report_stopped(
        self, launcher_id: str, job_id: str, job: Job | None = None, report: Report | None = None
    ) -> None:
        """Report an end that we were asked for."""
        try:
            self._report(launcher_id, job_id, "stopped", job, _details(report))
        except CallMissing:
            self._report(launcher_id, job_id, "failed", job, {"error": _STOPPED, **_details(report)})

    def report_declined(self, launcher_id: str, job: Job, reason: str, error: str) -> None:
        """Give a claim back of which nothing ran."""
        told: JsonObject = {"reason": reason, "error": error}
        try:
            self._report(launcher_id, job.job_id, "declined", job, told)
        except CallMissing:
            # Nobody else would ever know that it does not run.
            self._report(launcher_id, job.job_id, "failed", job, told)

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

    def forget(self, launcher_id: str) -> None:
        """Say goodbye; the last call of a clean exit."""
        self._call("forget", "DELETE", f"/launchers/{launcher_id}")

    def _report(self, launcher_id: str, job_id: str, verb: str, job: Job | None, details: JsonObject) -> None:
        body: JsonObject = {"launcher_id": launcher_id, **details}
        if job is not None and job.attempt is not None:
            body["attempt"] = job.attempt
        if job is not None and job.token is not None:
            body["token"] = job.token
        self._call(verb, "POST", f"/launcher/jobs/{job_id}/{verb}", body=body)

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
            raise CallFailed(f"cannot reach the runtime: {method} {path}: {error or type(error).__name__}") from error
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._tokens.refused()
        return self._read_answer(verb, f"{method} {path}", response)

    def _read_answer(self, verb: str, call: str, response: httpx.Response) -> JsonObject:
        told = _read_object(response)
        if 200 <= response.status_code < 300:
            return _read_success(call, response, told)
        detail = text_of(told or {}, "detail") or _kind(response)
        sentence = f"the runtime answered {call} with {response.status_code}: {detail}"
        code = text_of(told or {}, "code")
        if told is None or code is None:
            raise _without_code(self._vocabulary.meaning_of(verb, response.status_code, told), sentence, response)
        raise _with_code(code, sentence, response, told)


def _details(report: Report | None) -> JsonObject:
    return report.details() if report is not None else {}


def _read_success(call: str, response: httpx.Response, told: JsonObject | None) -> JsonObject:
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    if told is None:
        raise CallFailed(
            f"cannot use the answer to {call}: a JSON object was expected, found {_kind(response)}",
            status=response.status_code,
        )
    return told


def _without_code(meaning: Meaning, sentence: str, response: httpx.Response) -> CallFailed:
    status = response.status_code
    match meaning:
        case Meaning.PASSES:
            return CallFailed(sentence, status=status)
        case Meaning.WE_ARE_UNKNOWN:
            return LauncherUnknown(sentence, status=status)
        case Meaning.CALL_IS_MISSING:
            return CallMissing(sentence, status=status)
        case Meaning.IS_FINAL:
            return CallRejected(sentence, status=status, code="no_code")


def _with_code(code: str, sentence: str, response: httpx.Response, told: JsonObject) -> CallFailed:
    status = response.status_code
    if not 400 <= status < 500 or status in PASSING_STATUSES:
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
        return PollAnswer(tuple(Job.from_json(item) for item in told), texts_of(answer, "stop_jobs"))
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
