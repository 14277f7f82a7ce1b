"""What a soak looks for is seen where it is there: promises that once broke are broken again on purpose."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from soak.breaking import break_commands, break_launcher, broken_runtime
from soak.sight import Sight
from support.checker import violations
from support.evidence import Circumstances, collect
from support.ledger import Ledger
from support.runtime_process import ONE_PAGE, RuntimeProcess, limit_files
from support.waiting import wait_until

MIB = 1024 * 1024

# A keeper that takes over from a dead one believes that all is over, as once the launcher did.
TAKES_OVER_NOTHING = """
def _take_over(self, held):
    held.is_over = True
    self._end(held, verdicts.of(held, {}, self._nothing_ran()))
Keeper._take_over = _take_over
"""
ENDS_NOTHING = """
Containment.is_empty = lambda self, place, *, is_thorough: True
Containment.ask = lambda self, place: place.group and os.killpg(place.group, 15)
Containment.kill = lambda self, place: None
"""
TELLS_NO_TIMES = """
from dataclasses import replace
_told = report_of
def report_of(*facts):
    return replace(_told(*facts), ended_at=None, run_seconds=None)
"""
TELLS_ITS_OWN_EXIT_CODE = """
def _end_of_agent(outcome):
    return None
"""
FAILS_AT_ITS_OWN_NOTE = """
def leave_note(*facts):
    raise SystemExit("cannot print")
"""
LOOKS_AT_THE_WAY = """
def _path_of(asked, descriptor):
    return asked
"""
COUNTS_NOTHING = """
Printed.add = lambda self, count: None
"""
TELLS_EVERYTHING = """
BoundedEvents.send = lambda self, kind, data: self._send(kind, data)
"""
LOSES_THE_END = """
_whole = OutputLines.finish
OutputLines.finish = lambda self: _whole(self)[:1000]
"""
KNOWS_NO_FULL_DISK = """
def remedy_of(error):
    return None
"""


@pytest.fixture
def forgetful(sight: Sight) -> Iterator[Sight]:
    """A job whose keeper will be forgotten with all that it keeps."""
    break_launcher(sight.project, "keeper/keeper.py", TAKES_OVER_NOTHING)
    sight.launcher.start()
    yield sight
    # A broken keeper will not.
    for forgotten in sight.ledger.living():
        with suppress(ProcessLookupError):
            os.kill(forgotten.pid, signal.SIGKILL)


@pytest.mark.parametrize("next_one", ["attempt", "resume"])
def test_what_begins_beside_the_living_job_of_a_killed_keeper_is_seen(
    forgetful: Sight, tmp_path: Path, next_one: str
) -> None:
    attempts = 2 if next_one == "attempt" else 1
    first = forgetful.order({"await_file": str(tmp_path / "never"), "daemons": 1}, max_attempts=attempts)
    wait_until(lambda: len(forgetful.ledger.living(first)) == 2, "the command and its daemon live")
    if next_one == "resume":
        forgetful.resume()

    forgetful.launcher.keepers.kill()

    assert forgetful.sees("began beside living")
    if next_one == "resume":
        assert forgetful.sees(f"of job {first} is left (child of attempt 1)")


def test_a_stop_that_ends_nothing_is_seen(forgetful: Sight, tmp_path: Path) -> None:
    break_launcher(forgetful.project, "keeper/containment.py", ENDS_NOTHING)
    forgetful.launcher.keepers.kill()
    job_id = forgetful.order({"await_file": str(tmp_path / "never"), "daemons": 1})
    wait_until(lambda: len(forgetful.ledger.living(job_id)) == 2, "the command and its daemon live")

    forgetful.api.stop_job(job_id)

    assert forgetful.sees("after attempt 1 was over")
    assert forgetful.sees(f"of job {job_id} is left (child of attempt 1)")


def test_a_job_in_a_folder_that_was_exchanged_with_a_link_is_seen(real: Sight, outside: Path) -> None:
    break_commands(real.project, "turn/project_folder.py", LOOKS_AT_THE_WAY)
    real.launcher.environment["AGENT_LAUNCHER_PROJECT_ROOTS"] = str(real.project.work)
    folder = real.project.work / "folder"
    folder.mkdir()
    # Once the launcher has looked.
    exchange_at_start(real, folder, outside)
    real.run({"out": "here"}, project_dir=str(folder))

    assert real.sees(f"worked in {outside}, outside", root=str(real.project.work))


def exchange_at_start(real: Sight, folder: Path, outside: Path) -> None:
    """Put a link in a folder's place when the command begins."""
    command = real.project.commands / "ao-start"
    shell, *rest = command.read_text(encoding="utf-8").splitlines()
    command.write_text(
        "\n".join((shell, f"mv {folder} {folder}.away && ln -s {outside} {folder}", *rest)), encoding="utf-8"
    )


