"""The real `ao-start`, as a launcher starts it from this checkout: warm, by its name, and without its prompt."""

from pathlib import Path

import psutil

from support.agents import add_agent
from support.launcher_process import LauncherProcess
from support.runtime_api import RuntimeApi
from support.waiting import wait_until

WAITS = """
import pathlib, sys, time
while not pathlib.Path({gate!r}).exists():
    time.sleep(0.01)
print(sys.stdin.read())
"""


def test_a_real_command_is_forked_warm_and_an_executed_one_does_the_same(
    api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    add_agent(api, tmp_path, "waits", WAITS.format(gate=str(gate)))
    (parent,) = wait_until(whole_launcher.keepers.warm_parents, "the warm parent is ready")
    prompts = {"forked": "a word that nobody lists", "executed": "another word"}
    jobs = {"forked": api.create_job("forked", prompts["forked"], agent_name="waits", project_dir=str(tmp_path))}
    forked = wait_until(lambda: command_of(whole_launcher, "forked"), "it runs")
    parent.kill()
    parent.wait()
    jobs["executed"] = api.create_job("executed", prompts["executed"], agent_name="waits", project_dir=str(tmp_path))
    executed = wait_until(lambda: command_of(whole_launcher, "executed"), "it runs too")

    for session_name, process in (("forked", forked), ("executed", executed)):
        words = " ".join(process.cmdline())
        assert f"ao-start {session_name} --agent waits --project-dir {tmp_path}" in words
        assert prompts[session_name] not in words
    assert Path(forked.cmdline()[0]).name == forked.name() == "ao-start"
    gate.touch()
    for session_name, job_id in jobs.items():
        job = api.wait_for_end(job_id)
        assert (job["status"], job["exit_code"]) == ("completed", 0), job["error"]
        assert prompts[session_name] in api.result(session_name)


def command_of(launcher: LauncherProcess, session_name: str) -> psutil.Process | None:
    """The process that a keeper has for a session, once its agent runs."""
    (keeper,) = launcher.keepers.processes()
    return next((one for one in keeper.children() if session_name in one.cmdline() and one.children()), None)
