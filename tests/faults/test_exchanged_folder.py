"""A folder inside the project roots is exchanged with a link that leads out, again and again, while jobs begin."""

from pathlib import Path

import pytest

from faults.bench import Bench
from support.agents import add_program
from support.bubblewrap import why_not
from support.exchanging import exchanged
from support.runtime_api import JobRow

JOBS = 14
BATCHES_MAX = 8
# What it sees of where it is, and a trace of it there.
SCRIPT = "cat mark; touch trace; sleep 0.05; cat mark; cat trace; pwd -P"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The project root: `folder` in it is what jobs ask for, `link` leads out."""
    folder = tmp_path / "root"
    for path, mark in ((folder / "folder", "inside"), (tmp_path / "outside", "outside")):
        path.mkdir(parents=True)
        (path / "mark").write_text(f"{mark}\n")
    (folder / "link").symlink_to(tmp_path / "outside")
    return folder


def run_batches(bench: Bench, agent: str, folder: Path) -> list[JobRow]:
    """Run jobs until some of them found the folder in its place."""
    rows: list[JobRow] = []
    for _ in range(BATCHES_MAX):
        jobs = [bench.order("x", agent_name=agent, project_dir=str(folder)) for _ in range(JOBS)]
        rows += bench.api.wait_for_all(jobs, timeout=100)
        if any(row["status"] == "completed" for row in rows):
            break
    return rows


def words_of(bench: Bench, row: JobRow) -> list[object]:
    """What the agent of a job said, line by line."""
    events = bench.api.events(str(row["session_id"]))
    return [event["data"]["text"] for event in events if event["data"].get("role") == "assistant"]


@pytest.mark.parametrize("sandbox", [None, "bubblewrap"])
def test_no_job_works_outside_the_roots_while_its_folder_is_exchanged_with_a_link(
    bench: Bench, root: Path, sandbox: str | None
) -> None:
    if sandbox and (reason := why_not()):
        pytest.skip(reason)
    agent = f"looks-around-{sandbox}"
    bench.project.put_real_commands()
    add_program(bench.api, agent, "/bin/sh", "-c", SCRIPT, sandbox=sandbox)
    bench.launcher.environment |= {"AGENT_LAUNCHER_PROJECT_ROOTS": str(root), "AGENT_LAUNCHER_MAX_JOBS": "4"}
    bench.launcher.start("--project-dir", str(root))

    with exchanged(root / "folder", root / "link"):
        rows = run_batches(bench, agent, root / "folder")

    told = [words_of(bench, row) for row in rows]
    worked = [words for row, words in zip(rows, told, strict=True) if row["status"] == "completed"]
    assert worked
    assert {words[0] for words in worked} == {"inside"}
    assert not any("outside" in words for words in told)
    assert not (root.parent / "outside/trace").exists()
    others = {row["reason"] for row in rows if row["status"] != "completed"}
    assert others <= {"project_dir_refused", "sandbox_unavailable", "nonzero_exit"}
