"""A running agent has a token of its own, which reaches its session and those that it started."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from agent_runtime.domain.event import Event, NewEvent
from agent_runtime.domain.ids import SessionId
from agent_runtime.http.stream.live import Family as Watched
from agent_runtime.http.stream.live import Wanted
from support.desk import Desk, Json, JsonObject, fresh, items, part, proof, read, refused, text
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


def test_an_agent_cannot_tell_a_stranger_from_nobody(family: Family) -> None:
    strange, nobody = text(family.stranger["session_name"]), fresh()
    strange_job, no_job = text(family.stranger["job_id"]), f"job_{'0' * 26}"

    def answers(name: str, job: str) -> list[tuple[int, str]]:
        agent = family.agent
        resume = {"type": "resume_session", "session_name": name, "prompt": "x"}
        start = {"type": "start_session", "session_name": "below", "agent_name": "echo", "prompt": "x"}
        said = [
            agent.get(f"/sessions/{name}"),
            agent.get(f"/sessions/{name}/status"),
            agent.get(f"/sessions/{name}/result"),
            agent.post(f"/sessions/{name}/stop"),
            agent.post(f"/sessions/{name}/events", {"type": "dance"}),
            agent.get("/sessions", parent=name),
            agent.get("/sessions", tree=name),
            agent.get("/events/stream", tree=name),
            agent.get(f"/jobs/{job}"),
            agent.http.patch(f"/jobs/{job}", json={"prompt": ""}),
            agent.post("/jobs", dict(resume)),
            agent.post("/jobs", {**start, "parent_session_name": name}),
        ]
        return [(one.status_code, one.text.replace(name, "NAME").replace(job, "JOB")) for one in said]

    seen = answers(strange, strange_job)
    assert seen == answers(nobody, no_job)
    assert [status for status, _ in seen] == [404, 200] + [404] * 10


def test_an_agent_orders_work_where_it_lives_or_where_a_blueprint_says(runtime: RuntimeProcess, desk: Desk) -> None:
    pooled = fresh()
    read(desk.post("/agents", {"name": pooled, "command": ["true"], "labels": {"pool": "night"}}), 201)
    launcher = read(desk.post("/launcher/register", {"hostname": "home", "labels": {"kind": "small"}}))["launcher_id"]
    made = desk.start(launcher_id=launcher, priority=100)
    job = part(read(desk.get("/launcher/jobs", launcher_id=str(launcher), wait=5))["job"])
    assert job["job_id"] == made["job_id"]
    read(desk.post(f"/launcher/jobs/{job['job_id']}/started", proof({**job, "launcher_id": launcher})))

    def order(**more: Json) -> JsonObject:
        return {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x", **more}

    with Desk(runtime.url, text(job["session_token"])) as agent:
        asked: list[Json] = [{"pool": "night"}, {"kind": "large"}]
        for labels in asked:
            said = refused(agent.post("/jobs", order(labels=labels)), 403, "forbidden")
            assert "runs where it lives" in said
        refused(agent.post("/jobs", order(agent_name=pooled, labels={"pool": "day"})), 403, "forbidden")
        own = read(agent.post("/jobs", order(labels={"kind": "small", "group": "g"})), 201)
        elsewhere = read(agent.post("/jobs", order(agent_name=pooled)), 201)

    why = [text(read(desk.get(f"/jobs/{one['job_id']}"))["reason_detail"]) for one in (own, elsewhere)]
    assert "on host 'home'" in why[0] or "free slot" in why[0]
    assert "on host" not in why[1]


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
        ("GET", "/audit"),
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


@contextmanager
def watching(agent: Desk, **query: str | int) -> Iterator[Iterator[JsonObject]]:
    """What a running agent sees of the event stream."""
    with agent.http.stream("GET", "/events/stream", params=query) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        yield (part(json.loads(line[6:])) for line in lines if line.startswith("data: "))


def say(desk: Desk, *names: object) -> None:
    """Let something happen in sessions, one after the other."""
    for name in names:
        read(desk.post(f"/sessions/{name}/events", {"type": "message", "data": {"text": "hello"}}))


def test_an_agent_watches_its_own_session_and_those_that_it_starts_meanwhile(desk: Desk, family: Family) -> None:
    own, child = family.job["session_name"], family.child["session_name"]

    with watching(family.agent, types="message") as events:
        grandchild = desk.start(parent_session_name=child)["session_name"]
        say(desk, own, child, grandchild)
        seen = [next(events)["session_name"] for _ in range(3)]

    assert seen == [own, child, grandchild]


@pytest.mark.parametrize("after", [None, 0])
def test_an_agent_sees_nothing_of_a_sibling_or_a_stranger(desk: Desk, family: Family, after: int | None) -> None:
    own, child = family.job["session_name"], family.child["session_name"]
    parent = desk.start()["session_name"]
    sibling = desk.start(parent_session_name=parent)["session_name"]

    with watching(family.agent, **({} if after is None else {"after": after})) as events:
        nephew = desk.start(parent_session_name=family.stranger["session_name"])["session_name"]
        say(desk, family.stranger["session_name"], nephew, sibling, parent)
        read(desk.post("/launcher/register", {}))
        read(desk.post("/agents", {"name": fresh(), "command": ["true"]}), 201)
        say(desk, own)
        seen = list(until_own_word(events, own))

    assert seen
    assert {one["session_name"] for one in seen} <= {own, child}


def test_asking_for_a_stranger_or_its_tree_lets_an_agent_see_no_more() -> None:
    own, stranger = SessionId("ses_own"), SessionId("ses_stranger")
    asked = (Wanted(session="stranger"), Wanted(root_session_id=stranger), Wanted(types=frozenset({"session.created"})))
    new = NewEvent("session.created", datetime.now(UTC), {"parent_session_id": None})
    born = Event(1, replace(new, session_id=stranger, session_name="stranger", root_session_id=stranger))

    for wanted in asked:
        assert wanted.takes(born)
        assert not replace(wanted, family=Watched([own])).takes(born)


def until_own_word(events: Iterator[JsonObject], name: object) -> Iterator[JsonObject]:
    """The events up to the first message of a session."""
    for event in events:
        yield event
        if event["session_name"] == name and event["type"] == "message":
            return
