"""Whatever is wrong with an order, its sender is told in one clear sentence, and nothing else is lost."""

import hashlib
from pathlib import Path

import httpx
import pytest

from support.agents import add_agent
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess

pytestmark = pytest.mark.long

ORDER: dict[str, object] = {
    "type": "start_session",
    "session_name": "bad",
    "agent_name": "echo",
    "prompt": "hello",
    "project_dir": "/tmp",
}


LIKE_OPTIONS = ("--help", "-h", "-x", "--", "--json", "--prompt", "-", "-p", "--agent")


def refusal(api: RuntimeApi, order: dict[str, object]) -> tuple[int, str, str]:
    """The status, code and sentence with which an order is refused."""
    answer = api.http.post("/jobs", json=order)
    body = answer.json()
    return answer.status_code, str(body.get("code")), str(body.get("detail"))


@pytest.mark.parametrize(
    ("field", "value", "code", "word"),
    [
        ("session_name", "", "invalid_parameters", "session_name"),
        ("session_name", "x" * 61, "invalid_parameters", "60"),
        ("session_name", "größe", "invalid_parameters", "größe"),
        ("session_name", "two words", "invalid_parameters", "two words"),
        ("session_name", "ses_mine", "invalid_parameters", "ses_"),
        *(("session_name", name, "invalid_parameters", "not starting with '-'") for name in LIKE_OPTIONS),
        ("session_name", "a\u0000b", "invalid_parameters", "session_name"),
        ("prompt", "", "invalid_parameters", "prompt"),
        ("prompt", "a\u0000b", "invalid_parameters", "prompt"),
        ("project_dir", "relative/folder", "invalid_parameters", "relative/folder"),
        ("project_dir", "/tmp/a\u0000b", "invalid_parameters", "project_dir"),
        ("agent_name", "nobody-knows-me", "agent_unknown", "nobody-knows-me"),
        ("type", "dance", "invalid_parameters", "type"),
        ("priority", 101, "invalid_parameters", "priority"),
        ("timeout_seconds", -1, "invalid_parameters", "timeout_seconds"),
        ("labels", {"gpu": ["yes"]}, "invalid_parameters", "labels"),
    ],
)
def test_a_bad_field_is_refused_with_a_sentence_that_names_it(
    api: RuntimeApi, field: str, value: object, code: str, word: str
) -> None:
    status, found_code, sentence = refusal(api, {**ORDER, field: value})

    assert 400 <= status < 500, sentence
    assert (found_code, word in sentence) == (code, True), sentence
    assert api.jobs() == []


def test_a_resume_of_an_unknown_session_is_refused(api: RuntimeApi) -> None:
    status, code, sentence = refusal(api, {"type": "resume_session", "session_name": "never-was", "prompt": "hi"})

    assert (status, code) == (404, "session_unknown")
    assert "never-was" in sentence


def test_a_name_is_never_given_to_a_second_session(api: RuntimeApi) -> None:
    api.create_job("taken", "hello", agent_name="echo", project_dir="/tmp")

    status, code, sentence = refusal(api, {**ORDER, "session_name": "taken"})

    assert (status, code) == (409, "session_exists")
    assert "taken" in sentence
    assert len(api.jobs()) == 1


def test_an_inactive_agent_takes_no_jobs(api: RuntimeApi) -> None:
    api.ask("POST", "/agents/echo/deactivate")

    status, code, sentence = refusal(api, ORDER)

    assert (status, code) == (409, "agent_inactive")
    assert "echo" in sentence


@pytest.mark.parametrize("body", [b"{", b"", b"[", b"\xff\xfe", b'"text"', b"nan"])
def test_a_body_that_is_no_order_is_refused(api: RuntimeApi, body: bytes) -> None:
    answer = api.http.post("/jobs", content=body, headers={"Content-Type": "application/json"})

    assert 400 <= answer.status_code < 500
    assert set(answer.json()) == {"detail", "code"}


