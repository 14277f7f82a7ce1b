"""An agent may tell much of what it does, and not without end."""

from collections.abc import Iterator

import pytest

from agent_runtime.services.sessions.telling import TOLD_BYTES_MAX
from support.desk import Desk, JsonObject, read, refused, text
from support.runtime_process import RuntimeProcess

LONG: JsonObject = {"type": "message", "data": {"text": "x" * 1_000_000}}
BATCH: JsonObject = {"events": [LONG] * 8}
BATCHES = TOLD_BYTES_MAX // 8_000_000


@pytest.fixture
def job(desk: Desk) -> JsonObject:
    """A job that runs."""
    return desk.run()


@pytest.fixture
def agent(runtime: RuntimeProcess, job: JsonObject) -> Iterator[Desk]:
    """Its agent, which has told as much as it may."""
    with Desk(runtime.url, text(job["session_token"])) as agent:
        for _ in range(BATCHES):
            read(agent.post(f"/sessions/{job['session_name']}/events", BATCH))
        yield agent


def test_what_an_attempt_tells_is_bounded_and_its_result_is_still_taken(
    desk: Desk, runtime: RuntimeProcess, job: JsonObject, agent: Desk
) -> None:
    path = f"/sessions/{job['session_name']}/events"
    child = desk.start(parent_session_name=job["session_name"])

    sentence = refused(agent.post(path, BATCH), 413, "turn_too_large")
    refused(agent.post(f"/sessions/{child['session_name']}/events", BATCH), 413, "turn_too_large")
    read(agent.post(path, {"type": "result", "data": {"text": "done"}}))
    read(desk.post(path, LONG))

    assert f"{TOLD_BYTES_MAX} are kept of each" in sentence
    assert read(desk.get(f"/sessions/{job['session_name']}/result"))["result"] == "done"


def test_the_next_turn_has_room_again(desk: Desk, runtime: RuntimeProcess, job: JsonObject, agent: Desk) -> None:
    path = f"/sessions/{job['session_name']}/events"
    refused(agent.post(path, BATCH), 413, "turn_too_large")
    desk.complete(job)

    following = desk.run()

    with Desk(runtime.url, text(following["session_token"])) as next_agent:
        read(next_agent.post(f"/sessions/{following['session_name']}/events", BATCH))
