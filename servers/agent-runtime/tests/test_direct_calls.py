"""The shorter road to the hot calls leads to the same place as the framework's."""

from dataclasses import dataclass

import httpx
import pytest

from support.runtime_process import RuntimeProcess

LONG = "k" * 201


@dataclass(frozen=True)
class Call:
    """One request, and what is expected of its answer."""

    method: str
    path: str
    status: int
    code: str
    body: dict[str, object] | list[object] | None = None
    headers: tuple[tuple[str, str], ...] = ()


ORDER: dict[str, object] = {"type": "start_session", "session_name": "s", "agent_name": "echo", "prompt": "hello"}
PROOF: dict[str, object] = {"launcher_id": "lnch_00000000000000000000000000", "attempt": 1, "token": "t"}
OF_CHUNK = (("X-Launcher-Id", str(PROOF["launcher_id"])), ("X-Job-Attempt", "1"), ("X-Job-Token", "t"))
NO_JOB = "/launcher/jobs/job_00000000000000000000000000"
CALLS = {
    "an order without a prompt": Call("POST", "/jobs", 422, "invalid_parameters", ORDER | {"prompt": None}),
    "an order of an unknown agent": Call("POST", "/jobs", 404, "agent_unknown", ORDER | {"agent_name": "nobody"}),
    "an empty list of orders": Call("POST", "/jobs", 422, "invalid_parameters", []),
    "a key that is too long": Call("POST", "/jobs", 422, "invalid_parameters", ORDER, (("Idempotency-Key", LONG),)),
    "a parent that is too long": Call(
        "POST", "/jobs", 422, "invalid_parameters", ORDER, (("X-Agent-Session-Name", LONG),)
    ),
    "a poll of nobody": Call("GET", "/launcher/jobs", 422, "invalid_parameters"),
    "a poll with a word for a number": Call("GET", "/launcher/jobs?launcher_id=x&slots=no", 422, "invalid_parameters"),
    "a poll of an unknown launcher": Call("GET", "/launcher/jobs?launcher_id=x&wait=0", 404, "launcher_unknown"),
    "a start without a launcher": Call("POST", f"{NO_JOB}/started", 422, "invalid_parameters", {"attempt": 1}),
    "a start of an unknown job": Call("POST", f"{NO_JOB}/started", 404, "job_unknown", PROOF),
    "an end with a word for a number": Call(
        "POST", f"{NO_JOB}/completed", 422, "invalid_parameters", PROOF | {"exit_code": "none"}
    ),
    "an end of an unknown job": Call("POST", f"{NO_JOB}/failed", 404, "job_unknown", PROOF | {"exit_code": 1}),
    "reports of nothing": Call("POST", "/launcher/reports", 422, "invalid_parameters", {"launcher_id": "x"}),
    "reports with an unknown call": Call(
        "POST",
        "/launcher/reports",
        422,
        "invalid_parameters",
        {"launcher_id": "x", "reports": [{"call": "declined", "job_id": "job_1"}]},
    ),
    "a stop of an unknown job": Call("POST", f"{NO_JOB}/stopped", 404, "job_unknown", PROOF),
    "output of an unknown job": Call("POST", f"{NO_JOB}/log?offset=0", 404, "job_unknown", {}, OF_CHUNK),
    "output of a simple launcher": Call("POST", f"{NO_JOB}/log?offset=0", 404, "job_unknown", {}, OF_CHUNK[:1]),
    "output of nobody": Call("POST", f"{NO_JOB}/log?offset=0", 422, "invalid_parameters", {}, OF_CHUNK[1:]),
    "output from nowhere": Call("POST", f"{NO_JOB}/log?offset=-1", 422, "invalid_parameters", {}, OF_CHUNK),
    "an unknown session with its agent": Call("GET", "/sessions/nobody?agent=true", 404, "session_unknown"),
    "a session's name that is too long": Call("GET", f"/sessions/{LONG}?agent=true", 422, "invalid_parameters"),
    "no events": Call("POST", "/sessions/nobody/events", 422, "invalid_parameters", {"events": []}),
    "an event of no type": Call("POST", "/sessions/nobody/events", 422, "invalid_parameters", {"events": [{}]}),
    "events of an unknown session": Call(
        "POST", "/sessions/nobody/events", 404, "session_unknown", {"events": [{"type": "message"}]}
    ),
    "events with an unknown parameter": Call(
        "POST", "/sessions/nobody/events?now=1", 422, "invalid_parameters", {"events": [{"type": "message"}]}
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_what_is_not_plainly_right_gets_the_frameworks_sentence(call: Call, runtime: RuntimeProcess) -> None:
    headers = {"Authorization": f"Bearer {runtime.token}", **dict(call.headers)}
    body = ["not an object"] if call.method == "POST" and call.body is None else call.body
    answer = httpx.request(call.method, f"{runtime.url}{call.path}", json=body, headers=headers)
    assert answer.status_code == call.status, answer.text
    said = answer.json()
    assert said["code"] == call.code
    assert said["detail"], "every refusal says a sentence"
    assert answer.headers["cache-control"] == "no-store"


def test_a_session_and_its_events_are_the_same_on_both_roads(runtime: RuntimeProcess) -> None:
    headers = {"Authorization": f"Bearer {runtime.token}"}
    with httpx.Client(base_url=runtime.url, headers=headers) as calls:
        calls.post("/jobs", json=ORDER | {"session_name": "two-roads"}).raise_for_status()
        short, long = (calls.get(f"/sessions/two-roads?agent={word}") for word in ("true", "1"))
        event = {"type": "message", "data": {"text": "once"}, "client_event_id": "once"}
        both = {"events": [event], "metadata": {"mood": "good"}}
        # A single event is no batch, and goes the framework's way.
        told, again = (calls.post("/sessions/two-roads/events", json=body).json() for body in (both, event))
        mood = calls.get("/sessions/two-roads").json()["session"]["metadata"]
        calls.post("/sessions/two-roads/stop").raise_for_status()
    assert short.json() == long.json()
    assert dict(short.headers) == dict(long.headers) | {"date": short.headers["date"]}
    assert short.json()["agent"]["name"] == "echo"
    assert told == {"events": [again["events"][0] | {"duplicate": False}], "metadata_set": True}
    assert again == {"events": [again["events"][0] | {"duplicate": True}], "metadata_set": False}
    assert mood == {"mood": "good"}


def test_the_session_that_a_header_names_is_the_parent(runtime: RuntimeProcess) -> None:
    headers = {"Authorization": f"Bearer {runtime.token}"}
    with httpx.Client(base_url=runtime.url, headers=headers) as calls:
        calls.post("/jobs", json=ORDER | {"session_name": "by-header-parent"}).raise_for_status()
        child = ORDER | {"session_name": "by-header-child"}
        made = calls.post("/jobs", json=child, headers={"X-Agent-Session-Name": "by-header-parent"})
        assert made.status_code == 201, made.text
        job = calls.get(f"/jobs/{made.json()['job_id']}").json()
        for name in ("by-header-child", "by-header-parent"):
            calls.post(f"/sessions/{name}/stop").raise_for_status()
    assert job["parent_session_name"] == "by-header-parent"
