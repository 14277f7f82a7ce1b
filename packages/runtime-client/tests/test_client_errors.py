"""Every way in which a call can fail has one sentence, one code and one exit status."""

import socket
from collections.abc import Iterator

import pytest

from runtime_client.address import RuntimeAddress, find_runtime
from runtime_client.client import RuntimeClient
from runtime_client.errors import (
    NotTheRuntimeError,
    RefusedError,
    RuntimeClientError,
    RuntimeUnreachableError,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)
from runtime_client.exit_codes import ExitCode
from runtime_client.models import JobOrder, JobType, SessionQuery, SessionStatus
from runtime_client.wire import Json
from support.stand_in_runtime import Reply, StandInRuntime, stand_in_runtime

SESSION = {"session_id": "ses_1", "session_name": "one", "status": "finished"}


@pytest.fixture
def runtime() -> Iterator[StandInRuntime]:
    with stand_in_runtime() as started:
        yield started


@pytest.fixture
def client(runtime: StandInRuntime) -> Iterator[RuntimeClient]:
    with RuntimeClient(RuntimeAddress(runtime.url, "secret", "AGENT_RUNTIME_TOKEN")) as connected:
        yield connected


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_missing_runtime_is_named_with_its_url_and_the_command_that_starts_it() -> None:
    url = f"http://127.0.0.1:{unused_port()}"

    with RuntimeClient(RuntimeAddress(url)) as client, pytest.raises(RuntimeUnreachableError) as caught:
        client.health()

    assert str(caught.value) == (
        f"cannot reach the Agent Runtime at '{url}': [Errno 111] Connection refused"
        " (start it with 'commands/ao up' or 'uv run agent-runtime', or set AGENT_RUNTIME_URL)"
    )
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    assert not caught.value.was_sent


def test_a_wrong_token_is_answered_with_where_tokens_come_from(runtime: StandInRuntime, client: RuntimeClient) -> None:
    runtime.route("GET", "/sessions/one", Reply({"detail": "no", "code": "unauthorized"}, 401))

    with pytest.raises(UnauthorizedError, match=r"did not accept the token from AGENT_RUNTIME_TOKEN \(set .*'token'"):
        client.session("one")


def test_no_error_and_no_repr_shows_the_token(runtime: StandInRuntime, client: RuntimeClient) -> None:
    runtime.route("GET", "/sessions/one", Reply({"detail": "no", "code": "unauthorized"}, 401))

    with pytest.raises(UnauthorizedError) as caught:
        client.session("one")

    assert "secret" not in str(caught.value)
    assert "secret" not in repr(client.address)


@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_proxys_page_is_never_taken_for_an_answer(
    runtime: StandInRuntime, client: RuntimeClient, status: int
) -> None:
    runtime.route("GET", "/sessions/one", Reply(b"<html>Sign in</html>", status, "text/html"))

    with pytest.raises(NotTheRuntimeError, match=f"found HTTP {status} with 'text/html'") as caught:
        client.session("one")

    assert caught.value.is_passing


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_answer_that_may_change_by_itself_says_try_later(
    runtime: StandInRuntime, client: RuntimeClient, status: int
) -> None:
    runtime.route("GET", "/sessions/one", Reply(b"<html>", status, "text/html"))

    with pytest.raises(UnavailableError, match=f"HTTP {status}") as caught:
        client.session("one")

    assert caught.value.exit_code == ExitCode.TRY_LATER


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (404, "session_unknown", ExitCode.NOT_FOUND),
        (404, "agent_unknown", ExitCode.NOT_FOUND),
        (409, "session_exists", ExitCode.CONFLICT),
        (409, "session_busy", ExitCode.CONFLICT),
        (403, "forbidden", ExitCode.CONFLICT),
        (422, "invalid_parameters", ExitCode.USAGE),
        (413, "too_large", ExitCode.USAGE),
    ],
)
def test_the_runtimes_own_no_keeps_its_sentence_and_its_code(
    runtime: StandInRuntime, client: RuntimeClient, status: int, code: str, exit_code: ExitCode
) -> None:
    runtime.route("GET", "/sessions/one", Reply({"detail": "because of that", "code": code}, status))

    with pytest.raises(RefusedError, match=r"^because of that$") as caught:
        client.session("one")

    assert (caught.value.code, caught.value.exit_code, caught.value.is_passing) == (code, exit_code, False)


def test_an_answer_without_a_promised_field_is_named(runtime: StandInRuntime, client: RuntimeClient) -> None:
    runtime.route("GET", "/sessions/one", Reply({"session": {"session_id": "ses_1", "session_name": "one"}}))

    with pytest.raises(NotTheRuntimeError, match="expected 'status' to be a string, found nothing"):
        client.session("one")


