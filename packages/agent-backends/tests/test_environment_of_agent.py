"""What an agent's processes find in their environment."""

import os
import shutil
import sys
from pathlib import Path

from agent_backends.turn.environment import environment_of_agent

PROJECT_ROOT = Path(__file__).parents[3]


def environment(own: dict[str, str]) -> dict[str, str]:
    return environment_of_agent(
        own,
        commands_dir=PROJECT_ROOT / "commands",
        job_id="job_1",
        session_name="one",
        session_id="ses_1",
        url="http://runtime",
        token=None,
    )


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
