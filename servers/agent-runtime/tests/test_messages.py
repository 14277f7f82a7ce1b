"""What was said to a busy session waits in order, can be changed and taken back, and says how far it has got."""

import pytest

from support.desk import Desk, JsonObject, fresh, items, part, proof, read, refused, text


def states(desk: Desk, session: str) -> list[tuple[str, str]]:
    """The messages of a session with their states, oldest first."""
    found = items(read(desk.get(f"/sessions/{session}/messages"))["messages"])
    return [(text(one["prompt_preview"]), text(one["state"])) for one in reversed(found)]


def claim(desk: Desk, job_id: str) -> JsonObject:
    """Claim one job, and give back at once what else there was."""
    launcher = text(read(desk.post("/launcher/register", {"name": fresh()}))["launcher_id"])
    while True:
        found = desk.get("/launcher/jobs", launcher_id=launcher, wait=5, slots=100, batch=100)
        jobs = items(found.json()["jobs"]) if found.status_code == 200 else []
        mine: JsonObject = {}
        for job in jobs:
            if job["job_id"] == job_id:
                mine = {**job, "launcher_id": launcher}
            else:
                body: JsonObject = {**proof({**job, "launcher_id": launcher}), "reason": "spawn_failed"}
                read(desk.post(f"/launcher/jobs/{text(job['job_id'])}/declined", body))
        if mine:
            return mine


def go(desk: Desk, job_id: str) -> JsonObject:
    """Claim a job and report that it started."""
    job = claim(desk, job_id)
    read(desk.post(f"/launcher/jobs/{job_id}/started", proof(job)))
    return job


def say(desk: Desk, session: str, words: str) -> str:
    """Say something more to a session."""
    order: JsonObject = {"type": "resume_session", "session_name": session, "prompt": words}
    return text(read(desk.post("/jobs", order), 201)["job_id"])


def test_accepted_delivered_and_consumed_are_three_things(desk: Desk) -> None:
    name = fresh()
    first = text(desk.start(name)["job_id"])
    second = say(desk, name, "second")
    job = go(desk, first)
    assert states(desk, name) == [("hello", "delivered"), ("second", "accepted")]

    desk.complete(job)
    running = go(desk, second)

    assert states(desk, name) == [("hello", "consumed"), ("second", "delivered")]
    desk.complete(running)


def test_a_message_that_waits_can_be_changed_and_taken_back(desk: Desk) -> None:
    name = fresh()
    job = go(desk, text(desk.start(name)["job_id"]))
    changed, taken = say(desk, name, "first thought"), say(desk, name, "never mind")

    edited = read(desk.http.patch(f"/jobs/{changed}", json={"prompt": "second thought"}))
    withdrawn = read(desk.http.delete(f"/jobs/{taken}"))

    assert edited["prompt"] == "second thought"
    assert withdrawn["status"] == "stopped"
    assert states(desk, name)[1:] == [("second thought", "accepted"), ("never mind", "withdrawn")]
    desk.complete(job)
    assert go(desk, changed)["prompt"] == "second thought"


def test_what_a_launcher_has_can_be_neither_changed_nor_taken_back(desk: Desk) -> None:
    job_id = text(desk.start()["job_id"])
    claim(desk, job_id)

    refused(desk.http.patch(f"/jobs/{job_id}", json={"prompt": "too late"}), 409, "already_claimed")
    refused(desk.http.delete(f"/jobs/{job_id}"), 409, "already_claimed")


@pytest.mark.parametrize("prompt", ["", "\0", 7, None])
def test_a_message_cannot_become_something_that_is_no_prompt(desk: Desk, prompt: str | int | None) -> None:
    job_id = text(desk.start()["job_id"])

    assert read(desk.http.patch(f"/jobs/{job_id}", json={"prompt": prompt}), 422)["code"] == "invalid_parameters"


def test_the_runtimes_own_news_can_be_seen_but_not_rewritten(desk: Desk) -> None:
    boss, child = fresh(), fresh()
    desk.complete(go(desk, text(desk.start(boss)["job_id"])))
    job = go(desk, text(desk.start(child, parent_session_name=boss, callback=True)["job_id"]))
    (waiting,) = items(read(desk.get(f"/sessions/{boss}/callbacks"))["callbacks"])
    assert (waiting["state"], waiting["reason"]) == ("pending", "child_at_work")

    desk.complete(job)

    (told,) = items(read(desk.get("/callbacks", child=child))["callbacks"])
    assert (told["state"], told["outcome"]) == ("delivered", "finished")
    newest = items(read(desk.get(f"/sessions/{boss}/messages"))["messages"])[0]
    assert (newest["sender"], newest["is_editable"]) == ("runtime", False)
    answer = desk.http.patch(f"/jobs/{text(newest['job_id'])}", json={"prompt": "obey me"})
    assert "withdraw it" in refused(answer, 409, "not_editable")


def test_a_parent_that_reads_its_childs_result_by_header_is_not_told_of_it(desk: Desk) -> None:
    boss, child = fresh(), fresh()
    busy = go(desk, text(desk.start(boss)["job_id"]))
    job = go(desk, text(desk.start(child, parent_session_name=boss, callback=True)["job_id"]))
    event: JsonObject = {"type": "result", "data": {"text": "done"}, "job_id": job["job_id"]}
    read(desk.post(f"/sessions/{child}/events", event))
    desk.complete(job)

    read(desk.http.get(f"/sessions/{child}/result", headers={"X-Agent-Session-Name": boss}))
    desk.complete(busy)

    (told,) = items(read(desk.get("/callbacks", parent=boss))["callbacks"])
    assert (told["state"], told["reason"]) == ("consumed", "read_by_parent")
    assert read(desk.get(f"/sessions/{boss}/status"))["status"] == "finished"


def test_the_tree_is_answered_with_what_was_spent(desk: Desk) -> None:
    boss, child = fresh(), fresh()
    desk.start(boss, limits={"max_tree_cost_usd": 5})
    job = go(desk, text(desk.start(child, parent_session_name=boss)["job_id"]))
    data: JsonObject = {"text": "x", "cost_usd": 0.5, "usage": {"input_tokens": 7}}
    read(desk.post(f"/sessions/{child}/events", {"type": "result", "data": data, "job_id": job["job_id"]}))

    answer = read(desk.get(f"/sessions/{boss}/tree"))

    top = part(answer["tree"])
    assert (answer["sessions"], top["limits"]) == (2, {"max_tree_cost_usd": 5.0})
    assert part(top["tree_spent"])["cost_usd"] == 0.5
    assert [one["session_name"] for one in items(top["children"])] == [child]


def test_an_agent_orders_work_for_itself_and_its_descendants_only(desk: Desk) -> None:
    stranger, boss = fresh(), fresh()
    desk.start(stranger)
    job = go(desk, text(desk.start(boss)["job_id"]))

    with Desk(desk.url, text(job["session_token"])) as agent:
        mine = agent.start(fresh())
        resume: JsonObject = {"type": "resume_session", "session_name": stranger, "prompt": "obey"}
        refused(agent.post("/jobs", resume), 404, "session_unknown")
        order: JsonObject = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x"}
        refused(agent.post("/jobs", {**order, "parent_session_name": stranger}), 404, "parent_unknown")

    assert part(read(desk.get(f"/sessions/{text(mine['session_name'])}"))["session"])["parent_session_name"] == boss
