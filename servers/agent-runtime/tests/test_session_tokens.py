"""A running agent has a token of its own, which reaches its session and those that it started."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.desk import Desk, JsonObject, items, read, refused, text
from support.runtime_process import RuntimeProcess


@dataclass
class Family:
    """A running session with its own token, a child of it, and a stranger."""

    agent: Desk
    job: JsonObject
    child: JsonObject
    stranger: JsonObject


@pytest.fixture
def family(runtime: RuntimeProcess, desk: Desk) -> Iterator[Family]:
    job = desk.run()
    child = desk.start(parent_session_name=job["session_name"])
    with Desk(runtime.url, text(job["session_token"])) as agent:
        yield Family(agent, job, child, desk.start())


def test_an_agent_reaches_its_session_and_its_descendants(family: Family) -> None:
    for name in (family.job["session_name"], family.child["session_name"], family.child["session_id"]):
        assert family.agent.get(f"/sessions/{name}").status_code == 200
    read(family.agent.post(f"/sessions/{family.job['session_name']}/events", {"type": "message", "data": {}}))
    assert family.agent.get(f"/jobs/{family.child['job_id']}").status_code == 200


def test_an_agent_does_not_reach_a_stranger(family: Family) -> None:
    name = family.stranger["session_name"]

    refused(family.agent.get(f"/sessions/{name}"), 403, "forbidden")
    refused(family.agent.get(f"/jobs/{family.stranger['job_id']}"), 403, "forbidden")
    refused(family.agent.post(f"/sessions/{name}/stop"), 403, "forbidden")
    refused(family.agent.post(f"/sessions/{name}/events", {"type": "message", "data": {}}), 403, "forbidden")


def test_an_agent_lists_only_its_own(family: Family) -> None:
    listed = items(read(family.agent.get("/sessions"))["sessions"])

    assert [one["session_name"] for one in listed] == [family.child["session_name"], family.job["session_name"]]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs"),
        ("DELETE", "/sessions"),
        ("GET", "/launchers"),
        ("POST", "/launcher/register"),
        ("POST", "/agents"),
    ],
)
def test_an_agent_may_not_do_what_users_and_launchers_do(family: Family, method: str, path: str) -> None:
    refused(family.agent.http.request(method, path), 403, "forbidden")


def test_a_token_that_was_changed_is_no_token(runtime: RuntimeProcess, family: Family) -> None:
    genuine = text(family.job["session_token"])
    subject, _, signature = genuine.rpartition(".")
    other = text(family.stranger["job_id"])

    for forged in (f"{subject}.", f"{subject}.{signature[:-2]}xx", f"ags.{other}.1.{signature}", "ags..1.", "...", "é"):
        with Desk(runtime.url, None) as stranger:
            answer = stranger.http.get("/agents", headers={b"Authorization": f"Bearer {forged}".encode()})
        refused(answer, 401, "unauthorized")


def test_a_token_is_good_for_its_attempt_only(desk: Desk, runtime: RuntimeProcess) -> None:
    job = desk.run()
    with Desk(runtime.url, text(job["session_token"])) as agent:
        desk.complete(job)
        assert agent.get("/agents").status_code == 200, "its last events may still be on their way"

        second = read(
            desk.post("/jobs", {"type": "resume_session", "session_name": job["session_name"], "prompt": "p"}), 201
        )

        assert agent.get(f"/jobs/{second['job_id']}").status_code == 200
