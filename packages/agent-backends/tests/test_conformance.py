"""The conformance suite over the scripted agent: it finds every fault that breaks the protocol, and nothing else."""

import asyncio
import os
from pathlib import Path

import pytest

from agent_backends.conformance.check import check
from agent_backends.conformance.findings import Findings, Verdict
from agent_backends.conformance.probe import Subject
from support.agent_rig import FAKE_ACP
from support.marked_processes import processes_with

pytestmark = pytest.mark.long


def looked_at(folder: Path, *words: str, seconds: float = 15.0) -> Findings:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKED_IN": str(folder)}
    found = asyncio.run(check(Subject((str(FAKE_ACP), *words), folder, environment, seconds)))
    assert processes_with("CHECKED_IN", str(folder)) == []
    return found


def broken(findings: Findings) -> set[str]:
    return {finding.subject for finding in findings.all if finding.verdict is Verdict.BROKEN}


def test_an_agent_that_keeps_to_the_protocol_is_well_and_what_it_can_is_told(tmp_path: Path) -> None:
    found = looked_at(tmp_path)

    assert [finding.line() for finding in found.all if finding.verdict is Verdict.BROKEN] == []
    subjects = [finding.subject for finding in found.all if finding.verdict is Verdict.OK]
    assert {"initialize", "session/new", "session/prompt", "session/resume", "session/load"} <= set(subjects)
    assert {"session/cancel", "unknown method", "end of input", "session/load, unknown"} <= set(subjects)


def test_what_an_agent_does_not_declare_is_no_fault(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "--without", "load", "--without", "resume")

    assert found.is_well
    assert {finding.subject for finding in found.all if finding.verdict is Verdict.NOT} >= {"session/load"}


@pytest.mark.parametrize(
    ("fault", "subject"),
    [
        ("silent", "initialize"),
        ("silent-prompt", "session/prompt"),
        ("bad-json", "standard output"),
        ("half-line", "session/prompt"),
        ("ghost-session", "session/resume"),
        ("limit-reached", "session/prompt"),
        ("dies", "session/prompt"),
        ("late-answer", "session/cancel"),
        ("deaf", "end of input"),
        ("other-version", "version"),
    ],
)
def test_a_fault_that_breaks_the_protocol_is_found(tmp_path: Path, fault: str, subject: str) -> None:
    seconds = 2.0 if fault.startswith("silent") else 15.0

    assert subject in broken(looked_at(tmp_path, "--fault", fault, seconds=seconds))


@pytest.mark.parametrize(
    "fault",
    ["long-line", "slow-load", "orphan-child", "permission-asked", "only-always", "hidden-failure", "deaf-config"],
)
def test_a_fault_that_the_protocol_allows_is_not_blamed_and_leaves_nothing_alive(tmp_path: Path, fault: str) -> None:
    assert broken(looked_at(tmp_path, "--fault", fault)) == set()
