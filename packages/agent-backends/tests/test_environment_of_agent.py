"""What an agent's processes find in their environment."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent_backends.installation import installation_of
from agent_backends.turn.environment import WhoseAgent, environment_of_agent

PROJECT_ROOT = Path(__file__).parents[3]
INSTALLATION = installation_of(PROJECT_ROOT / "commands/ao-start")
SETTINGS = PROJECT_ROOT / "docs/reference/settings.md"


def environment(own: dict[str, str]) -> dict[str, str]:
    whose = WhoseAgent("job_1", 3, "one", "ses_1", "http://runtime", None)
    return environment_of_agent(own, whose, installation=INSTALLATION, project_dir=Path("/project"))


def test_an_agent_finds_the_commands_of_this_checkout_in_its_shell() -> None:
    path = environment({"PATH": "/usr/bin"})["PATH"]

    assert shutil.which("ao-start", path=path) == str(PROJECT_ROOT / "commands" / "ao-start")
    assert path.split(os.pathsep)[1:] == ["/usr/bin"]


def test_the_commands_stand_in_the_path_once_however_deep_agents_start_agents() -> None:
    once = environment({"PATH": "/usr/bin"})

    assert environment(once)["PATH"] == once["PATH"]


def test_an_agents_python_is_not_ours() -> None:
    ours = str(Path(sys.prefix) / "bin")

    assert ours not in environment({"PATH": os.pathsep.join([ours, "/usr/bin"])})["PATH"].split(os.pathsep)


def not_inherited_by_the_document() -> set[str]:
    section = SETTINGS.read_text("utf-8").partition("### What is not inherited")[2]
    dropped = next(line for line in section.split("\n- ") if line.startswith("So is what was said"))
    return set(re.findall(r"`(\w+)`", dropped)) - {"PWD"}


def of_git() -> set[str]:
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    return set(listed.stdout.split())


@pytest.mark.parametrize("name", sorted(of_git() | not_inherited_by_the_document()))
def test_what_is_about_another_place_is_not_inherited(name: str) -> None:
    assert name not in environment({name: "/elsewhere"})


def test_a_search_path_means_the_folder_in_which_it_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = environment({"PATH": "/usr/bin:bin:", "PYTHONPATH": ":/opt/x", "LD_LIBRARY_PATH": ".", "NODE_PATH": "."})

    assert given["PATH"].split(os.pathsep)[1:] == ["/usr/bin", f"{tmp_path}/bin", str(tmp_path)]
    assert given["PYTHONPATH"] == f"{tmp_path}:/opt/x"
    assert given["LD_LIBRARY_PATH"] == str(tmp_path)


def test_an_agent_stands_in_its_project_folder_and_has_its_own_attempt() -> None:
    given = environment(
        {"PWD": "/elsewhere", "AGENT_JOB_ATTEMPT": "7", "AGENT_RESUMED": "true", "PYTHONPATH": "/opt/x"}
    )

    assert (given["PWD"], given["AGENT_JOB_ATTEMPT"], given["PYTHONPATH"]) == ("/project", "3", "/opt/x")
    assert "AGENT_RESUMED" not in given
