"""What a proxy says of its caller is believed from proxies that were named, and from nobody else."""

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from support.desk import Desk, items, read, text
from support.runtime_process import PROGRAM, RuntimeProcess
from support.waiting import wait_until

FORWARDED = {"X-Forwarded-For": "9.9.9.9, 192.0.2.7", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime whose proxy runs on this machine and calls it by its public name."""
    process = RuntimeProcess(
        tmp_path_factory.mktemp("behind"),
        {"AGENT_RUNTIME_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8", "AGENT_RUNTIME_ALLOWED_HOSTS": "runtime.example"},
    )
    yield process.start()
    process.leave_nothing()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that was told of no proxy."""
    process = RuntimeProcess(tmp_path_factory.mktemp("plain"))
    yield process.start()
    process.leave_nothing()


def log_in(runtime: RuntimeProcess, **headers: str) -> tuple[str, str]:
    """Use a login link as a proxy would pass it on; the cookie, and the address in the audit."""
    with Desk(runtime.url, runtime.token) as desk:
        path = text(read(desk.post("/login-links"), 201)["path"])
        answer = httpx.post(runtime.url + path, headers={**FORWARDED, **headers}, trust_env=False)
        assert answer.status_code == 303, answer.text

        def noted() -> str | None:
            entries = items(read(desk.get("/audit", limit=50))["audit"])
            return next((text(one["address"]) for one in entries if one["action"] == "POST /login"), None)

        return answer.headers["Set-Cookie"], wait_until(noted, "the audit knows the login")


def test_without_a_named_proxy_the_headers_mean_nothing(plain: RuntimeProcess) -> None:
    cookie, address = log_in(plain)

    assert "Secure" not in cookie.split("; ")
    assert address == "127.0.0.1"


def test_a_named_proxy_tells_address_and_scheme_and_what_its_caller_claims_is_not_believed(
    behind: RuntimeProcess,
) -> None:
    cookie, address = log_in(behind, Host="runtime.example")

    assert "Secure" in cookie.split("; ")
    assert address == "192.0.2.7"


def test_the_page_may_call_under_its_public_name_and_no_other(behind: RuntimeProcess) -> None:
    with Desk(behind.url, behind.token) as desk:
        own = {"Host": "runtime.example", "Origin": "https://runtime.example"}
        assert desk.http.get("/jobs", headers={**FORWARDED, **own}).status_code == 200
        for wrong in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            assert desk.http.get("/jobs", headers={**FORWARDED, **own, **wrong}).status_code == 403


def test_a_proxy_that_is_no_address_is_refused_at_the_start() -> None:
    refused = subprocess.run(
        [str(PROGRAM), "--port", "0", "--trusted-proxies", "10.0.0.1,*"], capture_output=True, text=True, check=False
    )

    assert refused.returncode == 2
    assert "AGENT_RUNTIME_TRUSTED_PROXIES" in refused.stderr
    assert "found '*'" in refused.stderr
