"""Questions as programs meet them: asked with a session's token, waited for, answered, seen by whom they concern."""

import threading

import pytest

from support.desk import Desk, JsonObject, fresh, items, part, read, refused, text
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

ASKED: JsonObject = {"kind": "permission", "call_id": "c1", "tool": "Bash", "input": {"command": "rm -r build"}}


def test_an_agent_waits_for_its_answer_and_takes_it(runtime: RuntimeProcess, desk: Desk) -> None:
    job = desk.run()
    name = text(job["session_name"])
    with Desk(runtime.url, text(job["session_token"])) as agent:
        question = part(read(agent.post("/questions", ASKED), 201)["question"])
        where = f"/questions/{text(question['question_id'])}"
        again = part(read(agent.post("/questions", ASKED), 200)["question"])
        assert again == question
        refused(agent.post(f"{where}/take"), 409, "not_answered")
        heard: list[JsonObject] = []
        waiting = threading.Thread(target=lambda: heard.append(read(agent.get(where, wait=30))))
        waiting.start()
        shown = read(desk.get("/questions", status="open", session=name))
        (listed,) = items(shown["questions"])
        assert (listed["question_id"], shown["open"]) == (question["question_id"], 1)
        assert read(agent.get("/questions", limit=1))["open"] == 1
        assert read(desk.get(f"/sessions/{name}/status"))["status"] == "waiting_input"

        answered = read(desk.post(f"{where}/answer", {"decision": "deny", "message": "keep it"}))
        waiting.join(30)

        assert heard == [answered]
        assert (answered["decision"], answered["message"], answered["answered_by"]) == ("deny", "keep it", "user")
        refused(desk.post(f"{where}/answer", {"decision": "allow"}), 409, "already_answered")
        assert read(agent.post(f"{where}/take"))["taken_at"] is not None
        assert read(desk.get(f"/sessions/{name}/status"))["status"] == "running"
        assert read(desk.get("/questions"))["open"] == 0
        long: JsonObject = {"file_path": "x", "content": "x" * 1_500_000}
        read(agent.post("/questions", {**ASKED, "call_id": "c2", "tool": "Write", "input": long}), 201)
    desk.complete(job)


def test_what_was_said_to_a_question_is_in_the_events_and_in_the_audit(runtime: RuntimeProcess, desk: Desk) -> None:
    job = desk.run()
    name = text(job["session_name"])
    with Desk(runtime.url, text(job["session_token"])) as agent:
        question = text(part(read(agent.post("/questions", ASKED), 201)["question"])["question_id"])
    read(desk.post(f"/questions/{question}/answer", {"decision": "allow"}))

    told = items(read(desk.get(f"/sessions/{name}/events", types="question.asked,question.answered"))["events"])
    assert [(one["type"], *map(part(one["data"]).get, ("question_id", "decision"))) for one in told] == [
        ("question.asked", question, None),
        ("question.answered", question, "allow"),
    ]
    entry = ("POST /questions/{question_id}/answer", question, "user")

    def noted() -> bool:
        found = items(read(desk.get("/audit", limit=20))["audit"])
        return entry in [(one["action"], one["target"], one["caller"]) for one in found]

    wait_until(noted, "the answer is in the audit")
    desk.complete(job)


def test_a_question_is_nobodys_business_but_its_sessions_and_those_above(runtime: RuntimeProcess, desk: Desk) -> None:
    job, stranger = desk.run(), desk.run()
    with (
        Desk(runtime.url, text(job["session_token"])) as agent,
        Desk(runtime.url, text(stranger["session_token"])) as other,
    ):
        question = text(part(read(agent.post("/questions", ASKED), 201)["question"])["question_id"])
        nobodys = f"qst_{'0' * 26}"
        for path in (f"/questions/{question}", f"/questions/{nobodys}"):
            refused(other.get(path), 404, "question_unknown")
            refused(other.post(f"{path}/answer", {"decision": "allow"}), 404, "question_unknown")
            refused(other.post(f"{path}/take"), 404, "question_unknown")
        assert read(other.get("/questions"))["questions"] == []
        refused(agent.post(f"/questions/{question}/answer", {"decision": "allow"}), 403, "own_question")
        refused(other.post("/questions", {**ASKED, "session_name": job["session_name"]}), 404, "session_unknown")
    desk.complete(job)
    desk.complete(stranger)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"tool": None}, "a question of the kind 'permission' needs one"),
        ({"kind": "choice"}, "a question of the kind 'choice' needs one"),
        ({"kind": "form", "form": {"properties": {}}}, "a form is an object with 'properties'"),
        ({"kind": "form", "form": {"properties": {"a": {"type": {}}}}}, "field 'a' of the form must be one of"),
        ({"kind": "form", "form": {"properties": {"a": {}}, "required": [["a"]]}}, "is a list of names of its fields"),
        ({"kind": "form", "form": {"properties": {"a": {}}, "required": ["b"]}}, "is a list of names of its fields"),
        ({"call_id": "two words"}, "call_id"),
        ({"kind": "rant"}, "kind"),
    ],
)
def test_what_is_no_question_is_refused_with_a_sentence(
    runtime: RuntimeProcess, desk: Desk, said: JsonObject, why: str
) -> None:
    job = desk.run()
    with Desk(runtime.url, text(job["session_token"])) as agent:
        answer = agent.post("/questions", {**ASKED, **said})

    assert answer.status_code == 422
    assert why in answer.json()["detail"]
    desk.complete(job)


