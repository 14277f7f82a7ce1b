"""A session says why it stands where it stands, in the words of whoever knows; and lists say how many stand where."""

from support.desk import Desk, JsonObject, fresh, items, part, proof, read, text


def cause(desk: Desk, name: object) -> JsonObject:
    """What a session says of why it stands where it stands."""
    session = part(read(desk.get(f"/sessions/{name}"))["session"])
    names = ("status", "reason", "reason_detail", "reason_job_id", "reason_prompt_preview")
    return {key.removeprefix("reason_"): session[key] for key in names}


def test_a_session_that_waits_or_is_held_says_for_what(desk: Desk) -> None:
    made = desk.start(labels={"nobody": "has"}, prompt="Paint it")
    waits = cause(desk, made["session_name"])
    read(desk.post(f"/jobs/{made['job_id']}/hold"))

    held = cause(desk, made["session_name"])

    assert waits["reason"] in ("no_launcher", "no_matching_launcher")
    assert (waits["job_id"], waits["prompt_preview"]) == (made["job_id"], "Paint it")
    assert (held["status"], held["reason"]) == ("pending", "held")
    assert "until somebody lifts the hold" in text(held["detail"])


def test_a_session_that_failed_says_it_in_its_agents_words_until_it_goes_on(desk: Desk) -> None:
    job = desk.run()
    name = job["session_name"]
    at_work = cause(desk, name)
    failure: JsonObject = {**proof(job), "reason": "backend_auth", "error": "Please run /login\n", "exit_code": 1}
    read(desk.post(f"/launcher/jobs/{job['job_id']}/failed", failure))

    failed = cause(desk, name)
    read(desk.post(f"/jobs/{job['job_id']}/retry"))

    assert (at_work["reason"], at_work["job_id"]) == (None, job["job_id"])
    assert (failed["reason"], failed["detail"]) == ("backend_auth", "Please run /login")
    assert cause(desk, name)["reason"] != "backend_auth"


def test_a_session_that_has_stalled_says_so_in_a_list_too_until_it_goes_on(desk: Desk) -> None:
    job = desk.run()
    name = text(job["session_name"])
    told: JsonObject = {"job_id": job["job_id"], "attempt": 1, "data": {"detail": "it waits for its model"}}

    read(desk.post(f"/sessions/{name}/events", {"type": "session.stalled", **told}))
    stalled = cause(desk, name)
    (listed,) = [one for one in items(read(desk.get("/sessions"))["sessions"]) if one["session_name"] == name]
    read(desk.post(f"/sessions/{name}/events", {"type": "session.stirred", **told}))

    assert (stalled["status"], stalled["reason"], stalled["job_id"]) == ("running", "stalled", job["job_id"])
    assert text(stalled["detail"]).startswith("it waits for its model; ")
    assert listed["reason_detail"] == stalled["detail"]
    assert (cause(desk, name)["reason"], cause(desk, name)["detail"]) == (None, None)
    desk.complete(job)


def test_a_session_that_asks_says_what_in_a_list_too_until_it_is_answered(desk: Desk) -> None:
    job = desk.run()
    name = text(job["session_name"])
    asked: JsonObject = {"kind": "permission", "call_id": "c", "tool": "Bash", "input": {"command": "make clean"}}
    with Desk(desk.url, text(job["session_token"])) as agent:
        question = part(read(agent.post("/questions", asked), 201)["question"])["question_id"]
        agent.post("/questions", {"kind": "text", "call_id": "d", "text": "And then?"})

    asks = cause(desk, name)
    (listed,) = [one for one in items(read(desk.get("/sessions"))["sessions"]) if one["session_name"] == name]
    read(desk.post(f"/questions/{question}/answer", {"decision": "allow"}))

    assert (asks["status"], asks["reason"], asks["job_id"]) == ("waiting_input", "not_answered", job["job_id"])
    assert asks["detail"] == listed["reason_detail"] == 'may it use Bash with {"command": "make clean"}?'
    assert cause(desk, name)["detail"] == "And then?"
    desk.complete(job)


def test_the_job_that_ended_last_is_the_cause_whatever_was_made_after_it(desk: Desk) -> None:
    job = desk.run()
    name = job["session_name"]
    later: JsonObject = {"type": "resume_session", "session_name": name, "prompt": "and then"}
    read(desk.post("/jobs", later), 201)
    read(desk.post(f"/sessions/{name}/stop"))
    read(desk.post(f"/launcher/jobs/{job['job_id']}/stopped", proof(job)))

    stopped = cause(desk, name)

    assert (stopped["status"], stopped["reason"], stopped["job_id"]) == ("stopped", "stopped_by_user", job["job_id"])


def test_the_last_words_of_a_session_are_the_last_line_that_says_something(desk: Desk) -> None:
    job = desk.run()
    said = "I looked.\n\n```\nls\n```\nAll is mended.\n```\n---\n"
    read(desk.post(f"/sessions/{job['session_name']}/events", {"type": "result", "data": {"text": said}}))
    desk.complete(job)

    session = part(read(desk.get(f"/sessions/{job['session_name']}"))["session"])

    assert session["last_words"] == "All is mended."
    assert session["reason_job_id"] is None


def test_a_list_counts_those_in_each_state_whatever_page_is_asked_for(desk: Desk) -> None:
    root = text(desk.start()["session_name"])
    for _ in range(3):
        desk.start(fresh(), parent_session_name=root)
    read(desk.post(f"/sessions/{desk.start(parent_session_name=root)['session_name']}/stop"))

    page = read(desk.get("/sessions", tree=root, status="stopped", limit=1, counts="true"))

    assert page["counts"] == {"pending": 4, "stopped": 1}
    assert read(desk.get("/sessions", limit=1))["counts"] is None
