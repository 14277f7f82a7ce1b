"""Which commands are started warm is for themselves to say, and for their environment to make possible."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from launcher_rig.attempts import job
from launcher_rig.commands import CommandProject
from launcher_rig.configs import config_of
from launcher_rig.executor_on_keeper import ExecutorOnKeeper

from lib.executor import startable_warm
from lib.service.warm_trial import why_not_warm
from lib.warm_commands import WarmCommands
from support.project import REPOSITORY


def told_of(path: Path) -> dict[str, object]:
    commands = WarmCommands(are_wanted=True)
    return dict(commands.startable(commands.declared(str(path))))


@pytest.mark.parametrize("name", ["ao-start", "ao-resume"])
def test_our_own_commands_may_be_started_warm_also_by_a_link_to_them(tmp_path: Path, name: str) -> None:
    script = REPOSITORY / "commands" / name
    (tmp_path / name).symlink_to(script)

    told = {
        "python": str(REPOSITORY / ".venv/bin/python"),
        "script": str(script),
        "module": "agent_backends.job.everything",
    }
    assert told_of(script) == told_of(tmp_path / name) == told


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\nexit 0\n",
        "\x7fELF\udcff",
        "# /// script\n# dependencies = []\n# ///\n",
        "# /// script\n# [tool.agent-launcher]\n# warm = true\n# ///\n",
        "# /// script\n# [tool.agent-launcher\n# ///\n",
        "print()\n# [tool.agent-launcher]\n# warm = 'json'\n",
        "# /// script\n# tool = 3\n# ///\n",
    ],
)
def test_a_command_that_does_not_say_so_is_executed_and_given_its_prompt_as_an_argument(
    project: CommandProject, text: str
) -> None:
    project.make_environment()
    path = project.commands / "ao-start"
    path.write_text(text, "utf-8", errors="surrogateescape")

    assert WarmCommands(are_wanted=True).declared(str(path)) is None


def test_a_command_is_executed_whose_environment_is_not_made_or_that_nobody_may_execute(
    project: CommandProject,
) -> None:
    project.write_warm()
    path = project.commands / "ao-start"
    assert told_of(path) == {}

    project.make_environment()
    assert told_of(path)["script"] == str(path)
    path.chmod(0o644)
    assert told_of(path) == {}


def test_an_installed_command_is_run_by_the_interpreter_beside_it(project: CommandProject) -> None:
    python = project.commands / "python3"
    python.symlink_to(sys.executable)
    path = project.commands / "ao-start"
    project.write_warm()
    path.write_text(f"#!{python}\n" + path.read_text("utf-8").split("\n", 1)[1], "utf-8")

    assert told_of(path)["python"] == str(python)


def test_what_a_command_says_of_itself_is_read_again_when_it_has_changed(project: CommandProject) -> None:
    project.write_warm()
    commands = WarmCommands(are_wanted=True)
    path = str(project.commands / "ao-start")
    assert commands.declared(path) is not None

    project.write("ao-start", "#!/bin/sh\n")
    assert commands.declared(path) is None
    assert commands.declared("/no/such/command") is None


def test_the_prompt_of_a_command_of_ours_is_never_an_argument(
    executor: ExecutorOnKeeper, project: CommandProject
) -> None:
    """Warm or not: what lists processes is open to every user of the machine."""
    project.write_warm("print(sys.argv[1:], sys.stdin.read())")
    for number, prompt in enumerate(("a short one", None, "")):
        attempt = executor.run(job("s", f"job_{number}", prompt=prompt, agent_name="a"))
        executor.end(attempt)

        assert attempt.folder.read_output(0, 1000).decode() == f"['s', '--agent', 'a'] {prompt or ''}\n"


def test_one_setting_switches_warm_starts_off(project: CommandProject) -> None:
    for name in ("ao-start", "ao-resume"):
        project.write_warm(name=name)
    project.make_environment()

    assert len(startable_warm(config_of(project.root))) == 2
    assert startable_warm(config_of(project.root, warm_starts=False)) == []


def test_the_doctor_knows_why_starts_are_not_warm(project: CommandProject) -> None:
    found = [why(project)]
    for name in ("ao-start", "ao-resume"):
        project.write_warm(name=name)
    found.append(why(project))
    project.make_environment()
    found += [why(project), why(project, warm_starts=False)]
    project.write_warm(head="import no_such_module")
    found.append(why(project))

    assert found == [
        "'ao-resume' does not say that it can be",
        "the packages of 'ao-resume' are not made in a .venv beside its folder",
        None,
        "AGENT_LAUNCHER_WARM_STARTS=off",
        "the commands cannot be loaded",
    ]


def why(project: CommandProject, **settings: bool) -> str | None:
    return why_not_warm(config_of(project.root, **settings), {"PATH": str(Path(sys.executable).parent)})[0]
