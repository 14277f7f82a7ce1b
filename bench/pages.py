"""Whether open pages slow the queue: each call of a job's life with nobody watching, and with hundreds of pages."""

import re
import selectors
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import figures
from bench.raw_http import BUFFER_BYTES, Connection
from support.project import REPOSITORY
from support.runtime_process import RuntimeProcess

PAGES = 300
JOBS = 300
WARM_UP = 20
CALLS = ("create", "claim", "start", "complete")


def news_types() -> str:
    """What an open page asks for: every word of ours, and no agent's."""
    knowledge = (REPOSITORY / "dashboard" / "model" / "knowledge.js").read_text(encoding="utf-8")
    news = knowledge.partition("const NEWS = {")[2].partition("\n};")[0]
    words = re.findall(r"(\w+): \[([^\]]*)\]", news)
    return ",".join(f"{topic}.{word}" for topic, listed in words for word in re.findall(r"\w+", listed))


class Pages:
    """Open streams that read all that comes, and remember when the newest came."""

    def __init__(self, runtime: RuntimeProcess, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._open = True
        self.bytes = 0
        request = (
            f"GET /events/stream?types={news_types()} HTTP/1.1\r\nHost: 127.0.0.1:{runtime.port}\r\n"
            f"Authorization: Bearer {runtime.token}\r\nAccept: text/event-stream\r\n\r\n"
        )
        for _ in range(count):
            page = socket.create_connection(("127.0.0.1", runtime.port))
            page.sendall(request.encode())
            assert b" 200 " in page.recv(BUFFER_BYTES)
            page.setblocking(False)
            self._selector.register(page, selectors.EVENT_READ)
        self._reading = threading.Thread(target=self._read, name="pages")
        self._reading.start()

    def close(self) -> None:
        """Close them all."""
        self._open = False
        self._reading.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _read(self) -> None:
        while self._open:
            for key, _ in self._selector.select(timeout=0.1):
                self.bytes += len(key.fileobj.recv(BUFFER_BYTES))  # type: ignore[union-attr]


@contextmanager
def pages(runtime: RuntimeProcess, count: int) -> Iterator[Pages]:
    """So many pages are open meanwhile."""
    opened = Pages(runtime, count)
    try:
        yield opened
    finally:
        opened.close()


class Life:
    """Plays jobs, one after the other, and notes how long each call took."""

    def __init__(self, runtime: RuntimeProcess) -> None:
        self._connection = Connection(runtime.port, runtime.token)
        facts: dict[str, object] = {"name": "bench", "hostname": "bench", "max_jobs": 4, "backends": ["command"]}
        self._launcher = str(self._connection.post("/launcher/register", facts)["launcher_id"])
        self._played = 0

    def play(self, count: int) -> dict[str, list[float]]:
        """Let so many jobs live; the spans are in milliseconds."""
        spans: dict[str, list[float]] = {call: [] for call in CALLS}
        for _ in range(count):
            for call, span in zip(CALLS, self._one(), strict=True):
                spans[call].append(span)
        return spans

    def _one(self) -> Iterator[float]:
        self._played += 1
        order: dict[str, object] = {
            "type": "start_session", "session_name": f"page-{self._played}", "agent_name": "echo", "prompt": "go",
        }  # fmt: skip
        before = time.monotonic()
        self._connection.post("/jobs", order)
        yield (time.monotonic() - before) * 1000
        before = time.monotonic()
        job = self._connection.get(f"/launcher/jobs?launcher_id={self._launcher}&wait=5")["job"]
        yield (time.monotonic() - before) * 1000
        assert isinstance(job, dict)
        proof: dict[str, object] = {"launcher_id": self._launcher, "attempt": job["attempt"], "token": job["token"]}
        for path, body in (("started", proof), ("completed", {**proof, "status": "success"})):
            before = time.monotonic()
            self._connection.post(f"/launcher/jobs/{job['job_id']}/{path}", body)
            yield (time.monotonic() - before) * 1000


def main() -> None:
    """Measure without and with pages, in turns, so that a noisy machine is noisy for both."""
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        runtime = RuntimeProcess(Path(folder)).start()
        try:
            life = Life(runtime)
            life.play(WARM_UP)
            found: dict[int, dict[str, list[float]]] = {}
            for count in (0, PAGES, 0, PAGES):
                with pages(runtime, count) as opened:
                    for call, spans in life.play(JOBS // 2).items():
                        found.setdefault(count, {}).setdefault(call, []).extend(spans)
                print(f"{count} pages open, {opened.bytes / 1000:.0f} kB read by them", flush=True)
            for count, calls in found.items():
                figures.title(f"{count} pages open: {JOBS} jobs, one after the other")
                for call, spans in calls.items():
                    figures.spread(call, spans)
        finally:
            runtime.leave_nothing()


if __name__ == "__main__":
    main()
