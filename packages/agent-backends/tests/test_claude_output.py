"""A client that prints without end is ended at its limit, whatever it prints and wherever."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_backends.protocol import Ending
from runtime_client.reasons import Reason
from support.claude_rig import ClaudeRig
from support.model_stand_in import ModelStandIn


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ClaudeRig]:
    home, project_dir = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project_dir.mkdir()
    with ModelStandIn() as model:
        yield ClaudeRig(model, home, project_dir)


def client(folder: Path, script: str) -> dict[str, str]:
    path = folder / "client"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"client_path": str(path)}


def test_the_real_client_is_ended_when_it_has_printed_more_than_it_may(rig: ClaudeRig) -> None:
    turn = replace(rig.turn("say: this is more than a few hundred bytes of messages"), output_limit_bytes=500)

    ran = rig.run(turn)

    assert (ran.outcome.ending, ran.outcome.reason) == (Ending.FAILED, Reason.OUTPUT_LIMIT)
    assert rig.processes() == []


@pytest.mark.parametrize(
    "script",
    [
        "head -c 200000000 /dev/zero; exec sleep 600",
        "exec cat /dev/zero >&2",
    ],
)
def test_a_client_that_floods_is_ended_at_the_limit(rig: ClaudeRig, tmp_path: Path, script: str) -> None:
    turn = replace(rig.turn("say: never", options=client(tmp_path, script)), output_limit_bytes=1_000_000)

    ran = rig.run(turn)

    assert (ran.outcome.ending, ran.outcome.reason) == (Ending.FAILED, Reason.OUTPUT_LIMIT)
    assert "wrote more than it may, 1000000 bytes" in str(ran.outcome.error)
    assert rig.processes() == []


def test_a_long_complaint_without_a_lines_end_is_cut_and_holds_nobody_up(rig: ClaudeRig, tmp_path: Path) -> None:
    script = "head -c 100000000 /dev/zero >&2; printf 'the end of it' >&2; exit 3"

    outcome = rig.run(rig.turn("say: never", options=client(tmp_path, script))).outcome

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.NONZERO_EXIT)
    assert "the end of it" in str(outcome.error)
    assert len(str(outcome.error)) < 10_000
