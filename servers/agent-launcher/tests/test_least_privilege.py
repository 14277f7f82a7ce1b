"""What a job may see and where it may work: the environment's rule, the project roots, the closed state folder."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from launcher_rig.attempts import job
from launcher_rig.commands import CommandProject
from launcher_rig.executor_on_keeper import ExecutorOnKeeper
from launcher_rig.keeper_under_test import KeeperUnderTest

from lib.attempt.environment import EnvironmentRule, base_environment
from lib.config import Config, Options, load_config
from lib.errors import ConfigurationError
from lib.keeper.words import OUTPUT_FILE
from lib.machine.disk import Disk
from lib.machine.machine import Machine
from lib.machine.state_folder import StateFolder
from lib.service.doctor import Doctor, Finding, Level

OWN = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "CI_JOB": "7", "CI_TOKEN": "s", "AWS_KEY": "k"}


def test_without_lists_everything_but_the_launchers_own_passes() -> None:
    assert base_environment({**OWN, "AGENT_RUNTIME_TOKEN": "t", "AGENT_RUN_BY_JOB": "job_1"}) == OWN


def test_an_allow_list_lets_through_what_it_names_and_what_every_program_needs() -> None:
    passed = base_environment(OWN, EnvironmentRule(allow=("CI_*",)))

    assert sorted(passed) == ["CI_JOB", "CI_TOKEN", "HOME", "LC_ALL", "PATH"]


def test_the_deny_list_wins_over_the_allow_list_and_over_what_every_program_needs() -> None:
    passed = base_environment(OWN, EnvironmentRule(allow=("CI_*",), deny=("*_TOKEN", "HOME")))

    assert sorted(passed) == ["CI_JOB", "LC_ALL", "PATH"]


@pytest.mark.parametrize("name", ["AGENT_RUNTIME_TOKEN", "AGENT_RUNTIME_DATABASE_URL", "AGENT_RUN_BY_JOB"])
def test_no_list_lets_the_launchers_own_through(name: str) -> None:
    assert base_environment({name: "secret"}, EnvironmentRule(allow=("*", name))) == {}


def of_git() -> list[str]:
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


@pytest.mark.parametrize("name", [*of_git(), "OLDPWD", "INIT_CWD", "MAKEFLAGS", "PYTHONHOME", "VIRTUAL_ENV"])
def test_no_list_lets_through_what_is_about_another_place(name: str) -> None:
    assert base_environment({name: "/elsewhere"}, EnvironmentRule(allow=("*", name))) == {}


def test_a_search_path_means_the_folder_in_which_the_launcher_was_started() -> None:
    passed = base_environment({"PATH": "/bin:own:", "PYTHONPATH": ":/opt/x"}, folder=Path("/started"))

    assert passed == {"PATH": "/bin:/started/own:/started", "PYTHONPATH": "/started:/opt/x"}


NOWHERE = "http://127.0.0.1:1"


def config(tmp_path: Path, options: Options | None = None, **environment: str) -> Config:
    return load_config(options or Options(), {"HOME": str(tmp_path), **environment}, tmp_path, tmp_path)


def test_the_lists_and_the_roots_are_settings_and_flags_win(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    told = config(
        tmp_path,
        Options(env_deny=("*_KEY,*_TOKEN", "X")),
        AGENT_LAUNCHER_ENV_ALLOW="CI_*, AWS_REGION",
        AGENT_LAUNCHER_ENV_DENY="OLD",
        AGENT_LAUNCHER_PROJECT_ROOTS=f"{one}:{two}/../two",
    )

    assert told.environment_rule == EnvironmentRule(("CI_*", "AWS_REGION"), ("*_KEY", "*_TOKEN", "X"))
    assert told.project_roots == (one, two)
    assert config(tmp_path, Options(project_roots=(Path("two"),))).project_roots == (two,)


def test_the_service_is_installed_with_the_same_limits(tmp_path: Path) -> None:
    options = Options(project_roots=(Path("work"),), env_allow=("A",), env_deny=("B", "C"))

    assert options.flags(tmp_path) == [
        *("--project-root", str(tmp_path / "work"), "--env-allow", "A", "--env-deny", "B", "--env-deny", "C")
    ]


def test_a_project_root_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no such folder \(AGENT_LAUNCHER_PROJECT_ROOTS"):
        config(tmp_path, AGENT_LAUNCHER_PROJECT_ROOTS=str(tmp_path / "nowhere"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "inside").mkdir(parents=True)
    for name in ("outside", "root-beside"):
        (tmp_path / name / "deep").mkdir(parents=True)
    return folder


@pytest.fixture
def limited(marking_keeper: KeeperUnderTest, root: Path) -> ExecutorOnKeeper:
    """An executor whose jobs may work below `root` only."""
    return ExecutorOnKeeper(marking_keeper, root / "inside", (root,))


def a_link(root: Path) -> Path:
    (root / "link").symlink_to(root.parent / "outside")
    return root / "link"


def links_in_a_row(root: Path) -> Path:
    (root / "a").symlink_to("inside/b")
    (root / "inside/b").symlink_to("../c")
    (root / "c").symlink_to("../outside/deep")
    return root / "a"


def a_folder_above_that_is_a_link(root: Path) -> Path:
    return a_link(root) / "deep"


def dots(root: Path) -> Path:
    return root / "inside/../../outside"


def a_name_that_begins_alike(root: Path) -> Path:
    return root.parent / "root-beside"


def the_root_of_a_process(root: Path) -> Path:
    return Path(f"/proc/{os.getpid()}/root{root.parent / 'outside'}")


@pytest.mark.parametrize(
    "game",
    [
        a_link,
        links_in_a_row,
        a_folder_above_that_is_a_link,
        dots,
        a_name_that_begins_alike,
        the_root_of_a_process,
    ],
)
def test_a_job_outside_the_project_roots_fails_and_nothing_runs(
    limited: ExecutorOnKeeper, project: CommandProject, root: Path, game: Callable[[Path], Path]
) -> None:
    asked = game(root)
    report = limited.report(limited.run(job("argv", project_dir=str(asked))))

    assert (report.outcome, report.reason) == ("failed", "project_dir_refused")
    assert f"this launcher works in {str(root)!r} only (AGENT_LAUNCHER_PROJECT_ROOTS)" in (report.error or "")
    assert project.count("start") == 0


def test_a_job_inside_runs_also_by_a_link_that_leads_inside_and_knows_the_limit(
    limited: ExecutorOnKeeper, root: Path
) -> None:
    (root.parent / "outside/way-in").symlink_to(root / "inside")
    attempt = limited.run(job("argv", project_dir=str(root.parent / "outside/way-in")))
    verdict = limited.end(attempt)

    assert verdict["exit_code"] == 0
    output = attempt.folder.output_tail()
    assert "AGENT_LAUNCHER_PROJECT_ROOTS" in output
    assert str(root / "inside") in output


def test_a_state_folder_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "deep/state")
    (tmp_path / "deep/state/runs").mkdir(parents=True)
    (tmp_path / "deep/state/keepers").mkdir()
    for path in (folder.path, folder.runs_path, folder.keepers_path):
        path.chmod(0o755)
    folder.take()
    folder.give_back()

    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.path, folder.runs_path, folder.keepers_path)] == [
        0o700
    ] * 3


def test_a_folder_that_others_use_is_neither_taken_nor_closed(tmp_path: Path) -> None:
    (tmp_path / "somebodys").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(ConfigurationError, match="others can open it and it is not ours alone"):
        StateFolder(tmp_path).take()

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["runs", "keepers", "lock"])
def test_a_link_in_the_state_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    for folder in ("runs", "keepers"):
        (tmp_path / folder).mkdir()
    (state / name).symlink_to(tmp_path / name)
    with pytest.raises(ConfigurationError, match="cannot use the state folder"):
        StateFolder(state).take()

    assert not (tmp_path / "lock").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_another_users_state_folder_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 65534, 65534)

    with pytest.raises(ConfigurationError, match="it belongs to another user"):
        StateFolder(state).take()


def test_the_launchers_disk_follows_no_link(tmp_path: Path) -> None:
    disk, secret = Disk(), tmp_path / "secret"
    secret.write_text("s3cret")
    (tmp_path / "link").symlink_to(secret)
    (tmp_path / "run").symlink_to(tmp_path)
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "job_1.1").symlink_to(tmp_path)

    for act in (
        lambda: disk.read(tmp_path / "link"),
        lambda: disk.read_piece(tmp_path / "link", 0, 10),
        lambda: disk.write(tmp_path / "link", b""),
        lambda: disk.make_folder(tmp_path / "run"),
    ):
        with pytest.raises(OSError, match=r"Too many levels|a link stands"):
            act()
    assert disk.folders(runs) == []
    assert secret.read_text() == "s3cret"


def test_a_link_where_the_output_belongs_fails_the_job_and_leaves_the_target_alone(
    executor: ExecutorOnKeeper, project: CommandProject, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    one = job("argv")
    attempt = executor.prepare(one)
    output = attempt.folder.path / OUTPUT_FILE
    output.unlink()
    output.symlink_to(victim)
    executor.keepers.go(attempt)

    assert executor.end(attempt)["reason"] == "spawn_failed"
    assert (victim.read_text(), project.count("start")) == ("precious", 0)


def test_a_link_where_a_run_folder_belongs_fails_the_order_and_leaves_the_target_alone(
    executor: ExecutorOnKeeper, project: CommandProject, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "output.log").write_text("precious")
    (executor.folders.path / "job_1.1").symlink_to(victim)

    with pytest.raises(OSError, match="a link stands where a folder of ours belongs"):
        executor.run(job("argv"))

    assert ((victim / "output.log").read_text(), project.count("start")) == ("precious", 0)


def sandbox_finding(tmp_path: Path, bwrap: str | None) -> Finding:
    """What the doctor says where `bwrap` is this script, or is not there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    if bwrap is not None:
        (tools / "bwrap").write_text(f"#!/bin/sh\n{bwrap}\n")
        (tools / "bwrap").chmod(0o755)
    doctor = Doctor(config(tmp_path, AGENT_RUNTIME_URL="http://127.0.0.1:1"), {"PATH": str(tools)}, Machine())
    return next(finding for finding in doctor.look() if finding.subject == "sandbox")