def test_a_success_that_a_wrapper_in_trouble_makes_a_failure_is_seen(real: Sight) -> None:
    break_commands(real.project, "job/launched.py", FAILS_AT_ITS_OWN_NOTE)
    real.run({"out": "done"})

    assert real.sees("is failed nonzero_exit, but its agent ended with 0")


def test_an_exit_code_that_is_not_the_agents_is_seen(real: Sight) -> None:
    break_launcher(real.project, "attempt/report.py", TELLS_ITS_OWN_EXIT_CODE)
    real.run({"out": "done", "exit": 3})

    assert real.sees("its agent ended with 3 (signal None), reported was 1")


def test_times_of_a_report_instead_of_the_processs_are_seen(real: Sight, tmp_path: Path) -> None:
    break_launcher(real.project, "attempt/report.py", TELLS_NO_TIMES)
    real.launcher.start()
    job_id = real.order({"await_file": str(tmp_path / "gate"), "out": "done"})
    wait_until(lambda: real.ledger.started(job_id), "the agent runs")
    real.launcher.kill()
    (tmp_path / "gate").touch()
    wait_until(lambda: is_gone(real.ledger, job_id), "its command is over")
    real.launcher.start()
    real.api.wait_for_end(job_id)

    assert real.sees("after its command")
    assert real.sees("its command for")


def is_gone(ledger: Ledger, job_id: str) -> bool:
    """Whether the command of a job's first attempt was seen to end."""
    return ledger.commands()[job_id, 1].gone_at is not None


@pytest.mark.parametrize(
    ("module", "code", "printed", "sentence"),
    [
        ("printed.py", COUNTS_NOTHING, 6 * MIB, "characters of 5242880 bytes"),
        ("turn/bounded_events.py", TELLS_EVERYTHING, 15 * MIB, "the events of job"),
        ("command/output_lines.py", LOSES_THE_END, 2000, "ends with 'xxx"),
    ],
    ids=["limit", "events", "end"],
)
def test_output_without_a_bound_or_without_its_end_is_seen(
    real: Sight, module: str, code: str, printed: int, sentence: str
) -> None:
    limit = 5 if code is COUNTS_NOTHING else 64
    break_commands(real.project, module, code)
    real.launcher.environment["AGENT_LAUNCHER_OUTPUT_LIMIT_MIB"] = str(limit)
    real.run({"out_bytes": printed, "out": "the end"})

    assert real.sees(sentence, output_limit_bytes=limit * MIB)


def test_a_full_disk_that_a_runtime_calls_its_own_mistake_is_seen(tmp_path: Path) -> None:
    program = broken_runtime(tmp_path, "store/sqlite/refusals.py", KNOWS_NO_FULL_DISK)
    runtime = RuntimeProcess(tmp_path / "runtime", program=program)
    try:
        with closing(runtime.start().api) as api:
            limit_files(runtime, ONE_PAGE)
            api.http.post("/launcher/register", json={"name": "one", "max_jobs": 1})
            found = violations(collect(api, Ledger(tmp_path / "none"), []))
    finally:
        runtime.leave_nothing()

    assert any("POST /launcher/register was answered 500" in breach for breach in found), found


def test_a_product_that_is_whole_is_not_blamed(real: Sight) -> None:
    real.run({"out": "done", "daemons": 1, "chains": 1, "children": 1})

    assert real.breaches(Circumstances(root=str(real.project.work), output_limit_bytes=MIB, late_seconds=60.0)) == []
