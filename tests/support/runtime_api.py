"""The runtime's API as a test uses it: plain requests, rows as they came, no rule of ours in between."""

from collections.abc import Iterable
from typing import TypeAlias, TypedDict, cast

import httpx

from support.waiting import wait_until

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject = dict[str, Json]

UNAVAILABLE = 503
AT_REST = frozenset({"completed", "failed", "stopped"})


class JobRow(TypedDict):
    """A job as `GET /jobs/{id}` answers it; only what tests look at."""

    job_id: str
    type: str
    status: str
    session_id: str
    session_name: str
    agent_name: str | None
    project_dir: str | None
    attempt: int
    launcher_id: str | None
    reason: str | None
    reason_detail: str | None
    error: str | None
    exit_code: int | None
    signal: int | None
    rerun_lost: int
    timeout_seconds: float | None
    stop_requested_at: str | None
    created_at: str
    claimed_at: str | None
    started_at: str | None
    ended_at: str | None
    run_seconds: float | None


class EventRow(TypedDict):
    """An event as `GET /sessions/{s}/events` answers it."""

    seq: int
    type: str
    at: str
    session_id: str
    session_name: str
    job_id: str | None
    attempt: int | None
    data: JsonObject


class SessionRow(TypedDict):
    """A session as `GET /sessions/{s}` answers it; only what tests look at."""

    session_id: str
    session_name: str
    agent_name: str | None
    status: str
    backend: str | None
    backend_session_id: str | None
    project_dir: str | None
    parent_session_name: str | None


class LauncherRow(TypedDict):
    """A launcher as `GET /launchers` answers it; only what tests look at."""

    launcher_id: str
    name: str | None
    status: str
    running_jobs: int
    poll_parked: bool
    clients: list[dict[str, str | None]]


class RuntimeApi:
    """One runtime's API with one token; `mistakes` are the answers that no runtime should give."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.mistakes: list[str] = []
        hooks = {"response": [self._note_mistake]}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False, event_hooks=hooks)

    def _note_mistake(self, answer: httpx.Response) -> None:
        if answer.status_code >= 500 and answer.status_code != UNAVAILABLE:
            answer.read()
            asked = f"{answer.request.method} {answer.request.url.path}"
            self.mistakes.append(f"{asked} was answered {answer.status_code}: {answer.text[:200]}")

    def close(self) -> None:
        """Let the connections go."""
        self.http.close()

    def ask(self, method: str, path: str, body: object = None) -> JsonObject:
        """Ask, expect success, and hand the JSON object back."""
        answer = self.http.request(method, path, json=body) if body is not None else self.http.request(method, path)
        assert answer.is_success, f"{method} {path} answered {answer.status_code}: {answer.text}"
        return cast("JsonObject", answer.json())

    def create_job(self, session_name: str, prompt: str = "{}", **fields: object) -> str:
        """Create a job and answer its id; the type is `start_session` unless told otherwise."""
        body = {"type": "start_session", "agent_name": "echo", "session_name": session_name, "prompt": prompt, **fields}
        if body["type"] == "resume_session" and "agent_name" not in fields:
            del body["agent_name"]
        return str(self.ask("POST", "/jobs", body)["job_id"])

    def job(self, job_id: str) -> JobRow:
        """One job."""
        return cast("JobRow", self.ask("GET", f"/jobs/{job_id}"))

    def jobs(self, **query: str) -> list[JobRow]:
        """All jobs, or those that a query names, over all pages."""
        return [cast("JobRow", row) for row in self._pages("/jobs", "jobs", **query)]

    def session(self, session: str) -> SessionRow:
        """One session by name or id."""
        return cast("SessionRow", self.ask("GET", f"/sessions/{session}")["session"])

    def session_status(self, session: str) -> str:
        """The status that `GET /sessions/{s}/status` answers."""
        return str(self.ask("GET", f"/sessions/{session}/status")["status"])

    def result(self, session: str) -> str:
        """The newest result of a session."""
        return str(self.ask("GET", f"/sessions/{session}/result")["result"])

    def events(self, session: str) -> list[EventRow]:
        """All events of a session, over all pages."""
        return [cast("EventRow", row) for row in self._pages(f"/sessions/{session}/events", "events", page_by="after")]

    def launchers(self) -> list[LauncherRow]:
        """All launchers that the runtime knows."""
        return [cast("LauncherRow", row) for row in cast("list[Json]", self.ask("GET", "/launchers")["launchers"])]

    def stop_job(self, job_id: str) -> JsonObject:
        """Ask for a job's end."""
        return self.ask("POST", f"/jobs/{job_id}/stop")

    def wait_for_status(self, job_id: str, *statuses: str, timeout: float = 60.0) -> JobRow:
        """Wait until a job has one of the statuses."""

        def reached() -> JobRow | None:
            row = self.job(job_id)
            return row if row["status"] in statuses else None

        return wait_until(reached, f"job {job_id} is {' or '.join(statuses)}", timeout)

    def wait_for_end(self, job_id: str, timeout: float = 60.0) -> JobRow:
        """Wait until a job is at rest."""
        return self.wait_for_status(job_id, *AT_REST, timeout=timeout)

    def wait_for_all(self, job_ids: Iterable[str], timeout: float = 60.0) -> list[JobRow]:
        """Wait until each of the jobs is at rest."""
        wanted = list(job_ids)
        wait_until(lambda: {row["job_id"] for row in self.jobs() if row["status"] in AT_REST} >= set(wanted),
                   f"{len(wanted)} jobs are at rest", timeout)  # fmt: skip
        return [self.job(job_id) for job_id in wanted]

    def _pages(self, path: str, name: str, *, page_by: str = "cursor", **query: str) -> list[Json]:
        rows: list[Json] = []
        cursor: Json = None
        while True:
            answer = self.http.get(path, params={"limit": "500", **query, **({page_by: str(cursor)} if cursor else {})})
            assert answer.is_success, f"GET {path} answered {answer.status_code}: {answer.text}"
            page = cast("JsonObject", answer.json())
            rows += cast("list[Json]", page[name])
            assert not cursor or page.get("next_cursor") != cursor, f"GET {path} never comes to its end"
            cursor = page.get("next_cursor")
            if not cursor:
                return rows
