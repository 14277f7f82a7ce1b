"""Hundreds of launchers in one process: the protocol over real sockets, the product's own waits, and no job is run."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from lib.machine.backoff import Backoff
from support.http_messages import Message, NotHttpError, read_answer
from support.runtime_api import JsonObject


@dataclass
class Swarm:
    """Launchers that poll, grant themselves what they are given and report it done at once.

    Shape:   `ran` counts attempts by job; `asked_at` is the monotonic time of each request that was tried.
    Units:   waits are `hurry` times shorter than a launcher's.
    """

    port: int
    token: str
    hurry: float
    ran: Counter[tuple[str, int]] = field(default_factory=Counter)
    asked_at: list[float] = field(default_factory=list)

    async def live(self, number: int) -> None:
        """Be one launcher, until cancelled."""
        launcher = _Light(self, number)
        backoff = Backoff(random.Random(number))
        try:
            while True:
                try:
                    await launcher.step()
                    backoff.succeeded()
                except (OSError, EOFError, NotHttpError, _RefusedError):
                    launcher.hang_up()
                    await asyncio.sleep(backoff.failed() / self.hurry)
        finally:
            launcher.hang_up()

    async def live_together(self, count: int, is_over: asyncio.Event) -> None:
        """Be so many launchers, until it is over."""
        tasks = [asyncio.ensure_future(self.live(number)) for number in range(count)]
        await is_over.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _RefusedError(Exception):
    """The runtime did not answer with success."""


class _Light:
    """One launcher's connection and id."""

    def __init__(self, swarm: Swarm, number: int) -> None:
        self._swarm = swarm
        self._number = number
        self._launcher_id = ""
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def step(self) -> None:
        """Register if that is to be done; else poll, and do what came."""
        if not self._launcher_id:
            told = await self._ask("POST", "/launcher/register", {"name": f"light-{self._number}", "max_jobs": 1})
            self._launcher_id = str(told["launcher_id"])
            return
        answer = await self._ask("GET", f"/launcher/jobs?launcher_id={self._launcher_id}&slots=1&wait=30")
        job = answer.get("job")
        if isinstance(job, dict):
            await self._run(job)

    def hang_up(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection[1].transport.abort()

    async def _run(self, job: JsonObject) -> None:
        proof: JsonObject = {"launcher_id": self._launcher_id, "attempt": job["attempt"], "token": job["token"]}
        path = f"/launcher/jobs/{job['job_id']}"
        await self._ask("POST", f"{path}/started", proof)
        self._swarm.ran[str(job["job_id"]), cast("int", job["attempt"])] += 1
        await self._ask("POST", f"{path}/completed", {**proof, "status": "success", "exit_code": 0})

    async def _ask(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        self._swarm.asked_at.append(time.monotonic())
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self._swarm.port)
        reader, writer = self._connection
        writer.write(self._request(method, path, body))
        await writer.drain()
        return _read(await read_answer(reader))

    def _request(self, method: str, path: str, body: JsonObject | None) -> bytes:
        content = json.dumps(body).encode() if body is not None else b""
        lines = (
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self._swarm.port}",
            f"Authorization: Bearer {self._swarm.token}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
        )
        return "\r\n".join((*lines, "", "")).encode() + content


def _read(answer: Message) -> JsonObject:
    status, _, body = answer.first_line[1], *answer.raw.partition(b"\r\n\r\n")[1:]
    if not status.startswith("2"):
        raise _RefusedError(status)
    return cast("JsonObject", json.loads(body)) if body else {}


@contextmanager
def swarming(swarm: Swarm, count: int) -> Iterator[None]:
    """Let so many launchers live for the length of the block, in a thread of their own."""
    loop, is_over = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(swarm.live_together(count, is_over)), name="swarm", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