@pytest.mark.parametrize(
    ("bwrap", "level", "found"),
    [
        ("exit 0", Level.OK, "can make one"),
        ("echo 'bwrap: No permissions' >&2; exit 1", Level.WARNING, "cannot make one: bwrap: No permissions"),
        (None, Level.OK, "no 'bwrap' on PATH, which only agents that ask for a sandbox need"),
    ],
)
def test_the_doctor_says_whether_a_sandbox_can_be_made(
    tmp_path: Path, bwrap: str | None, level: Level, found: str
) -> None:
    finding = sandbox_finding(tmp_path, bwrap)

    assert finding.level is level
    assert found in finding.found
    assert bool(finding.advice) is (level is not Level.OK)


@pytest.mark.parametrize(("folder", "level"), [("root/inside", Level.OK), ("outside", Level.WARNING)])
def test_the_doctor_says_when_jobs_without_a_folder_of_their_own_would_be_refused(
    tmp_path: Path, root: Path, folder: str, level: Level
) -> None:
    told = config(tmp_path, Options(project_roots=(root,), project_dir=tmp_path / folder), AGENT_RUNTIME_URL=NOWHERE)
    (finding,) = (one for one in Doctor(told, {"PATH": ""}, Machine()).look() if one.subject == "project folder")

    assert finding.level is level
    assert str(tmp_path / folder) in finding.found
    assert ("AGENT_LAUNCHER_PROJECT_ROOTS" in finding.advice) is (level is Level.WARNING)
