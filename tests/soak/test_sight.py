"""What a soak looks for is seen where it is there: promises that once broke are broken again on purpose."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from support.checker import violations
from support.evidence import collect
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.runtime_api import RuntimeApi
from support.waiting import wait_until

# A keeper that takes over from a dead one believes that all is over, as once the launcher did.
TAKES_OVER = "    def _take_over(self, held: Held) -> None:\n"
FORGETS = (
    f"{TAKES_OVER}"
    "        held.is_over = True\n"
    "        self._end(held, verdicts.of(held, {}, self._nothing_ran()))\n"
    "        return\n"
)


@pytest.mark.parametrize("next_one", ["attempt", "resume"])
def test_what_begins_beside_the_living_job_of_a_killed_keeper_is_seen(
    api: RuntimeApi, quiet_launcher: LauncherProcess, project: Project, ledger: Ledger, tmp_path: Path, next_one: str
) -> None:
    break_keeper(project, TAKES_OVER, FORGETS)
    quiet_launcher.start()
    script = json.dumps({"await_file": str(tmp_path / "never"), "daemons": 1})
    attempts = 2 if next_one == "attempt" else 1
    first = api.create_job("one", script, project_dir=str(project.work), max_attempts=attempts)
    wait_until(lambda: len(ledger.living(first)) == 2, "the command and its daemon live")
    jobs = [first]
    if next_one == "resume":
        jobs.append(api.create_job("one", "{}", type="resume_session"))

    quiet_launcher.keepers.kill()
    wait_until(lambda: len(ledger.runs()) == 2, "the next one has begun")

    found = violations(collect(api, ledger, jobs))
    for forgotten in ledger.living(first):
        # The broken keeper will not; but of a second attempt, which it does hold, it ends the daemon with the command.
        with suppress(ProcessLookupError):
            os.kill(forgotten.pid, signal.SIGKILL)
    assert any("began beside living" in breach for breach in found), found
    if next_one == "resume":
        assert any(f"of job {first} is left (child of attempt 1)" in breach for breach in found), found


def break_keeper(project: Project, whole: str, broken: str) -> None:
    """Change the copied keeper."""
    path = project.launcher.parent / "lib/keeper/keeper.py"
    text = path.read_text(encoding="utf-8")
    assert whole in text
    path.write_text(text.replace(whole, broken), encoding="utf-8")