def test_a_blueprint_says_what_its_agent_may_do_and_is_refused_where_nobody_could_hold_it_to_that(desk: Desk) -> None:
    rules: JsonObject = {"default": "deny", "allow": ["Read", "Bash(git status:*)"]}
    made: JsonObject = {
        "name": fresh(),
        "backend": "claude",
        "permissions": rules,
        "questions": {"expire_seconds": 60.0},
    }
    kept = read(desk.post("/agents", dict(made)), 201)
    assert (kept["permissions"], kept["questions"]) == (rules, {"expire_seconds": 60.0})
    silent = read(desk.post("/agents", {**made, "name": fresh(), "permissions": {}}), 201)
    assert silent["permissions"] == {"default": "ask"}, "an object without rules asks; it is not as if nothing was said"
    command: JsonObject = {"backend": "command", "command": ["true"]}
    wrong: tuple[tuple[JsonObject, str], ...] = (
        ({**command, "permissions": None, "questions": {"give_way_seconds": 5.0}}, "cannot give way while it asks"),
        ({"permissions": {"default": None}}, "as 'default' 'allow', 'ask' or 'deny' is expected"),
        ({**command, "permissions": "ask"}, "cannot be held to 'ask'"),
        ({"backend": "gemini", "permissions": rules}, "cannot be held to rules"),
        ({"permissions": {"deny": ["Bash("]}}, "a rule such as 'Bash' or 'Bash(git status:*)' is expected"),
        ({"permissions": {"deny": ["Task(x)"]}}, "takes no pattern"),
        ({"permissions": "perhaps"}, "'allow', 'ask' or 'deny' is expected"),
        ({"permissions": "ask", "options": {"permission_mode": "plan"}}, "say the same (keep one)"),
        ({"permissions": {"allowed": []}}, "there is no key 'allowed'"),
    )
    for said, why in wrong:
        answer = desk.post("/agents", {**made, "name": fresh(), **said})
        assert answer.status_code == 422
        assert why in answer.json()["detail"]


def test_an_agent_that_uses_unasked_what_rules_above_it_are_about_is_not_started(desk: Desk) -> None:
    def below(rules: JsonObject, child: str) -> str | None:
        boss = fresh()
        read(desk.post("/agents", {"name": boss, "backend": "claude", "permissions": rules}), 201)
        parent = desk.start(agent_name=boss)["session_name"]
        order = {"type": "start_session", "session_name": fresh(), "agent_name": child, "prompt": "x"}
        answer = desk.post("/jobs", {**order, "parent_session_name": parent})
        return None if answer.status_code == 201 else str(answer.json()["detail"])

    kept: JsonObject = {"default": "allow", "deny": ["Read(secret/**)"]}
    assert "has rules about 'Read', which agent 'codex' uses without asking" in str(below(kept, "codex"))
    assert "rules about 'Read'" in str(below({"deny": ["Bash(rm:*)"]}, "codex")), "it would have to ask for that"
    assert below({"allow": ["Read"], "deny": ["Bash(rm:*)"]}, "codex") is None
    assert below(kept, "claude") is None


@pytest.mark.parametrize(
    ("said", "word"), [({"permissions": "ask"}, "ask"), ({"options": {"permission": "reject"}}, "deny")]
)
def test_an_agent_that_cannot_ask_is_not_started_below_one_that_must(desk: Desk, said: JsonObject, word: str) -> None:
    careful = fresh()
    read(desk.post("/agents", {"name": careful, "backend": "claude", **said}), 201)
    boss = desk.start(agent_name=careful)

    order = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x"}
    answer = desk.post("/jobs", {**order, "parent_session_name": boss["session_name"]})

    refused(answer, 409, "permissions_beyond_parent")
    told = read(desk.get(f"/sessions/{boss['session_name']}", agent="true"))
    held = ("permissions", "has_permission_rules", "is_held_from_above")
    assert [told[name] for name in held] == [word, False, False]
    child = desk.start(agent_name="claude", parent_session_name=boss["session_name"])
    told = read(desk.get(f"/sessions/{child['session_name']}", agent="true"))
    assert [told[name] for name in held] == [word, False, True]
