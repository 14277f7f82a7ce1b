"""What a session changed is asked of its launcher through the poll that it has parked, and answered to who waits."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from agent_runtime.domain.errors import TooMuch
from agent_runtime.domain.ids import InquiryId
from agent_runtime.services.launchers.inquiries import OF_LAUNCHER_MAX, answer_inquiry, ask_for_changes
from agent_runtime.services.sessions.events import GivenEvent, append_events
from agent_runtime.services.sessions.sessions import find_session
from support.desk import Desk, JsonObject, fresh, items, part, proof, read, refused, text
from support.runtime_process import RuntimeProcess
from support.store_rig import StoreRig

FIRST, SECOND = "1" * 40, "2" * 40
FOUND: JsonObject = {
    "repository": "/srv/shop",
    "files": [
        {"path": "a.py", "added": 3, "removed": 1, "is_untracked": False},
        {"path": "b.png", "added": None, "removed": None, "is_untracked": True},
    ],
    "files_left_out": 4,
    "patch": "diff --git a/a.py b/a.py\n",
    "is_cut": True,
}


@contextmanager
def asking(runtime: RuntimeProcess, name: str, **query: str) -> Iterator[Future[httpx.Response]]:
    """Somebody who waits for the answer."""
    with ThreadPoolExecutor(1) as pool, Desk(runtime.url, runtime.token) as other:
        yield pool.submit(other.get, f"/sessions/{name}/changes", **query)


def begun(desk: Desk, launcher_id: str, name: str, commit: str | None, order: JsonObject | None = None) -> JsonObject:
    """Let a job of a session run on a launcher and note where it started from."""
    plain: JsonObject = {"type": "resume_session", "session_name": name, "prompt": "on", "launcher_id": launcher_id}
    made = read(desk.post("/jobs", order or plain), 201)
    job = part(read(desk.get("/launcher/jobs", launcher_id=launcher_id, slots=1, wait=5))["job"])
    assert job["job_id"] == made["job_id"]
    job = {**job, "launcher_id": launcher_id}
    read(desk.post(f"/launcher/jobs/{job['job_id']}/started", proof(job)))
    start: JsonObject = {"backend": "claude", "project_dir": "/srv/shop", "commit": commit}
    event: JsonObject = {"type": "session_start", "data": start, "job_id": job["job_id"], "attempt": 1}
    read(desk.post(f"/sessions/{name}/events", {"events": [event]}))
    return job


def session(desk: Desk, commit: str | None = FIRST) -> tuple[str, str, JsonObject]:
    """A session whose first job runs: its name, its launcher and the job."""
    name = fresh()
    launcher_id = text(read(desk.post("/launcher/register", {"name": name, "hostname": name}))["launcher_id"])
    order: JsonObject = {
        "type": "start_session",
        "session_name": name,
        "agent_name": "echo",
        "prompt": "begin",
        "launcher_id": launcher_id,
    }
    return name, launcher_id, begun(desk, launcher_id, name, commit, order)


def inquiry_for(desk: Desk, launcher_id: str) -> JsonObject:
    (inquiry,) = items(read(desk.get("/launcher/jobs", launcher_id=launcher_id, slots=0, wait=20))["inquiries"])
    return inquiry


def test_a_launcher_is_asked_while_the_session_runs_and_after_it_and_its_answer_is_shown(
    desk: Desk, runtime: RuntimeProcess
) -> None:
    name, launcher_id, job = session(desk)
    answer: JsonObject = {"launcher_id": launcher_id, "changes": FOUND}
    for is_over in (False, True):
        if is_over:
            desk.complete(job)
        with asking(runtime, name) as waiting:
            asked = inquiry_for(desk, launcher_id)
            assert (asked["project_dir"], asked["since_commit"], asked["until_commit"]) == ("/srv/shop", FIRST, None)
            read(desk.post(f"/launcher/inquiries/{asked['inquiry_id']}", answer))
            told = read(waiting.result())
        assert {key: told[key] for key in FOUND} == FOUND
        assert (told["since_commit"], told["launcher_id"]) == (FIRST, launcher_id)
    refused(desk.post(f"/launcher/inquiries/{asked['inquiry_id']}", answer), 404, "inquiry_unknown")
    assert desk.get("/launcher/jobs", launcher_id=launcher_id, slots=0, wait=0).status_code == 204


def test_a_turn_is_compared_with_the_start_of_the_next_one_and_what_cannot_be_told_is_refused_in_a_sentence(
    desk: Desk, runtime: RuntimeProcess
) -> None:
    name, launcher_id, first = session(desk)
    desk.complete(first)
    second = begun(desk, launcher_id, name, SECOND)
    desk.complete(second)
    third = begun(desk, launcher_id, name, SECOND)
    path = f"/sessions/{name}/changes"

    for job, until in ((first, SECOND), (third, None)):
        with asking(runtime, name, job=text(job["job_id"])) as waiting:
            asked = inquiry_for(desk, launcher_id)
            assert asked["until_commit"] == until
            answer: JsonObject = {"launcher_id": launcher_id, "error": "the folder '/srv/shop' is in no Git repository"}
            read(desk.post(f"/launcher/inquiries/{asked['inquiry_id']}", answer))
            assert "is in no Git repository" in refused(waiting.result(), 409, "changes_unknown")
    assert "nothing was committed" in refused(desk.get(path, job=text(second["job_id"])), 409, "not_committed")
    refused(desk.get(path, job="job_of_nobody"), 404, "job_unknown")
    plain, _, _ = session(desk, None)
    assert "no start of it noted a commit" in refused(desk.get(f"/sessions/{plain}/changes"), 409, "no_start_commit")
    desk.complete(third)
    desk.http.delete(f"/launchers/{launcher_id}")
    assert "no launcher is alive on" in refused(desk.get(path), 409, "launcher_away")


def test_no_agent_has_a_launcher_look_at_folders_for_it(runtime: RuntimeProcess, desk: Desk) -> None:
    name, _, job = session(desk)

    with Desk(runtime.url, text(job["session_token"])) as agent:
        # Which folder it is says an event that an agent could write; its sandbox may keep it from reading there.
        assert "session" in refused(agent.get(f"/sessions/{name}/changes"), 403, "forbidden")


def test_an_inquiry_is_given_once_and_no_launcher_has_more_than_it_can_answer(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create()
    job = rig.run(launcher)
    start = GivenEvent("session_start", {"commit": FIRST, "project_dir": "/srv"})
    rig.do(lambda tx: append_events(tx, find_session(tx, job.session_name), [start]))

    def ask() -> InquiryId:
        return rig.do(lambda tx: ask_for_changes(tx, find_session(tx, job.session_name), None)).id

    asked = [ask() for _ in range(2)]
    assert launcher.id in rig.news[-1].launchers

    assert {one.id for one in rig.poll(launcher, slots=0).inquiries} == set(asked)
    assert not rig.poll(launcher, slots=0).inquiries
    later = ask()
    assert [one.id for one in rig.poll(launcher, slots=0).inquiries] == [later]
    rig.do(lambda tx: answer_inquiry(tx, launcher.id, asked[0], {"error": "no"}))
    assert rig.news[-1].logs == (asked[0],)
    assert rig.do(lambda tx: tx.inquiries.answer_of(asked[0])) == {"error": "no"}
    for _ in range(OF_LAUNCHER_MAX - 3):
        ask()
    with pytest.raises(TooMuch, match="8 questions are on their way"):
        ask()
    rig.clock.move(minutes=11)
    ask()
    assert rig.do(lambda tx: tx.inquiries.count(launcher.id)) == 1
