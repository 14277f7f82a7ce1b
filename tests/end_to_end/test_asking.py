"""What an agent asks survives the death of all that carries it, is asked once and approved once."""

import json
from pathlib import Path
from typing import cast

import psutil
import pytest

from support.launcher_process import LauncherProcess
from support.marked_processes import processes_with
from support.runtime_api import JsonObject, RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until


def asked(api: RuntimeApi, name: str, status: str = "open") -> list[JsonObject]:
    """A session's questions in a state."""
    return cast("list[JsonObject]", api.ask("GET", f"/questions?session={name}&status={status}")["questions"])


def wait_for_question(api: RuntimeApi, name: str) -> JsonObject:
    """Wait until a session asks, and return its only question."""
    (question,) = wait_until(lambda: asked(api, name), f"session {name} asks")
    return question


def answer(api: RuntimeApi, question: JsonObject, **given: str) -> None:
    """Answer a question."""
    api.ask("POST", f"/questions/{question['question_id']}/answer", given)


def script(project: Path) -> str:
    """One act that leaves a line each time that it is done."""
    return f"tool: Bash {json.dumps({'command': f'echo done >> {project}/acts'})}"


@pytest.mark.parametrize("gives_way", [False, True], ids=["waits", "gives-way"])
def test_a_question_survives_runtime_launcher_and_agent_and_is_approved_once(
    runtime: RuntimeProcess, api: RuntimeApi, claude_launcher: LauncherProcess, tmp_path: Path, gives_way: bool
) -> None:
    terms = {"give_way_seconds": 0.0} if gives_way else {}
    api.ask("PUT", "/agents/careful", {"backend": "claude", "permissions": "ask", "questions": terms})
    act = script(tmp_path)
    # A model that is told that its call was allowed makes it again, as ours does with what it was told for later.
    words = f"{act}\nsay: {{{{last}}}}\nlater: {act}\nlater: say: that was it"
    job_id = api.create_job("asks", words, agent_name="careful", project_dir=str(tmp_path))
    question = wait_for_question(api, "asks")
    if gives_way:
        wait_until(lambda: api.job(job_id)["reason"] == "not_answered", "the turn gave way")
        assert api.launchers()[0]["running_jobs"] == 0
        assert working("asks") == []

    for process in (runtime, claude_launcher):
        process.kill()
        process.wait()
        process.start()
    wait_until(lambda: any(row["status"] == "alive" for row in api.launchers()), "the launcher is back")
    assert wait_for_question(api, "asks")["question_id"] == question["question_id"]
    assert api.session_status("asks") == "waiting_input"
    answer(api, question, decision="allow")

    row = api.wait_for_end(job_id)
    assert (row["status"], row["error"]) == ("completed", None)
    assert (tmp_path / "acts").read_text() == "done\n"
    assert [one["question_id"] for one in asked(api, "asks", "answered")] == [question["question_id"]]
    assert asked(api, "asks") == []


def working(name: str) -> list[psutil.Process]:
    """Every process that works for a session."""
    return processes_with("AGENT_SESSION_NAME", name)


@pytest.mark.usefixtures("claude_launcher")
def test_an_agent_that_is_killed_while_it_asks_takes_its_question_along(api: RuntimeApi, tmp_path: Path) -> None:
    api.ask("PUT", "/agents/careful", {"backend": "claude", "permissions": "ask"})
    job_id = api.create_job("dies", script(tmp_path), agent_name="careful", project_dir=str(tmp_path))
    question = wait_for_question(api, "dies")
    for process in working("dies"):
        if process.name() == "claude":
            process.kill()

    assert api.wait_for_end(job_id)["status"] == "failed"
    assert [one["question_id"] for one in asked(api, "dies", "withdrawn")] == [question["question_id"]]
    late = api.http.post(f"/questions/{question['question_id']}/answer", json={"decision": "allow"})
    assert (late.status_code, late.json()["code"]) == (409, "question_withdrawn")
    assert not (tmp_path / "acts").exists()
