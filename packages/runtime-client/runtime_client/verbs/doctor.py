"""`ao doctor`: what is needed to run agents from here, and what to do about what is missing."""

import json
import os
import subprocess
from dataclasses import dataclass
from typing import cast

from runtime_client.address import find_runtime
from runtime_client.client import RuntimeClient
from runtime_client.configured import configured
from runtime_client.errors import RuntimeClientError
from runtime_client.exit_codes import ExitCode
from runtime_client.how_called import called
from runtime_client.models import SessionQuery
from runtime_client.terminal.command_line import JsonOption, print_json, print_text
from runtime_client.verbs.programs import launcher_command
from runtime_client.version import VERSION
from runtime_client.wire import Json, JsonObject


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` is what to do about it."""

    what: str
    is_well: bool
    advice: str = ""

    def line(self) -> str:
        """Say it to a person, as the launcher's doctor says what it finds."""
        return f"{'ok' if self.is_well else 'failed':<8} {self.what}" + (f" ({self.advice})" if self.advice else "")


def main(as_json: JsonOption = False) -> int:
    """Look at the runtime, its launchers and the token, and at what jobs need on this machine; changes nothing.

    Exit status: 0 if all is well, else 1.
    """
    findings = _of_runtime()
    done = _of_launcher(as_json=as_json)
    is_well = all(one.is_well for one in findings) and done.returncode == 0
    if as_json:
        shown: list[Json] = [{"what": one.what, "ok": one.is_well, "advice": one.advice} for one in findings]
        print_json({"ok": is_well, "runtime": shown, "machine": _parsed(done.stdout)})
    else:
        print_text("\n".join(one.line() for one in findings))
        print_text(done.stdout or done.stderr)
    return ExitCode.SUCCESS if is_well else ExitCode.JOB_FAILED


def _of_runtime() -> list[Finding]:
    address = find_runtime(configured(os.environ))
    found: list[Finding] = []
    try:
        with RuntimeClient(address) as client:
            health = client.health()
            version = health.get("version")
            found.append(Finding(f"the runtime answers at {address.url}", is_well=True))
            advice = "" if version == VERSION else f"install the same version of both: here it is {VERSION}"
            found.append(Finding(f"its version is {version}", version == VERSION, advice))
            client.sessions(SessionQuery(), 1)
            found.append(Finding("it takes the token", is_well=True))
            found += [_of_hold(hold) for hold in client.holds()]
            alive = health.get("launchers_alive")
            advice = "" if alive else f"start one: {called('agent-launcher')}, or all with: {called('ao up')}"
            found.append(Finding(f"launchers alive: {alive}", bool(alive), advice))
    except RuntimeClientError as error:
        found.append(Finding(str(error), is_well=False))
    return found


def _of_hold(hold: JsonObject) -> Finding:
    # Nothing is broken: it goes on by itself.
    return Finding(
        str(hold.get("detail")),
        is_well=True,
        advice=f"to try at once: {called('ao holds')} --lift {hold.get('hold_id')}",
    )


def _of_launcher(*, as_json: bool) -> "subprocess.CompletedProcess[str]":
    command = [*launcher_command(), "doctor", *(["--json"] if as_json else [])]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", f"failed   cannot ask '{command[0]}': {error.strerror}\n")


def _parsed(text: str) -> Json:
    try:
        return cast("Json", json.loads(text))
    except ValueError:
        return None