@pytest.mark.parametrize("size", [200 * 1024, 5 * 1024 * 1024])
def test_a_long_prompt_arrives_whole(
    api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path, size: int
) -> None:
    prompt = ("0123456789abcdef" * (size // 16))[:size]
    add_agent(
        api, tmp_path, "weighs", "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    )

    job = api.wait_for_end(api.create_job("long", prompt, agent_name="weighs", project_dir=str(tmp_path)))

    assert job["status"] == "completed", job["error"]
    assert api.result("long").strip() == hashlib.sha256(prompt.encode()).hexdigest()


def test_a_very_long_result_is_kept_within_bounds_and_not_lost(
    api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    add_agent(api, tmp_path, "talks", "print('first words ' + 'ö' * 3_000_000 + ' last words')")

    job = api.wait_for_end(api.create_job("talker", "go", agent_name="talks", project_dir=str(tmp_path)))
    result = api.result("talker").strip()

    assert job["status"] == "completed", job["error"]
    assert (result[:11], result[-10:]) == ("first words", "last words")
    assert len(result.encode()) < 1024 * 1024


def test_a_prompt_beyond_the_limit_is_refused(api: RuntimeApi) -> None:
    status, code, _ = refusal(api, {**ORDER, "prompt": "x" * (8 * 1024 * 1024 + 1)})

    assert (status, code) in {(413, "too_large"), (422, "invalid_parameters")}
    assert api.jobs() == []


def test_a_missing_project_folder_fails_the_job_with_its_path(
    api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    missing = tmp_path / "not-here"

    job = api.wait_for_end(api.create_job("nowhere", "hi", agent_name="echo", project_dir=str(missing)))

    assert job["status"] == "failed"
    assert str(missing) in (job["error"] or "")
    assert api.session_status("nowhere") == "failed"


def test_a_file_as_project_folder_fails_the_job_with_its_path(
    api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    file = tmp_path / "file.txt"
    file.write_text("no folder", encoding="utf-8")

    job = api.wait_for_end(api.create_job("file", "hi", agent_name="echo", project_dir=str(file)))

    assert job["status"] == "failed"
    assert str(file) in (job["error"] or "")


def test_the_exit_code_that_is_told_is_the_agents_own(
    api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    del whole_launcher
    add_agent(api, tmp_path, "quits", "import sys; sys.exit(42)")
    add_agent(api, tmp_path, "dies", "import os; os.kill(os.getpid(), 9)")

    ends = [
        api.wait_for_end(api.create_job(name, "x", agent_name=name, project_dir="/tmp")) for name in ("quits", "dies")
    ]

    assert [(end["reason"], end["exit_code"], end["signal"]) for end in ends] == [
        ("nonzero_exit", 42, None),
        ("signal", None, 9),
    ]


def test_an_ao_start_that_is_not_executable_fails_the_job_and_the_next_one_works(
    api: RuntimeApi, launcher: LauncherProcess, project: Project, ledger: Ledger
) -> None:
    command = project.commands / "ao-start"
    command.chmod(0o644)

    job = api.wait_for_end(api.create_job("first", "hi", project_dir=str(project.work)))
    assert (job["status"], job["reason"]) == ("failed", "spawn_failed")
    assert "ao-start" in (job["error"] or "")
    assert ledger.runs() == []

    command.chmod(0o755)
    again = api.wait_for_end(api.create_job("second", "hi", project_dir=str(project.work)))
    assert again["status"] == "completed", again["error"]


def test_the_launcher_waits_for_a_runtime_that_is_not_there_yet(
    runtime: RuntimeProcess, quiet_launcher: LauncherProcess
) -> None:
    runtime.stop()
    quiet_launcher.start(wait_registered=False)
    quiet_launcher.wait_for_line("cannot")

    runtime.start()

    quiet_launcher.wait_for_line("registered", timeout=60)


def test_unknown_paths_and_methods_answer_in_the_same_shape(runtime: RuntimeProcess, api: RuntimeApi) -> None:
    for answer in (api.http.get("/no/such/path"), api.http.get("/jobs/job_unknown"), api.http.delete("/health")):
        assert 400 <= answer.status_code < 500
        assert set(answer.json()) == {"detail", "code"}
    assert httpx.get(f"{runtime.url}/jobs", trust_env=False).status_code == 401