def test_an_unknown_status_word_is_an_error_and_not_a_guess(runtime: StandInRuntime, client: RuntimeClient) -> None:
    runtime.route("GET", "/sessions/one", Reply({"session": {**SESSION, "status": "dancing"}}))

    with pytest.raises(RuntimeClientError, match="dancing"):
        client.session("one")


def test_a_job_whose_answer_was_lost_is_asked_for_again_under_the_same_key(
    runtime: StandInRuntime, client: RuntimeClient
) -> None:
    created = Reply({"job_id": "job_1", "status": "pending", "session_id": "ses_1", "session_name": "one"}, 201)
    runtime.route("POST", "/jobs", Reply(hangs_up=True), created)

    job = client.create_job(JobOrder(JobType.START_SESSION, "one", "do it", agent_name="echo"))

    keys = {asked.headers["idempotency-key"] for asked in runtime.of("POST", "/jobs")}
    assert job.job_id == "job_1"
    assert len(runtime.of("POST", "/jobs")) == 2
    assert len(keys) == 1


def test_what_was_not_asked_for_is_left_out_of_a_job(runtime: StandInRuntime, client: RuntimeClient) -> None:
    runtime.route("POST", "/jobs", Reply({"job_id": "job_1", "status": "pending", "session_name": "one"}, 201))

    client.create_job(JobOrder(JobType.START_SESSION, "one", "Grüße 🎉"))

    assert runtime.of("POST", "/jobs")[0].body == {
        "type": "start_session",
        "session_name": "one",
        "prompt": "Grüße 🎉",
    }


def test_a_list_is_read_to_its_end_or_its_limit_and_says_which(runtime: StandInRuntime, client: RuntimeClient) -> None:
    def page(cursor: str | None) -> Reply:
        return Reply({"sessions": [SESSION, SESSION], **({"next_cursor": cursor} if cursor else {})})

    runtime.route("GET", "/sessions", page("more"), page(None), page("more"), page("even more"))

    assert [len(client.sessions(SessionQuery(), 1000).items), client.sessions(SessionQuery(), 3).has_more] == [4, True]


def test_an_item_that_cannot_be_understood_takes_nothing_else_from_a_list(
    runtime: StandInRuntime, client: RuntimeClient
) -> None:
    runtime.route("GET", "/sessions", Reply({"sessions": [{**SESSION, "status": "dancing"}, SESSION]}))
    agents: list[Json] = [
        {"name": "broken", "backend": None, "error": "no JSON"},
        {"name": 7},
        {"name": "good", "backend": "command"},
    ]
    runtime.route("GET", "/agents", Reply({"agents": agents}))
    events: list[Json] = [{"seq": 1, "type": 4, "at": "x"}, {"seq": 2, "type": "result", "at": "x"}]
    runtime.route("GET", "/sessions/one/events", Reply({"events": events}))

    sessions, blueprints = client.sessions(SessionQuery(), 10), client.agents()

    assert [session.session_name for session in sessions.items] == [SESSION["session_name"]]
    assert "dancing" in sessions.unreadable[0]
    assert [(agent.name, agent.error) for agent in blueprints.items] == [("broken", "no JSON"), ("good", None)]
    assert "expected 'name' to be a string" in blueprints.unreadable[0]
    assert [event.seq for event in client.session_events("one")] == [2]


def test_a_status_of_an_unknown_name_is_not_existent(runtime: StandInRuntime, client: RuntimeClient) -> None:
    runtime.route("GET", "/sessions/no one/status", Reply({"status": "not_existent"}))

    assert client.session_status("no one") is SessionStatus.NOT_EXISTENT


@pytest.mark.parametrize("url", ["localhost:8765", "ftp://x", "http://", "http://host:port", "/tmp"])
def test_an_address_that_is_no_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(UsageError, match="expected a URL such as 'http://localhost:8765'"):
        find_runtime({"AGENT_RUNTIME_URL": url})


def test_the_token_comes_from_the_environment_before_the_data_folder(tmp_path: object) -> None:
    folder = str(tmp_path)
    with open(f"{folder}/token", "w", encoding="utf-8") as file:  # noqa: PTH123 - a plain file
        file.write("from-file\n")

    assert find_runtime({"AGENT_RUNTIME_DATA_DIR": folder}).token == "from-file"
    assert find_runtime({"AGENT_RUNTIME_DATA_DIR": folder, "AGENT_RUNTIME_TOKEN": "own"}).token == "own"
    assert find_runtime({"XDG_DATA_HOME": f"{folder}/none"}).token is None
