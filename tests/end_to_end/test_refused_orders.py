"""An order that cannot be right is refused in one clear sentence; nothing of it is kept."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.agents import add_agent
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess

ORDER: dict[str, object] = {
    "type": "start_session",
    "session_name": "bad",
    "agent_name": "echo",
    "prompt": "hello",
    "project_dir": "/tmp",
}
LIKE_OPTIONS = ("--help", "-h", "-x", "--", "--json", "--prompt", "-", "-p", "--agent")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime on which nothing runs."""
    process = RuntimeProcess(tmp_path_factory.mktemp("runtime"))
    yield process.start()
    process.leave_nothing()


def names(api: RuntimeApi) -> set[object]:
    """The sessions that have jobs."""
    return {job["session_name"] for job in api.jobs()}


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
    assert names(api) <= {"taken"}


def test_a_resume_of_an_unknown_session_is_refused(api: RuntimeApi) -> None:
    status, code, sentence = refusal(api, {"type": "resume_session", "session_name": "never-was", "prompt": "hi"})

    assert (status, code) == (404, "session_unknown")
    assert "never-was" in sentence


def test_a_name_is_never_given_to_a_second_session(api: RuntimeApi) -> None:
    api.create_job("taken", "hello", agent_name="echo", project_dir="/tmp")

    status, code, sentence = refusal(api, {**ORDER, "session_name": "taken"})

    assert (status, code) == (409, "session_exists")
    assert "taken" in sentence
    assert len(api.jobs(session="taken")) == 1


def test_an_inactive_agent_takes_no_jobs(api: RuntimeApi, tmp_path: Path) -> None:
    add_agent(api, tmp_path, "rests", "")
    api.ask("POST", "/agents/rests/deactivate")

    status, code, sentence = refusal(api, {**ORDER, "agent_name": "rests"})

    assert (status, code) == (409, "agent_inactive")
    assert "rests" in sentence


@pytest.mark.parametrize("body", [b"{", b"", b"[", b"\xff\xfe", b'"text"', b"nan"])
def test_a_body_that_is_no_order_is_refused(api: RuntimeApi, body: bytes) -> None:
    answer = api.http.post("/jobs", content=body, headers={"Content-Type": "application/json"})

    assert 400 <= answer.status_code < 500
    assert set(answer.json()) == {"detail", "code"}


def test_a_prompt_beyond_the_limit_is_refused(api: RuntimeApi) -> None:
    status, code, _ = refusal(api, {**ORDER, "prompt": "x" * (8 * 1024 * 1024 + 1)})

    assert (status, code) in {(413, "too_large"), (422, "invalid_parameters")}
    assert names(api) <= {"taken"}


def test_unknown_paths_and_methods_answer_in_the_same_shape(runtime: RuntimeProcess, api: RuntimeApi) -> None:
    for answer in (api.http.get("/no/such/path"), api.http.get("/jobs/job_unknown"), api.http.delete("/health")):
        assert 400 <= answer.status_code < 500
        assert set(answer.json()) == {"detail", "code"}
    assert httpx.get(f"{runtime.url}/jobs", trust_env=False).status_code == 401
