"""An agent in a sandbox: what it reaches, what it does not, how it ends, and that it never runs without."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from agent_backends.blueprint import Blueprint, Bubblewrap, Sandbox, Wrapper
from agent_backends.command.backend import CommandBackend
from agent_backends.protocol import CannotRunError, Ending, Outcome, Turn
from agent_backends.sandbox.command_prefix import Needs, bubblewrap_arguments
from agent_backends.sandbox.settings import Neighbourhood, sandbox_of
from runtime_client.reasons import Reason
from runtime_client.wire import Json
from support.bubblewrap import SYSTEM_PATH
from support.waiting import wait_until


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a secret in it."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh/id").write_text("private-key")
    (folder / "tools").mkdir()
    (folder / "tools/version").write_text("tool-7")
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def turn(home: Path, work: Path, script: str, sandbox: Sandbox | None, path: str = SYSTEM_PATH) -> Turn:
    blueprint = Blueprint("tester", "command", command=("sh", "-c", script), sandbox=sandbox)
    return Turn("one", "ses_1", "the prompt", work, blueprint, None, False, {"PATH": path, "HOME": str(home)})


def run(asked: Turn) -> Outcome:
    return asyncio.run(CommandBackend().run(asked, lambda _: None, asyncio.Event()))


@pytest.mark.usefixtures("bubblewrap")
def test_an_agent_in_a_sandbox_writes_its_project_reads_the_system_and_sees_no_secret(home: Path, work: Path) -> None:
    state, data = work.parent / "state", work / "data"
    for folder in (state, data):
        folder.mkdir()
        (folder / "token").write_text("user-token")
    script = f"""
        cat; echo; cat "$AGENT_PROMPT_FILE"; echo
        echo made > made && cat made
        for secret in {home}/.ssh/id {state}/token {data}/token /proc/{os.getpid()}/environ
        do cat $secret && echo LEAK; done
        for place in /usr/x /etc/x {home.parent}/x/y /sys/x; do echo x > $place && echo LEAK; done
        cat {home}/tools/version; echo; echo more > {home}/more/it; test -r /etc/passwd && echo system
        ls -A {home}
    """
    (home / "more").mkdir()
    box = Bubblewrap(home, readable=(home / "tools",), writable=(home / "more",), hidden=(state, data))

    outcome = run(turn(home, work, f"({script}) 2>/dev/null", box))

    assert outcome.ending is Ending.COMPLETED, outcome.error
    assert outcome.result_text.split() == [
        *("the", "prompt", "the", "prompt", "made", "tool-7", "system", "more", "tools")
    ]
    assert (work / "made").read_text() == "made\n"
    assert (home / "more/it").read_text() == "more\n"
    assert (data / "token").read_text() == "user-token"


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize(("has_network", "interfaces"), [(True, None), (False, ["lo"])])
def test_the_network_is_there_or_not_as_the_blueprint_says(
    home: Path, work: Path, has_network: bool, interfaces: list[str] | None
) -> None:
    script = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '"
    expected = interfaces or run(turn(home, work, script, None)).result_text.split()

    outcome = run(turn(home, work, script, Bubblewrap(home, has_network=has_network)))

    assert outcome.result_text.split() == expected


@pytest.mark.usefixtures("bubblewrap")
def test_a_sandboxed_agent_has_none_of_the_rights_of_root_and_sees_only_its_own_processes(
    home: Path, work: Path
) -> None:
    look = "grep CapEff /proc/self/status; ls /proc | grep -c '^[0-9]'"
    script = f"{look}; mount -o remount,rw / 2>/dev/null && echo LEAK"

    words = run(turn(home, work, f"{script}; true", Bubblewrap(home))).result_text.split()

    assert words[:2] == ["CapEff:", "0" * 16]
    assert int(words[2]) < 10
    assert len(words) == 3


@pytest.mark.usefixtures("bubblewrap")
def test_the_exit_status_and_the_last_words_come_through(home: Path, work: Path) -> None:
    outcome = run(turn(home, work, "echo half; echo 'no flux' >&2; exit 7", Bubblewrap(home)))

    assert (outcome.reason, outcome.error, outcome.result_text) == (
        *(Reason.NONZERO_EXIT, "agent 'tester' exited with 7: no flux", "half\n"),
    )


def marked(work: Path) -> list[psutil.Process]:
    """The processes of the sandbox that are still there, by the folder's name in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and any(str(work) in word for word in process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


async def stopped_when(asked: Turn, is_time: Callable[[], bool]) -> Outcome:
    stop = asyncio.Event()
    running = asyncio.create_task(CommandBackend().run(asked, lambda _: None, stop))
    await asyncio.to_thread(wait_until, is_time, "the agent is at work")
    stop.set()
    return await running


