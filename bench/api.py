"""The API under load: clients that never pause play whole lives of jobs and look at what there is, behind a full queue.

python -m bench.api [--clients 1 8 32 128] [--waiting 10000] [--seconds 10] [--on sqlite postgresql]
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import figures
from bench.raw_http import Connection
from support.postgres import running_cluster
from support.runtime_process import RuntimeProcess

CLIENTS = (1, 8, 32, 128)
WAITING = 10_000
FILLING_CONNECTIONS = 8
EVENTS_IN_A_CALL = 20
BARE_SECONDS = 3.0

Spans = dict[str, list[float]]


class Client:
    """One connection that is a person, a launcher and an agent in turns; each call's span is kept in milliseconds."""

    def __init__(self, runtime: RuntimeProcess, name: str) -> None:
        self._connection = Connection(runtime.port, runtime.token)
        self._name = name
        self._played = 0
        facts: dict[str, object] = {"name": name, "hostname": "bench", "max_jobs": 4, "backends": ["command"]}
        self._launcher = str(self._connection.post("/launcher/register", facts)["launcher_id"])
        self.spans: Spans = {}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def play(self) -> None:
        """Order a job; run the one whose turn it is; look at both and at the lists."""
        self._played += 1
        ordered = self._post("order", "/jobs", _order(f"{self._name}-{self._played}"))
        claimed = self._get("claim", f"/launcher/jobs?launcher_id={self._launcher}&wait=5")["job"]
        assert isinstance(claimed, dict), "the queue is never empty"
        job, session = f"/launcher/jobs/{claimed['job_id']}", f"/sessions/{claimed['session_id']}"
        proof = {"launcher_id": self._launcher, "attempt": claimed["attempt"], "token": claimed["token"]}
        self._post("started", f"{job}/started", proof)
        self._post(f"{EVENTS_IN_A_CALL} events", f"{session}/events", _events(str(claimed["job_id"])))
        self._post("completed", f"{job}/completed", {**proof, "status": "success"})
        self._get("one job", f"/jobs/{ordered['job_id']}")
        self._get("one session", f"{session}/status")
        self._get("a session's events", f"{session}/events?limit=100")
        self._get("50 jobs", "/jobs?limit=50")
        self._get("50 sessions", "/sessions?limit=50")

    def ask_for_health(self) -> None:
        """The least that the server can do, to compare with."""
        self._get("health", "/health")

    def _get(self, what: str, path: str) -> dict[str, object]:
        return self._timed(what, lambda: self._connection.get(path))

    def _post(self, what: str, path: str, body: dict[str, object]) -> dict[str, object]:
        return self._timed(what, lambda: self._connection.post(path, body))

    def _timed(self, what: str, call: Callable[[], dict[str, object]]) -> dict[str, object]:
        began = time.monotonic_ns()
        answer = call()
        self.spans.setdefault(what, []).append((time.monotonic_ns() - began) / 1e6)
        return answer


def _order(name: str) -> dict[str, object]:
    return {"type": "start_session", "session_name": name, "agent_name": "echo", "prompt": "go"}


def _events(job_id: str) -> dict[str, object]:
    message = {"role": "assistant", "text": "x" * 200}
    return {
        "events": [
            {"type": "message", "data": message, "client_event_id": f"{job_id}-{number}", "job_id": job_id}
            for number in range(EVENTS_IN_A_CALL)
        ]
    }


def load(clients: list[Client], seconds: float, turn: Callable[[Client], None]) -> tuple[float, Spans]:
    """Let all clients take turns for so long; give the calls per second and every call's span."""
    for client in clients:
        client.spans = {}
    end = time.monotonic() + seconds

    def keep_on(client: Client) -> None:
        while time.monotonic() < end:
            turn(client)

    threads = [threading.Thread(target=keep_on, args=(client,)) for client in clients]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.monotonic() - began
    spans: Spans = {}
    for client in clients:
        for what, found in client.spans.items():
            spans.setdefault(what, []).extend(found)
    return sum(map(len, spans.values())) / passed, spans


def measure(runtime: RuntimeProcess, counts: list[int], seconds: float) -> None:
    """The load of more and more clients, each beside as many that only ask whether the runtime is well."""
    for count in counts:
        figures.title(f"{count} clients")
        clients = [Client(runtime, f"load-{count}-{number}") for number in range(count)]
        bare, _ = load(clients, BARE_SECONDS, Client.ask_for_health)
        rate, spans = load(clients, seconds, Client.play)
        figures.line("requests", rate, "1/s")
        figures.line("GET /health alone", bare, "1/s")
        figures.line("ratio", rate / bare, "")
        for what, found in spans.items():
            figures.spread(what, found)
        for client in clients:
            client.close()


def fill(runtime: RuntimeProcess, waiting: int) -> None:
    """Let so many jobs wait."""
    connections = [Connection(runtime.port, runtime.token) for _ in range(FILLING_CONNECTIONS)]
    orders = [_order(f"waiting-{number}") for number in range(waiting)]
    answers = [one.post_all("/jobs", orders[number :: len(connections)]) for number, one in enumerate(connections)]
    assert sum(1 for answer in answers for _ in answer) == waiting
    for connection in connections:
        connection.close()


@contextmanager
def runtime_on(database: str) -> Iterator[RuntimeProcess]:
    """A runtime of its own, which waits for the disk as one in use does."""
    with tempfile.TemporaryDirectory(prefix="bench-api-") as folder:
        if database == "sqlite":
            yield from _running(RuntimeProcess(Path(folder)))
            return
        with running_cluster(as_in_use=True) as cluster:
            yield from _running(RuntimeProcess(Path(folder), database_url=cluster.new_database()))


def _running(runtime: RuntimeProcess) -> Iterator[RuntimeProcess]:
    runtime.environment["AGENT_RUNTIME_REQUESTS_PER_SECOND"] = "0"
    try:
        yield runtime.start()
    finally:
        runtime.leave_nothing()


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("--clients", nargs="*", type=int, default=list(CLIENTS))
    parser.add_argument("--waiting", type=int, default=WAITING)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--on", nargs="*", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    wanted = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for database in wanted.on:
        with runtime_on(database) as runtime:
            fill(runtime, wanted.waiting)
            figures.title(f"{database}: {wanted.waiting} jobs wait")
            measure(runtime, wanted.clients, wanted.seconds)


if __name__ == "__main__":
    main()
