"""The few calls by which a command typed by a person stands in for a launcher, for its one job."""

from dataclasses import dataclass, field
from urllib.parse import quote

from runtime_client.errors import NotTheRuntimeError
from runtime_client.models import ClaimedJob
from runtime_client.transport import Call, Transport
from runtime_client.wire import Json, JsonObject, as_object, integer, optional_number, text, texts

POLL_MARGIN_SECONDS = 10.0


@dataclass(frozen=True)
class Registration:
    """What the runtime answers to a launcher that introduces itself."""

    launcher_id: str
    epoch: int
    poll_seconds: float
    heartbeat_seconds: float


@dataclass(frozen=True)
class PollAnswer:
    """What a poll brought: at most one job, and the jobs that must stop."""

    job: ClaimedJob | None = None
    stop_jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One attempt of a job in the hands of one launcher."""

    launcher_id: str
    job_id: str
    attempt: int | None
    token: str | None = field(repr=False)

    def as_json(self) -> dict[str, Json]:
        """Return the fields by which the runtime knows that this attempt is the current one."""
        proof: dict[str, Json] = {"launcher_id": self.launcher_id}
        if self.attempt is not None:
            proof["attempt"] = self.attempt
        if self.token is not None:
            proof["token"] = self.token
        return proof

    def as_holding(self) -> dict[str, Json]:
        """Return how a heartbeat names this attempt."""
        return {"job_id": self.job_id, "attempt": self.attempt, "token": self.token}


class LauncherCalls:
    """Register, poll, start, report, leave.

    Errors:  every method may raise RuntimeClientError.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def register(self, introduction: JsonObject) -> Registration:
        """Introduce a launcher."""
        answer = self._transport.send_for_json(Call("POST", "/launcher/register", body=introduction))
        try:
            return Registration(
                launcher_id=text(answer, "launcher_id"),
                epoch=integer(answer, "epoch"),
                poll_seconds=optional_number(answer, "poll_timeout_seconds") or 30.0,
                heartbeat_seconds=optional_number(answer, "heartbeat_interval_seconds") or 60.0,
            )
        except ValueError as cause:
            raise NotTheRuntimeError(f"cannot understand the answer to 'POST /launcher/register': {cause}") from cause

    def poll(self, registration: Registration, *, slots: int, wait_seconds: float) -> PollAnswer:
        """Wait for a job or for the order to stop one."""
        parameters = {
            "launcher_id": registration.launcher_id,
            "epoch": str(registration.epoch),
            "slots": str(slots),
            "wait": str(wait_seconds),
        }
        call = Call("GET", "/launcher/jobs", parameters=parameters, read_seconds=wait_seconds + POLL_MARGIN_SECONDS)
        answer = self._transport.send(call)
        return PollAnswer() if answer.http_status == 204 else _read_poll(self._transport.parsed(call, answer))

    def heartbeat(self, registration: Registration, attempt: Attempt | None) -> tuple[str, ...]:
        """Say that this launcher lives and what it holds; return the jobs that must stop."""
        body: JsonObject = {
            "launcher_id": registration.launcher_id,
            "epoch": registration.epoch,
            "holding": [] if attempt is None else [attempt.as_holding()],
        }
        return texts(self._transport.send_for_json(Call("POST", "/launcher/heartbeat", body=body)), "stop_jobs")

    def report(self, attempt: Attempt, verb: str, facts: JsonObject) -> None:
        """Report `started`, `completed`, `failed`, `stopped` or `declined` for an attempt."""
        path = f"/launcher/jobs/{quote(attempt.job_id, safe='')}/{verb}"
        self._transport.send(Call("POST", path, body={**facts, **attempt.as_json()}))

    def leave(self, launcher_id: str) -> None:
        """Say goodbye."""
        self._transport.send(Call("DELETE", f"/launchers/{quote(launcher_id, safe='')}"))


def _read_poll(answer: JsonObject) -> PollAnswer:
    job = answer.get("job")
    try:
        claimed = None if job is None else ClaimedJob.read(as_object(job, "job"))
        return PollAnswer(claimed, texts(answer, "stop_jobs"))
    except ValueError as cause:
        raise NotTheRuntimeError(f"cannot understand the answer to 'GET /launcher/jobs': {cause}") from cause
