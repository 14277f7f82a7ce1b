"""A launcher tells its numbers where it was asked to, to those who may ask, and to nobody else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from launcher_rig.commands import CommandProject
from launcher_rig.fake_runtime import FakeRuntime
from launcher_rig.launcher_under_test import LauncherUnderTest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from support.waiting import wait_until


def address(launcher: LauncherUnderTest) -> str:
    """Where it says that its numbers are."""
    found = re.search(r"numbers are told at (\S+)", launcher.log())
    assert found, launcher.log()
    return found[1]


def numbers(url: str, **headers: str) -> dict[str, list[Sample]]:
    """What is told there, read as a monitoring system reads it."""
    answer = httpx.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]  # so the library has it
    return {family.name: list(family.samples) for family in families}


def value(samples: list[Sample], suffix: str = "", **labels: str) -> float:
    """One sample's value, or the sum of several."""
    return sum(one.value for one in samples if one.name.endswith(suffix) and labels.items() <= one.labels.items())


def test_what_a_launcher_has_done_and_has_is_told_in_the_openmetrics_form(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject
) -> None:
    launcher.start("--metrics", "127.0.0.1:0", "--max-jobs", "3")
    fake.jobs.add("job_1", "wait-go")
    failing = fake.jobs.add("job_2", "exit-3")
    wait_until(lambda: project.count("start") and failing.status == "failed", "one runs and one has failed")
    url = address(launcher)
    wait_until(lambda: value(numbers(url)["agent_launcher_job_ends"], "_total"), "its end is counted")

    told = numbers(url)

    assert value(told["agent_launcher_job_starts"], "_total") == 2
    assert value(told["agent_launcher_job_ends"], "_total", outcome="failed", reason="nonzero_exit") == 1
    assert (value(told["agent_launcher_jobs_running"]), value(told["agent_launcher_slots"])) == (1, 3)
    assert value(told["agent_launcher_claim_seconds"], "_count") == 2
    assert value(told["agent_launcher_start_seconds"], "_count") == 1
    assert value(told["agent_launcher_helpers"], kind="keeper") == 1
    assert value(told["agent_launcher_helper_memory_bytes"], kind="keeper") > 1 << 20
    assert value(told["agent_launcher_process_resident_memory_bytes"]) > 1 << 20
    assert httpx.get(url.replace("/metrics", "/")).status_code == 404
    stranger = httpx.get(url, headers={"Host": "stranger.example"})
    assert (stranger.status_code, "agent_launcher" in stranger.text) == (403, False), "a page that borrows our name"


def test_who_does_not_show_the_token_is_told_nothing(launcher: LauncherUnderTest, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("open-sesame\n")
    launcher.start("--metrics", "0.0.0.0:0", AGENT_LAUNCHER_METRICS_TOKEN_FILE=str(token))
    url = address(launcher).replace("0.0.0.0", "127.0.0.1")

    refused = [httpx.get(url), httpx.get(url, headers={"Authorization": "Bearer guessed"})]

    assert [one.status_code for one in refused] == [401, 401]
    assert "agent_launcher" not in refused[0].text + refused[1].text
    assert numbers(url, Authorization="Bearer open-sesame")


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("0.0.0.0:9465", "to everybody who reaches it: name a file with a token"),
        ("9465", "expected 'HOST:PORT'"),
        ("127.0.0.1:nine", "expected 'HOST:PORT'"),
        ("127.0.0.1:9465/x", "expected 'HOST:PORT'"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_before_anything_runs(
    launcher: LauncherUnderTest, told: str, sentence: str
) -> None:
    launcher.start("--metrics", told)

    assert launcher.wait() == 2
    assert sentence in launcher.log()
    assert launcher.log().count("\n") == 1


def test_a_port_that_is_taken_is_one_sentence(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    launcher.start("--metrics", fake.url.removeprefix("http://"))

    assert launcher.wait() == 2
    assert "Address already in use (AGENT_LAUNCHER_METRICS or --metrics)" in launcher.log()


def test_a_launcher_that_is_not_asked_loads_nothing_for_it(launcher: LauncherUnderTest) -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import lib.launcher; print(*sys.modules)"
    folder = launcher.script.parent

    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)

    assert {"prometheus_client", "http.server", "lib.numbers.server"} & set(done.stdout.split()) == set()
