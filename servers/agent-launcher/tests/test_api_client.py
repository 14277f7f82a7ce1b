"""The calls to the runtime: what is asked, and which answers are final."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from launcher_rig.attempts import job
from launcher_rig.fake_runtime import FakeRuntime, Fault

from lib.api_client import ApiClient, TokenSource, Wanted
from lib.errors import CallFailed, CallRejected, LauncherUnknown
from lib.wire import http_client as http_clients
from lib.wire.http_client import http_client


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.PROXY_PAGE, Fault.BAD_GATEWAY, Fault.HTML_404, Fault.UNAUTHORIZED),
        *(Fault.SERVER_ERROR, Fault.TOO_MANY, Fault.HALF_ANSWER),
    ],
)
def test_an_answer_that_is_not_the_runtimes_own_is_never_final(fake: FakeRuntime, api: ApiClient, fault: Fault) -> None:
    fake.fail("register", fault)

    with pytest.raises(CallFailed) as raised:
        api.register()

    assert not isinstance(raised.value, CallRejected)
    assert api.register().launcher_id


def test_an_unknown_launcher_is_told_apart(fake: FakeRuntime, api: ApiClient) -> None:
    with pytest.raises(LauncherUnknown):
        api.poll_job("lnch_9")


def test_a_typed_refusal_is_final_and_carries_its_code(fake: FakeRuntime, api: ApiClient) -> None:
    launcher_id = api.register().launcher_id

    with pytest.raises(CallRejected) as raised:
        api.report_completed(launcher_id, "job_9", job("s", "job_9"))

    assert (raised.value.status, raised.value.code) == (404, "job_unknown")


def test_a_poll_brings_a_job_or_none(fake: FakeRuntime, api: ApiClient) -> None:
    launcher_id = api.register().launcher_id
    fake.jobs.add("job_1", "alice", agent_name="coder", project_dir="/p", timeout_seconds=5, unheard_of=[1])

    found = api.poll_job(launcher_id)
    assert found is not None
    assert (found.job_id, found.session_name, found.agent_name, found.project_dir) == ("job_1", "alice", "coder", "/p")
    assert (found.attempt, found.token, found.timeout_seconds) == (1, "token-job_1-1", 5.0)
    api.report_started(launcher_id, "job_1", found)
    assert api.poll_job(launcher_id) is None


def test_a_poll_can_bring_many_jobs(fake: FakeRuntime, api: ApiClient) -> None:
    launcher_id = api.register().launcher_id
    for number in range(5):
        fake.jobs.add(f"job_{number}")

    answer = api.poll(launcher_id, Wanted(slots=3, batch=3))
    assert [found.job_id for found in answer.jobs] == ["job_0", "job_1", "job_2"]


def test_a_job_whose_id_could_leave_its_folder_is_not_taken(fake: FakeRuntime, api: ApiClient) -> None:
    launcher_id = api.register().launcher_id
    fake.jobs.add("../../etc")

    with pytest.raises(CallFailed, match="'job_id' must be letters, digits, '-' and '_'"):
        api.poll_job(launcher_id)


def test_a_wrong_offset_tells_the_right_one(fake: FakeRuntime, api: ApiClient) -> None:
    launcher_id = api.register().launcher_id
    fake.jobs.add("job_1").log.extend(b"12345")

    with pytest.raises(CallRejected) as raised:
        api.upload_log(launcher_id, job("s"), 9, b"x")

    assert (raised.value.code, raised.value.offset) == ("wrong_offset", 5)


def test_a_connection_that_was_closed_while_idle_is_replaced_unseen(fake: FakeRuntime, api: ApiClient) -> None:
    api.register()
    fake.fail("register", Fault.LOST_REQUEST)

    assert api.register().launcher_id  # the first try went into the old connection
    assert fake.count("register") == 3


def test_a_runtime_that_does_not_listen_is_a_failed_call() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        api = ApiClient(http_client(f"http://127.0.0.1:{unused.getsockname()[1]}"), TokenSource(None, Path("/none")))

        with pytest.raises(CallFailed, match="cannot reach the runtime: POST /launcher/register"):
            api.register()
    api.close()


def test_a_peer_that_drips_bytes_cannot_hold_a_call_beyond_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_clients, "CALL_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=_drip, args=(server,), daemon=True)
        dripping.start()
        api = ApiClient(http_client(f"http://127.0.0.1:{server.getsockname()[1]}"), TokenSource(None, Path("/none")))

        with pytest.raises(CallFailed, match=r"longer than its limit|timed out"):
            api._call("register", "POST", "/launcher/register", body={}, limit_seconds=0.3)

        api.close()
        dripping.join(5)
    assert not dripping.is_alive()


def test_the_token_file_is_read_again_after_a_refusal(fake: FakeRuntime, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n", "ascii")
    api = ApiClient(http_client(fake.url), TokenSource(None, file))
    api.register()
    file.write_text("new\n", "ascii")
    fake.fail("register", Fault.UNAUTHORIZED)

    with pytest.raises(CallFailed):
        api.register()
    api.register()
    api.close()

    assert fake.authorizations == ["Bearer old", "Bearer old", "Bearer new"]


def test_without_a_token_calls_go_without_one(fake: FakeRuntime) -> None:
    api = ApiClient(http_client(fake.url), TokenSource(None, Path("/none")))
    api.register()
    api.close()

    assert fake.authorizations == [None]


def _drip(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        gone = threading.Event()
        end = time.monotonic() + 5
        while time.monotonic() < end and not gone.wait(0.05):
            try:
                connection.sendall(b"X-Drip: 1\r\n")
            except OSError:
                return
