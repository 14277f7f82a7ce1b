"""The runtime starts with one line, refuses what would be unsafe, and leaves without making anybody wait."""

import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.desk import Desk, fresh, read, text
from support.runtime_process import PROGRAM, RuntimeProcess
from support.waiting import wait_until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RuntimeProcess]:
    """A runtime that this test may end."""
    process = RuntimeProcess(tmp_path)
    process.start()
    yield process
    if process.is_alive:
        process.stop()


def run(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    command = [str(PROGRAM), "--data-dir", str(folder), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_data_folder_and_its_secrets_are_for_their_owner_only(own: RuntimeProcess) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in own.data_dir.iterdir()}

    assert stat.S_IMODE(own.data_dir.stat().st_mode) == 0o700
    assert {"token", "session-key", "runtime.db"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_second_runtime_is_kept_out_of_the_data_folder(own: RuntimeProcess) -> None:
    second = run(own.data_dir, "--port", "0")

    assert second.returncode == 1
    assert f"another agent-runtime (process {own.pid}) uses it" in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        refused = run(tmp_path / "data", "--port", str(port))

    assert refused.returncode == 1
    assert f"port '{port}': it is in use" in refused.stderr
    assert "--port" in refused.stderr


def test_other_machines_are_not_served_without_tokens(tmp_path: Path) -> None:
    refused = run(tmp_path / "data", "--host", "0.0.0.0", "--port", "0", "--auth", "none")

    assert refused.returncode == 2
    assert "cannot listen on '0.0.0.0' without tokens" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_folder_that_others_use_is_not_taken_as_data_folder(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    (shared / "thesis.txt").write_text("not ours")

    refused = run(shared, "--port", "0")

    assert refused.returncode == 1
    assert "chmod 700" in refused.stderr
    assert [path.name for path in shared.iterdir()] == ["thesis.txt"]


def test_without_tokens_the_loopback_is_served_with_a_warning(tmp_path: Path) -> None:
    process = RuntimeProcess(tmp_path)
    process.start("--auth", "none")

    with Desk(process.url, None) as anybody:
        assert anybody.get("/jobs").status_code == 200

    process.stop()
    assert "--auth none" in process.log()


def test_leaving_answers_who_waits_for_output_with_what_there_is(own: RuntimeProcess) -> None:
    with Desk(own.url, own.token) as desk, socket.create_connection(("127.0.0.1", own.port)) as waiting:
        job = desk.run()
        head = f"GET /jobs/{job['job_id']}/log?wait=30 HTTP/1.1\r\nHost: localhost\r\n"
        waiting.sendall(f"{head}Authorization: Bearer {own.token}\r\n\r\n".encode())
        # Asked behind it, so once this is answered the other call has arrived.
        read(desk.get("/health"))

        own.signal(signal.SIGTERM)

        assert waiting.recv(15) == b"HTTP/1.1 200 OK"
        assert own.wait() == 0
        assert "Cancel" not in own.log()


def test_leaving_answers_a_parked_poll_and_ends_streams_at_once(own: RuntimeProcess) -> None:
    with Desk(own.url, own.token) as desk, ThreadPoolExecutor() as threads:
        launcher = text(read(desk.post("/launcher/register", {"name": fresh()}))["launcher_id"])
        poll = threads.submit(desk.get, "/launcher/jobs", launcher_id=launcher, wait=30)
        wait_until(lambda: b'"poll_parked":true' in desk.get("/launchers").content, "the poll is parked")
        with desk.http.stream("GET", "/events/stream") as stream:
            parts = stream.iter_bytes()
            next(parts)

            own.signal(signal.SIGTERM)

            assert b"".join(parts) == b""
        assert poll.result().status_code == 204
        assert own.wait() == 0


def test_the_token_stays_the_same_through_a_restart(own: RuntimeProcess) -> None:
    before = own.token
    own.restart()

    with Desk(own.url, before) as desk:
        assert desk.get("/jobs").status_code == 200
