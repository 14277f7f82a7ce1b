"""The launcher's calls to the Agent Runtime."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from lib.errors import CallFailed, CallRejected, LauncherUnknown, Superseded
from lib.wire.advice import advice
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

POLL_EXTRA_SECONDS = 10.0
# A proxy or a missing credential may answer these too, and both may be mended: they never end anything.
_PASSING_STATUSES = (401, 403, 407, 408, 425, 429)


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


class ApiClient:
    """One method per call; answers are read, errors are sorted into those that pass and those that are final."""

    def __init__(
        self, client: HttpClient, tokens: TokenSource, *, runtime_url: str = "", poll_timeout: float = 30.0
    ) -> None:
        self._runtime_url = runtime_url
        self._tokens = tokens
        self._poll_timeout = poll_timeout
        self._client = client

    def close(self) -> None:
        self._client.close()

    def register(self, about: JsonObject | None = None) -> RegistrationResponse:
        """Say who we are and what we hold."""
        answer = self._call("POST", "/launcher/register", body=about or {})
        try:
            return RegistrationResponse.from_json(answer)
        except ValueError as error:
            raise CallFailed(str(error)) from error

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
        answer = self._call("GET", "/launcher/jobs", params=asked, limit_seconds=wait + POLL_EXTRA_SECONDS)
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
        self._report(launcher_id, job_id, "stopped", job, _details(report))

    def report_declined(self, launcher_id: str, job: Job, reason: str, error: str) -> None:
        """Give a claim back of which nothing ran."""
        self._report(launcher_id, job.job_id, "declined", job, {"reason": reason, "error": error})

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
        answer = self._call("POST", path, params={"offset": offset}, content=chunk, headers=headers)
        told = integer_of(answer, "offset")
        return offset + len(chunk) if told is None else told

    def heartbeat(self, launcher_id: str, about: JsonObject | None = None) -> HeartbeatAnswer:
        """Say that we live and what we hold."""
        answer = self._call("POST", "/launcher/heartbeat", body={"launcher_id": launcher_id, **(about or {})})
        return HeartbeatAnswer(texts_of(answer, "stop_jobs"), dropped_of(answer))

    def forget(self, launcher_id: str) -> None:
        """Say goodbye; the last call of a clean exit."""
        self._call("DELETE", f"/launchers/{launcher_id}")

    def _report(self, launcher_id: str, job_id: str, verb: str, job: Job | None, details: JsonObject) -> None:
        body: JsonObject = {"launcher_id": launcher_id, **details}
        if job is not None and job.attempt is not None:
            body["attempt"] = job.attempt
        if job is not None and job.token is not None:
            body["token"] = job.token
        self._call("POST", f"/launcher/jobs/{job_id}/{verb}", body=body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: JsonObject | None = None,
        content: bytes | None = None,
        params: dict[str, str | int | float] | None = None,
        headers: dict[str, str] | None = None,
        limit_seconds: float = CALL_SECONDS,
    ) -> JsonObject:
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
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise CallFailed(
                f"the runtime answered {method} {path} with 401: {self._tokens.refused()}", status=response.status_code
            )
        return _read_answer(f"{method} {path}", response)


def _details(report: Report | None) -> JsonObject:
    return report.details() if report is not None else {}


def _read_answer(call: str, response: httpx.Response) -> JsonObject:
    status = response.status_code
    if status == httpx.codes.NO_CONTENT:
        return {}
    told = _read_object(response)
    if 200 <= status < 300:
        if told is None:
            raise CallFailed(
                f"cannot use the answer to {call}: a JSON object was expected, found {_kind(response)}", status=status
            )
        return told
    detail = text_of(told or {}, "detail") or _kind(response)
    sentence = f"the runtime answered {call} with {status}: {detail}"
    code = text_of(told or {}, "code")
    if told is None or code is None or status >= 500 or status < 400 or status in _PASSING_STATUSES:
        raise CallFailed(sentence, status=status)
    if code == "launcher_unknown":
        raise LauncherUnknown(sentence, status=status)
    if code == "superseded":
        raise Superseded(sentence, status=status)
    raise CallRejected(sentence, status=status, code=code, offset=integer_of(told, "offset"))


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