@pytest.mark.usefixtures("bubblewrap")
def test_a_stop_lets_the_agent_leave_in_order_and_leaves_nothing_of_its_sandbox(home: Path, work: Path) -> None:
    script = f"""
        setsid sh -c 'trap "" TERM; : {work}/left; while :; do sleep 1; done' &
        trap 'sleep 0.3; echo saved > saved; exit 0' TERM
        touch ready; while :; do sleep 0.05; done
    """

    outcome = asyncio.run(stopped_when(turn(home, work, script, Bubblewrap(home)), (work / "ready").exists))

    assert outcome.ending is Ending.STOPPED
    assert (work / "saved").read_text() == "saved\n"
    wait_until(lambda: not marked(work), "nothing of the sandbox is left")


@pytest.mark.usefixtures("bubblewrap")
def test_what_an_agent_leaves_in_the_background_ends_with_its_sandbox(home: Path, work: Path) -> None:
    script = f"setsid sh -c ': {work}/left; while :; do sleep 1; done' >/dev/null 2>&1 & touch {work}/ready; echo done"

    outcome = run(turn(home, work, script, Bubblewrap(home)))

    assert outcome.result_text == "done\n"
    wait_until(lambda: not marked(work), "nothing of the sandbox is left")


@pytest.mark.usefixtures("bubblewrap")
def test_no_descriptor_of_the_machine_outside_is_left_open_in_a_sandbox(home: Path, work: Path) -> None:
    outcome = run(turn(home, work, "for fd in /proc/$$/fd/*; do readlink $fd; done", Bubblewrap(home)))

    assert [path for path in outcome.result_text.split() if not path.startswith(("pipe:", "/tmp"))] == []
    assert str(work) not in outcome.result_text.split()


@pytest.mark.usefixtures("bubblewrap")
def test_in_a_sandbox_the_project_is_the_folder_that_was_opened_whatever_its_path_leads_to(
    home: Path, work: Path
) -> None:
    (work / "mark").write_text("inside")
    opened = os.open(work, os.O_PATH)
    asked = replace(turn(home, work, "cat mark; touch made", Bubblewrap(home)), folder_descriptor=opened)
    work.rename(work.with_name("moved"))
    (work.parent / "outside").mkdir()
    work.symlink_to(work.parent / "outside")

    outcome = run(asked)
    os.close(opened)

    assert (outcome.ending, outcome.result_text) == (Ending.COMPLETED, "inside")
    assert (work.parent / "moved/made").exists()
    assert list((work.parent / "outside").iterdir()) == []


@pytest.mark.usefixtures("bubblewrap")
def test_a_killed_host_takes_the_sandbox_along(home: Path, work: Path) -> None:
    opened = os.open(work, os.O_PATH)
    words = bubblewrap_arguments(Bubblewrap(home), work, opened, Needs())
    script = f": {work}/sandboxed; touch {work}/ready; while :; do sleep 1; done"
    command = ["sh", "-c", f': {work}/host; "$@"; true', "sh", "bwrap", *words, "--", "sh", "-c", script]
    host = subprocess.Popen(command, pass_fds=(opened,))
    os.close(opened)
    try:
        wait_until((work / "ready").exists, "the agent is at work")

        host.send_signal(signal.SIGKILL)
        host.wait()

        wait_until(lambda: not marked(work), "nothing of the sandbox is left")
    finally:
        for process in marked(work):
            process.kill()


@pytest.mark.usefixtures("bubblewrap")
def test_a_sandbox_that_cannot_be_laid_out_keeps_the_agent_from_running(home: Path, work: Path) -> None:
    outcome = run(turn(home, work, "touch ran", Bubblewrap(home, readable=(home / "absent",))))

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.SANDBOX_UNAVAILABLE)
    assert "absent" in (outcome.error or "")
    assert not (work / "ran").exists()


@pytest.mark.usefixtures("bubblewrap")
def test_a_missing_program_is_told_as_without_a_sandbox(home: Path, work: Path) -> None:
    asked = turn(home, work, "", Bubblewrap(home))
    absent = Blueprint("tester", "command", command=("no-such-program",), sandbox=asked.blueprint.sandbox)

    outcome = run(Turn(**{**vars(asked), "blueprint": absent}))

    assert outcome.reason is Reason.BACKEND_MISSING


