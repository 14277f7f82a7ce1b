"""With a certificate of its own the runtime is called over TLS by everything that calls it."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from support.commands import Commands
from support.launcher_process import LauncherProcess
from support.project import REPOSITORY
from support.runtime_process import PROGRAM, RuntimeProcess


class TlsRuntime(RuntimeProcess):
    """A runtime with a certificate."""

    @property
    def url(self) -> str:
        """Where it answers, by a name that stands in the certificate."""
        return f"https://localhost:{self.port}"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def secure(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRuntime]:
    folder = tmp_path_factory.mktemp("secure")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in issued.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    process = TlsRuntime(folder)
    process.start("--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem"))
    yield process
    process.leave_nothing()


def test_a_job_is_ordered_run_and_read_over_tls(secure: TlsRuntime, ca_file: Path, tmp_path: Path) -> None:
    trusting = {"AGENT_RUNTIME_CA_FILE": str(ca_file)}
    launcher = LauncherProcess(tmp_path / "launcher", secure.url, secure.token, environment=trusting)
    commands = Commands(secure.url, tmp_path, secure.token)
    try:
        launcher.start()
        started = commands.run("ao-start", "safe", "--agent", "echo", "-p", "hello", "--detach", environment=trusting)
        waited = commands.run("ao-wait", "safe", environment=trusting)
        result = commands.run("ao-get-result", "safe", environment=trusting)
    finally:
        launcher.leave_nothing()

    assert (started.exit_code, waited.exit_code, result.exit_code) == (0, 0, 0), started.err + waited.err + result.err
    assert "hello" in result.out


def test_a_certificate_that_nobody_vouches_for_is_refused_in_one_sentence(secure: TlsRuntime, tmp_path: Path) -> None:
    said = Commands(secure.url, tmp_path, secure.token).run("ao-list-sessions")

    assert said.exit_code == 5
    assert "certificate" in said.err
    assert "Traceback" not in said.err
    assert secure.token not in said.err


def test_what_to_do_is_told_by_what_was_found_on_the_way(
    secure: TlsRuntime, runtime: RuntimeProcess, tmp_path: Path
) -> None:
    untrusted, plain, over_tls = (
        f"https://localhost:{secure.port}",
        f"http://localhost:{secure.port}",
        f"https://localhost:{runtime.port}",
    )
    advice = {untrusted: "AGENT_RUNTIME_CA_FILE", plain: "begin with 'https://'", over_tls: "begin with 'http://'"}
    launcher = LauncherProcess(tmp_path / "launcher", untrusted, secure.token)

    for url, words in advice.items():
        said = Commands(url, tmp_path, secure.token).run("ao-list-sessions")
        launcher.runtime_url = url
        command, environment = launcher.command_line("doctor")
        doctor = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert words in said.err, said.err
        assert words in doctor.stdout, doctor.stdout
        assert "start it with" not in said.err


def test_a_file_without_a_certificate_is_named(secure: TlsRuntime, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    trusting = {"AGENT_RUNTIME_CA_FILE": str(wrong)}
    launcher = LauncherProcess(tmp_path / "launcher", secure.url, secure.token, environment=trusting)

    said = Commands(secure.url, tmp_path, secure.token).run("ao-list-sessions", environment=trusting)
    launcher.start(wait_registered=False)

    assert (said.exit_code, launcher.wait()) == (2, 2)
    assert "AGENT_RUNTIME_CA_FILE" in said.err
    assert "AGENT_RUNTIME_CA_FILE" in launcher.said()


def test_on_the_runtimes_machine_its_certificate_is_found_without_being_told(
    secure: TlsRuntime, tmp_path: Path
) -> None:
    at_home = {"AGENT_RUNTIME_DATA_DIR": str(secure.data_dir)}

    listed = Commands(secure.url, tmp_path).run("ao-list-sessions", environment=at_home)
    link = subprocess.run(
        [str(PROGRAM), "--data-dir", str(secure.data_dir), "login-link"], capture_output=True, text=True, check=True
    ).stdout

    assert listed.exit_code == 0, listed.err
    assert link.startswith(f"https://127.0.0.1:{secure.port}/login?link=")


def test_a_browser_that_came_over_tls_keeps_its_cookie_to_tls(secure: TlsRuntime, ca_file: Path) -> None:
    link = subprocess.run(
        [str(PROGRAM), "--data-dir", str(secure.data_dir), "login-link"], capture_output=True, text=True, check=True
    ).stdout
    context = ssl.create_default_context(cafile=str(ca_file))

    with httpx.Client(verify=context, trust_env=False) as page:
        cookie = page.post(link.strip()).headers["Set-Cookie"]

    assert "Secure" in cookie.split("; ")


def test_plain_http_on_the_secure_port_gets_nothing(secure: TlsRuntime) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{secure.port}/health", trust_env=False)


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused_at_the_start(
    authority: trustme.CA, tmp_path: Path
) -> None:
    authority.issue_cert("a").private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    authority.issue_cert("b").cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    pair = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))

    refused = subprocess.run(
        [str(PROGRAM), "--data-dir", str(tmp_path / "data"), "--port", "0", *pair], capture_output=True, text=True
    )

    assert refused.returncode != 0
    assert "belong together" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("setting", ["AGENT_RUNTIME_TLS_CERT", "AGENT_RUNTIME_TLS_KEY"])
def test_make_run_refuses_a_certificate_in_one_sentence_and_starts_nothing(setting: str, tmp_path: Path) -> None:
    environment = os.environ | {setting: str(tmp_path / "file.pem"), "AGENT_RUNTIME_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts/run_here.py"), "--once"],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 1
    assert f"cannot serve HTTPS with 'make run': it is for this machine alone, and {setting} is set" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()
