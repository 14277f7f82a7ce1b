"""The values that go over the wire, read tolerantly: what a runtime of another age leaves out has a default."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from lib.keeper.words import Json as Json
from lib.keeper.words import JsonObject as JsonObject

# A job's id becomes the name of a folder, so nothing else may be in it.
_JOB_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")


@dataclass(frozen=True, slots=True)
class Job:
    """One claim: a job, and this launcher's right to one attempt of it."""

    job_id: str
    type: str
    session_name: str
    agent_name: str | None = None
    prompt: str | None = None
    project_dir: str | None = None
    session_id: str | None = None
    parent_session_name: str | None = None
    attempt: int | None = None
    token: str | None = None
    session_token: str | None = None
    timeout_seconds: float | None = None
    stop_grace_seconds: float | None = None
    output_limit_bytes: float | None = None
    traceparent: str | None = None

    @property
    def attempt_number(self) -> int:
        """The number that names the run directory; 0 for a runtime that does not count attempts."""
        return self.attempt or 0

    @classmethod
    def from_json(cls, told: JsonObject) -> Job:
        """Read a job from the wire.

        Errors:  ValueError, if it has no usable `job_id`, `type` or `session_name`.
        """
        return cls(
            job_id=_identifier(told, "job_id"),
            type=_required(told, "type"),
            session_name=_required(told, "session_name"),
            agent_name=text_of(told, "agent_name"),
            prompt=text_of(told, "prompt"),
            project_dir=_below_home(text_of(told, "project_dir")),
            session_id=text_of(told, "session_id"),
            parent_session_name=text_of(told, "parent_session_name"),
            attempt=integer_of(told, "attempt"),
            token=text_of(told, "token"),
            session_token=text_of(told, "session_token"),
            timeout_seconds=number_of(told, "timeout_seconds"),
            stop_grace_seconds=number_of(told, "stop_grace_seconds"),
            output_limit_bytes=number_of(told, "output_limit_bytes"),
            traceparent=text_of(told, "traceparent"),
        )

    def to_json(self) -> JsonObject:
        """Write what a later start of the launcher needs; the prompt is kept where the command gets it from."""
        return {
            "job_id": self.job_id,
            "type": self.type,
            "session_name": self.session_name,
            "session_id": self.session_id,
            "attempt": self.attempt,
            "token": self.token,
            "timeout_seconds": self.timeout_seconds,
            "stop_grace_seconds": self.stop_grace_seconds,
        }


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question for what differs in a repository; without `until_commit`, up to the folder as it is now."""

    inquiry_id: str
    project_dir: str
    since_commit: str
    until_commit: str | None = None

    @classmethod
    def from_json(cls, told: JsonObject) -> Inquiry:
        """Read an inquiry from the wire.

        Errors:  ValueError.
        """
        return cls(
            _identifier(told, "inquiry_id"),
            _required(told, "project_dir"),
            _required(told, "since_commit"),
            text_of(told, "until_commit"),
        )


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """What one poll brought: claims to start, jobs to stop, inquiries to answer, or nothing."""

    jobs: tuple[Job, ...] = ()
    stop_jobs: tuple[str, ...] = ()
    inquiries: tuple[Inquiry, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """An attempt that the runtime agrees we still hold, and how much of its output it has."""

    job_id: str
    attempt: int
    log_offset: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """An attempt that is no longer ours: end it, and report nothing."""

    job_id: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class RegistrationResponse:
    """Who we are to the runtime, and what it thinks of the attempts that we hold."""

    launcher_id: str
    epoch: int | None = None
    report_endpoint: str | None = None
    poll_timeout_seconds: float | None = None
    heartbeat_interval_seconds: float | None = None
    adopt: tuple[Adopted, ...] = ()
    drop: tuple[Dropped, ...] = ()

    @classmethod
    def from_json(cls, told: JsonObject) -> RegistrationResponse:
        return cls(
            launcher_id=_required(told, "launcher_id"),
            epoch=integer_of(told, "epoch"),
            report_endpoint=text_of(told, "report_endpoint"),
            poll_timeout_seconds=number_of(told, "poll_timeout_seconds"),
            heartbeat_interval_seconds=number_of(told, "heartbeat_interval_seconds"),
            adopt=tuple(
                Adopted(
                    _required(item, "job_id"), integer_of(item, "attempt") or 0, integer_of(item, "log_offset") or 0
                )
                for item in objects_of(told, "adopt")
            ),
            drop=dropped_of(told),
        )


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """What the runtime wants stopped, and what is no longer ours."""

    stop_jobs: tuple[str, ...] = ()
    drop: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """How an attempt ended, in the runtime's words; `outcome` names the call.

    Shape:   `unwritten` says what this machine could not write of it; the session's events may have it. `checked` is
             the command's word that what the job asks of its end holds.
    """

    outcome: str  # completed, failed or stopped
    error: str | None = None
    reason: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    ended_at: str | None = None
    run_seconds: float | None = None
    log_bytes: int | None = None
    usage: JsonObject = field(default_factory=dict)
    cost_usd: float | None = None
    unwritten: str | None = None
    limit: JsonObject | None = None
    checked: bool = False

    def details(self) -> JsonObject:
        """The optional fields that have something to say."""
        all_fields: JsonObject = {
            "error": self.error,
            "reason": self.reason,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "ended_at": self.ended_at,
            "run_seconds": self.run_seconds,
            "log_bytes": self.log_bytes,
            "usage": self.usage or None,
            "cost_usd": self.cost_usd,
            "unwritten": self.unwritten,
            "limit": self.limit,
            "checked": self.checked or None,
        }
        return {name: value for name, value in all_fields.items() if value is not None}

    def in_short(self, why: str) -> Report:
        """Leave out figures and hints; the runtime takes what it misses from the session's events, as far as it can."""
        kept = Report(self.outcome, self.error, self.reason, self.exit_code, self.signal, checked=self.checked)
        return replace(kept, unwritten=self.unwritten or why)


