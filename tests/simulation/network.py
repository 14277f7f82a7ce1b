"""The network between launchers, clients and the runtime: it loses, delays, doubles and reorders what it carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import httpx
from fastapi import Response

from agent_runtime.domain.errors import Problem
from agent_runtime.services.ports.store import Transaction
from lib.wire.models import JsonObject
from simulation.fibers import Fiber, Life
from simulation.runtime import Connection, RuntimeLife

if TYPE_CHECKING:
    from simulation.host import Host
    from simulation.world import World

T = TypeVar("T")
FIRST_PATIENCE_SECONDS = 8.0
LAST_PATIENCE_SECONDS = 120.0


class _Answer(httpx.Response):
    """An answer that has arrived whole: what httpx would make of it costs more than the runtime's work for it."""

    _HEADERS = httpx.Headers({"content-type": "application/json"})

    def __init__(self, response: Response) -> None:
        self.status_code, self._content, self.headers = response.status_code, bytes(response.body), self._HEADERS


class _Call:
    """A request of a launcher that waits for its answer."""

    def __init__(self, fiber: Fiber) -> None:
        self.response: httpx.Response | None = None
        self.is_broken = False
        self._fiber = fiber
        self._is_open = True

    def answer(self, response: httpx.Response) -> None:
        """Bring an answer; the first one counts."""
        if self._is_open and self.response is None and not self.is_broken:
            self.response = response
            self._fiber.wake()

    def breaks(self) -> None:
        """Let the caller see that the connection is gone."""
        if self._is_open and self.response is None:
            self.is_broken = True
            self._fiber.wake()

    def close(self) -> None:
        self._is_open = False


class Network:
    """Carries requests; what goes wrong is drawn from the world's chance."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._open: dict[Life, list[Connection]] = {}
        self._cut_until: dict[str, float] = {}

    def line(self, host: Host, life: Life) -> LauncherLine:
        """Connect one life of a launcher."""
        self._open[life] = []
        return LauncherLine(self, host, life)

    def cut(self, name: str, seconds: float) -> None:
        """Let nothing through between one machine and the runtime for a while."""
        self.world.tell(name, f"the network is cut for {seconds:.1f} s")
        self._cut_until[name] = self.world.agenda.now + seconds

    def mend(self) -> None:
        """Let everything through again."""
        self._cut_until.clear()

    def is_cut(self, name: str) -> bool:
        return self._cut_until.get(name, 0.0) > self.world.agenda.now

    def hang_up(self, life: Life) -> None:
        """A process has ended: its connections are closed, as the other side will see soon."""
        for connection in self._open.pop(life, []):
            self.world.agenda.after(0.01, connection.leave)

    def cut_cable(self, life: Life | None) -> None:
        """A machine is gone: the other side sees nothing."""
        if life is not None:
            self._open.pop(life, None)

    def deliver(
        self,
        work: Callable[[RuntimeLife], Awaitable[Response]],
        reply: Callable[[Response], None],
        refused: Callable[[], None],
    ) -> None:
        """Hand a request that has arrived to the runtime."""
        runtime = self.world.runtime
        if runtime is None:
            refused()
            return
        runtime.submit(work, reply, refused)


class LauncherLine:
    """What a launcher has for an HTTP client."""

    def __init__(self, network: Network, host: Host, life: Life) -> None:
        self._network = network
        self._world = network.world
        self._host = host
        self._life = life

    def request(
        self,
        method: str,
        url: str,
        *,
        json: JsonObject | None,
        content: bytes | None,
        params: dict[str, str | int | float] | None,
        headers: dict[str, str],
        timeout: httpx.Timeout,
    ) -> httpx.Response:
        """Make one call, and wait for its answer."""
        self._host.effect(self._life, f"call {method} {url}")
        call = _Call(self._life.current())
        faults = self._world.faults
        connections = [
            self._send(delay, method, url, json or {}, content or b"", params or {}, headers, call)
            for delay in faults.copies(self._host.name)
        ]
        self._life.wait(timeout.read)
        call.close()
        response = call.response
        if response is None:
            for connection in connections:
                self._world.agenda.after(faults.delay(), connection.leave)
            if call.is_broken:
                raise httpx.NetworkError("connection reset")
            raise httpx.ReadTimeout("timed out")
        for connection in connections[1:]:
            self._world.agenda.after(faults.delay() * 20, connection.leave)
        return response

    def close(self) -> None:
        return

    def _send(
        self,
        delay: float,
        method: str,
        url: str,
        body: JsonObject,
        content: bytes,
        query: dict[str, str | int | float],
        headers: dict[str, str],
        call: _Call,
    ) -> Connection:
        connection = Connection(content)
        opened = self._network._open.get(self._life)
        if opened is not None:
            opened.append(connection)
            if len(opened) > 40:
                del opened[:20]

        def arrive() -> None:
            if self._network.is_cut(self._host.name):
                return  # lost on the way; the caller's patience is the limit
            self._network.deliver(
                lambda runtime: runtime.call(method, url, query, body, connection, headers),
                lambda response: self._answer(f"{method} {url}", response, call),
                lambda: self._world.later(faults.delay(), call.breaks),
            )

        faults = self._world.faults
        if delay >= 0:
            self._world.agenda.after(delay, arrive)
        return connection

    def _answer(self, what: str, response: Response, call: _Call) -> None:
        fate = self._world.faults.fate_of_answer()
        if fate == "lost" or self._network.is_cut(self._host.name):
            self._world.tell("network", f"the answer to {what} of {self._host.name} is lost")
            return
        if fate == "broken":
            self._world.tell("network", f"the answer to {what} of {self._host.name} breaks off")
            self._world.agenda.after(self._world.faults.delay(), call.breaks)
            return
        if fate == "garbled":
            garbled = httpx.Response(self._world.chance.choice((200, 401, 502)), content=b"<html>proxy</html>")
            self._world.agenda.after(self._world.faults.delay(), lambda: call.answer(garbled))
            return
        told = _Answer(response)
        self._world.agenda.after(self._world.faults.delay(), lambda: call.answer(told))


class ClientLine:
    """What people and agents call the runtime with; they ask again until they are answered."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(
        self, verb: Callable[[Transaction], T], told: Callable[[T], None], refused: Callable[[Problem], None]
    ) -> None:
        """Run a verb, perhaps more than once, until its answer has arrived once."""
        is_answered = False

        def answer(outcome: Callable[[], None]) -> None:
            nonlocal is_answered
            if not is_answered:
                is_answered = True
                outcome()

        async def work(runtime: RuntimeLife) -> Response:
            try:
                result = await runtime.store.write(verb)
            except Problem as problem:
                outcomes.append(lambda problem=problem: refused(problem))  # type: ignore[misc]
            else:
                outcomes.append(lambda: told(result))
            return Response()

        outcomes: list[Callable[[], None]] = []
        faults = self._world.faults

        def reply(_: Response) -> None:
            if outcomes and faults.fate_of_answer() == "well":
                outcome = outcomes[-1]
                self._world.agenda.after(faults.delay(), lambda: answer(outcome))

        def send(patience: float = FIRST_PATIENCE_SECONDS) -> None:
            if is_answered or self._world.is_over:
                return
            for delay in faults.copies("client"):
                if delay >= 0:
                    self._world.agenda.after(delay, lambda: self._world.network.deliver(work, reply, lambda: None))
            pause = self._world.chance.uniform(0.2, 1.0) * patience
            self._world.agenda.after(pause, lambda: send(min(patience * 2, LAST_PATIENCE_SECONDS)))

        send()
