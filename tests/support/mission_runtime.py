"""A runtime that knows the calls of the first document and no other: in memory, without codes, epochs and tokens."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from support.stand_in_runtime import Asked, Json, Reply, serve

PARKED_SECONDS = 0.5
CALLS = ("/launcher/register", "/launcher/jobs", "/launcher/heartbeat")
REPORTS = ("started", "completed", "failed")


class MissionRuntime:
    """Hands out the jobs that a test gives it, and keeps what it is told of them."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str, dict[str, Json]]] = []
        self.others: list[str] = []
        self.registrations = 0
        self._known_launchers: set[str] = set()
        self._known_jobs: set[str] = set()
        self._waiting: deque[dict[str, Json]] = deque()
        self._changed = threading.Condition()
        self.server = serve(0, self._answer)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def give(self, job_id: str, prompt: str, project_dir: str) -> None:
        """Have a job run."""
        job: dict[str, Json] = {"job_id": job_id, "type": "start_session", "session_name": job_id.replace("_", "-")}
        with self._changed:
            self._known_jobs.add(job_id)
            self._waiting.append({**job, "agent_name": "echo", "prompt": prompt, "project_dir": project_dir})
            self._changed.notify_all()

    def forget(self) -> None:
        """Be another process at the same address, which remembers nothing."""
        with self._changed:
            self._known_launchers.clear()
            self._known_jobs.clear()

    def told(self, job_id: str) -> list[str]:
        """Which reports of a job were taken, in their order."""
        return [verb for reported, verb, _ in self.reports if reported == job_id]

    def _answer(self, asked: Asked) -> Reply:
        launcher = str(asked.body.get("launcher_id") or asked.parameters.get("launcher_id") or "")
        parts = asked.path.split("/")
        is_report = asked.path.startswith("/launcher/jobs/") and parts[-1] in REPORTS and asked.method == "POST"
        if asked.path not in CALLS and not is_report:
            self.others.append(f"{asked.method} {asked.path}")
            return Reply({"detail": "Not Found"}, 404)
        if asked.path == "/launcher/register":
            return self._register()
        if launcher not in self._known_launchers:
            return Reply({"detail": "Launcher not registered"}, 401)
        if is_report:
            return self._report(parts[-2], parts[-1], asked.body)
        return self._poll() if asked.path == "/launcher/jobs" else Reply({"ok": True})

    def _register(self) -> Reply:
        with self._changed:
            self.registrations += 1
            launcher = f"lnch_{self.registrations}"
            self._known_launchers.add(launcher)
        told: dict[str, Json] = {"launcher_id": launcher, "poll_endpoint": "/launcher/jobs"}
        return Reply({**told, "poll_timeout_seconds": 30, "heartbeat_interval_seconds": 1})

    def _poll(self) -> Reply:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), PARKED_SECONDS)
            return Reply({"job": self._waiting.popleft()}) if self._waiting else Reply(b"", 204)

    def _report(self, job_id: str, verb: str, body: dict[str, Json]) -> Reply:
        with self._changed:
            if job_id not in self._known_jobs:
                return Reply({"detail": "Job not found"}, 404)
            self.reports.append((job_id, verb, body))
        return Reply({"ok": True})


@contextmanager
def mission_runtime() -> Iterator[MissionRuntime]:
    """Start one, and end it."""
    runtime = MissionRuntime()
    threading.Thread(target=runtime.server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield runtime
    finally:
        runtime.server.shutdown()
        runtime.server.server_close()