def fake_bwrap(folder: Path, script: str) -> str:
    """A search path on which `bwrap` is a script of ours."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{SYSTEM_PATH}"


def test_without_bubblewrap_the_agent_does_not_run(home: Path, work: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "touch", "env", "true"):
        (tools / name).symlink_to(str(shutil.which(name, path=SYSTEM_PATH)))

    outcome = run(turn(home, work, "touch ran", Bubblewrap(home), path=str(tools)))

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.SANDBOX_UNAVAILABLE)
    assert outcome.error == (
        "cannot run agent 'tester' in its sandbox: there is no 'bwrap' on this machine"
        " (install the package 'bubblewrap')"
    )
    assert not (work / "ran").exists()


def test_a_bubblewrap_that_cannot_work_keeps_the_agent_from_running(home: Path, work: Path, tmp_path: Path) -> None:
    path = fake_bwrap(tmp_path, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")

    outcome = run(turn(home, work, "touch ran", Bubblewrap(home), path))

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.SANDBOX_UNAVAILABLE)
    assert "No permissions to create new namespace ('agent-launcher doctor'" in (outcome.error or "")
    assert not (work / "ran").exists()


def test_a_project_folder_that_holds_the_home_folder_is_not_sandboxed(home: Path, tmp_path: Path) -> None:
    outcome = run(turn(home, tmp_path, "touch ran", Bubblewrap(home), fake_bwrap(tmp_path, "exit 0")))

    assert outcome.reason is Reason.SANDBOX_UNAVAILABLE
    assert not (tmp_path / "ran").exists()


def test_another_wrapper_is_given_the_turns_own_words(home: Path, work: Path, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrap"
    wrapper.write_text('#!/bin/sh\necho "$1|$2|$3"; test -r "$2/prompt.txt" && echo readable; shift 4; exec "$@"\n')
    wrapper.chmod(0o755)
    words = (str(wrapper), "{project_dir}:{session_name}", "{private_dir}", "{agent_folder} {unknown}", "--")

    outcome = run(turn(home, work, "cat", Wrapper(words)))

    first, *rest = outcome.result_text.splitlines()
    assert first.startswith(f"{work}:one|/")
    assert first.endswith(f"|{work} {{unknown}}")
    assert rest == ["readable", "the prompt"]


def test_without_the_other_wrapper_the_agent_does_not_run(home: Path, work: Path) -> None:
    outcome = run(turn(home, work, "touch ran", Wrapper(("no-such-jail", "--"))))

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.SANDBOX_UNAVAILABLE)
    assert "there is no 'no-such-jail' on this machine" in (outcome.error or "")
    assert not (work / "ran").exists()


AROUND = Neighbourhood(Path("/home/u"), (Path("/ours"),), (Path("/secret"),))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, None),
        ("bubblewrap", Bubblewrap(Path("/home/u"), needed=(Path("/ours"),), hidden=(Path("/secret"),))),
        (
            {"kind": "bubblewrap", "network": False, "readable": ["~/.cargo"], "writable": ["/var/cache/x"]},
            Bubblewrap(
                Path("/home/u"),
                has_network=False,
                readable=(Path("/home/u/.cargo"),),
                writable=(Path("/var/cache/x"),),
                needed=(Path("/ours"),),
                hidden=(Path("/secret"),),
            ),
        ),
        ({"command": ["firejail", "--"]}, Wrapper(("firejail", "--"))),
    ],
)
def test_a_blueprints_sandbox_is_read(asked: Json, expected: Sandbox | None) -> None:
    assert sandbox_of("tester", asked, AROUND) == expected


@pytest.mark.parametrize(
    "asked",
    [
        *("none", "docker", "", True, [], {}, {"kind": "docker"}, {"command": []}, {"command": "firejail"}),
        *({"command": ["x"], "kind": "bubblewrap"}, {"kind": "bubblewrap", "netwrok": False}, {"command": ["a\0b"]}),
        *({"kind": "bubblewrap", "network": "off"}, {"kind": "bubblewrap", "readable": ["relative"]}),
        {"kind": "bubblewrap", "writable": "/x"},
    ],
)
def test_a_sandbox_that_is_not_understood_keeps_the_agent_from_running(asked: Json) -> None:
    with pytest.raises(CannotRunError, match="its sandbox is not understood") as refused:
        sandbox_of("tester", asked, AROUND)

    assert refused.value.outcome.reason is Reason.SANDBOX_UNAVAILABLE


def test_the_prompts_file_is_closed_to_other_users(home: Path, work: Path) -> None:
    outcome = run(turn(home, work, 'stat -c %a "$AGENT_PROMPT_FILE"', None))

    assert outcome.result_text == f"{stat.S_IRUSR | stat.S_IWUSR:o}\n"