def iso_time(seconds: float) -> str:
    """Write seconds since 1970 as the wire writes times: UTC, microseconds, `Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def dropped_of(told: JsonObject) -> tuple[Dropped, ...]:
    """Read the `drop` list of an answer."""
    return tuple(
        Dropped(_required(item, "job_id"), integer_of(item, "attempt") or 0, text_of(item, "reason") or "fenced_off")
        for item in objects_of(told, "drop")
    )


def texts_of(told: JsonObject, name: str) -> tuple[str, ...]:
    """Read a list of strings; what is not a string is left out."""
    value = told.get(name)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def objects_of(told: JsonObject, name: str) -> tuple[JsonObject, ...]:
    """Read a list of objects; what is not an object is left out."""
    value = told.get(name)
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def text_of(told: JsonObject, name: str) -> str | None:
    """Read a string field, or None."""
    value = told.get(name)
    return value if isinstance(value, str) else None


def integer_of(told: JsonObject, name: str) -> int | None:
    """Read a whole number, or None."""
    value = told.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number_of(told: JsonObject, name: str) -> float | None:
    """Read a number, or None."""
    value = told.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _below_home(folder: str | None) -> str | None:
    """Say where a folder is that was named from the home: nobody but this machine knows where that is."""
    if folder is None or not (folder == "~" or folder.startswith("~/")):
        return folder
    try:
        return str(Path(folder).expanduser())
    except RuntimeError:  # Nobody has told this process where its home is; then no such folder is there.
        return folder


def _required(told: JsonObject, name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"cannot read an answer: {name!r} must be a text, found {value!r}")
    return value


def _identifier(told: JsonObject, name: str) -> str:
    value = _required(told, name)
    if not _JOB_ID.match(value):
        raise ValueError(f"cannot read an answer: {name!r} must be letters, digits, '-' and '_', found {value!r}")
    return value
