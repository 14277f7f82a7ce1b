"""Those whom an agent may ask while its turn runs: the runtime knows them, and what blueprints have decided already."""

import asyncio
import threading
from collections.abc import Callable

from agent_backends.protocol import Said
from agent_backends.redaction import Secrets
from runtime_client.client import RuntimeClient
from runtime_client.errors import RuntimeClientError
from runtime_client.question_calls import OPEN, Asked, ask_and_wait
from runtime_client.wire import JsonObject


class PeopleAtRuntime:
    """Asks by way of the runtime, in the name of one session's turn.

    Shape:   `secrets` are taken out of what is asked: people see it, and it is kept. `gives_way` is whether the turn's
             job can be taken up again by a launcher, when the answer has come.
    """

    def __init__(
        self, client: RuntimeClient, session_id: str, secrets: Secrets, *, has_rules: bool, gives_way: bool
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._secrets = secrets
        self.has_rules = has_rules
        self.gave_way = asyncio.Event()
        self._gives_way = gives_way

    async def ask(self, asked: JsonObject) -> Said:
        """Ask, and wait for the answer; a thread of its own waits, which the end of the turn leaves behind."""
        body = {**self._secrets.hidden_in_object(asked), "session_name": self._session_id}
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Asked | RuntimeClientError] = loop.create_future()
        is_over = threading.Event()

        def tell(found: Asked | RuntimeClientError) -> None:
            if not answered.done():
                answered.set_result(found)

        waiting = threading.Thread(
            target=lambda: _wait(
                self._client, body, is_over, lambda found: _call_in(loop, tell, found), gives_way=self._gives_way
            ),
            name="waiting-for-an-answer",
            daemon=True,
        )
        waiting.start()
        try:
            found = await answered
            if _is_open(found):
                self.gave_way.set()
                # Nothing is said to the agent any more: its process is being ended.
                await asyncio.Event().wait()
        finally:
            is_over.set()
        return _said(found)


def _wait(
    client: RuntimeClient,
    body: JsonObject,
    is_over: threading.Event,
    tell: Callable[[Asked | RuntimeClientError], None],
    *,
    gives_way: bool,
) -> None:
    try:
        tell(ask_and_wait(client.questions, body, gives_way=gives_way, is_over=is_over.is_set))
    except RuntimeClientError as error:
        tell(error)


def _is_open(found: Asked | RuntimeClientError) -> bool:
    return isinstance(found, Asked) and found.question is not None and found.question.status == OPEN


def _said(found: Asked | RuntimeClientError) -> Said:
    if isinstance(found, RuntimeClientError):
        # It was not asked, so nobody allowed anything; and its client is not left without an answer.
        return Said("deny", f"this could not be asked: {found}")
    question = found.question
    if question is None:
        return Said(found.decision, None if found.decision == "allow" else "the blueprint does not allow this")
    if question.decision is None and question.answer is None:
        return Said("deny" if question.kind == "permission" else None, f"nobody answered: it is {question.status}")
    return Said(question.decision, question.message, question.answer)


def _call_in(
    loop: asyncio.AbstractEventLoop,
    tell: Callable[[Asked | RuntimeClientError], None],
    found: Asked | RuntimeClientError,
) -> None:
    try:
        loop.call_soon_threadsafe(tell, found)
    except RuntimeError:  # The turn is over, and nobody waits any more.
        return
