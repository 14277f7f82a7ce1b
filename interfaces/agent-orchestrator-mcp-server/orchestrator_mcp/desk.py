"""Where a tool meets the runtime: as the caller, and in time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from orchestrator_mcp.caller import Caller
from runtime_client.address import RuntimeAddress
from runtime_client.client import RuntimeClient
from runtime_client.errors import RuntimeClientError

ANSWER_SECONDS_MAX = 44.0
"""Clients give a tool 60 s, some less; a tool that answers is better than one that is cut off."""

Value = TypeVar("Value")


class TookTooLongError(RuntimeClientError):
    """The runtime did not answer within the time that a tool has."""

    code = "timed_out"
    is_passing = True


class Desk:
    """Gives each call a client of the runtime that speaks as the caller."""

    def __init__(self, address: RuntimeAddress) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._own: RuntimeClient | None = None

    def close(self) -> None:
        """Close the connections that are kept."""
        if self._own is not None:
            self._own.close()

    def ask(self, caller: Caller, question: Callable[[RuntimeClient, Caller], Value]) -> Value:
        """Make calls as the caller, and give up before the model's client does.

        Errors:  RuntimeClientError.
        """
        answers: list[Value] = []
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                with self._client(caller) as client:
                    answers.append(question(client, caller))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                errors.append(error)

        asking = threading.Thread(target=ask, name="asking", daemon=True)
        asking.start()
        asking.join(ANSWER_SECONDS_MAX)
        if asking.is_alive():
            raise TookTooLongError(
                f"the Agent Runtime at {self._address.url!r} did not answer within {ANSWER_SECONDS_MAX:g} s"
                " (look with get_agent_session_status before you try again)"
            )
        if errors:
            raise errors[0]
        return answers[0]

    @contextmanager
    def _client(self, caller: Caller) -> Iterator[RuntimeClient]:
        if not caller.is_process:
            # Another caller may bring another token: connections are not shared between them.
            with RuntimeClient(caller.address(self._address)) as client:
                yield client
            return
        with self._lock:
            if self._own is None:
                self._own = RuntimeClient(replace(self._address, session_name=caller.session_name))
        yield self._own
