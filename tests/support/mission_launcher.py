"""A launcher that knows the calls of the first document and their fields, and stumbles over anything else.

Run alone: `mission_launcher.py RUNTIME_URL COMMANDS_FOLDER`. It prints a line for each job that it has begun.
"""

import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import cast

JsonObject = dict[str, str | None]


class MissionLauncher:
    """One thread polls, one for each job waits for its end."""

    def __init__(self, url: str, commands: Path) -> None:
        self._url = url
        self._commands = commands
        self._launcher_id = self._call("POST", "/launcher/register", {})["launcher_id"]

    def run(self) -> None:
        """Poll for ever."""
        while True:
            answer = self._call("GET", f"/launcher/jobs?launcher_id={self._launcher_id}")
            if answer:
                self._start(cast("JsonObject", answer["job"]))

    def _start(self, job: JsonObject) -> None:
        words = [str(self._commands / "ao-start"), str(job["session_name"]), "--prompt", str(job["prompt"])]
        process = subprocess.Popen(words, env={**os.environ, "AGENT_JOB_ID": str(job["job_id"])})
        self._report(job, "started", {})
        sys.stdout.write(f"began {job['job_id']}\n")
        sys.stdout.flush()
        threading.Thread(target=self._supervise, args=(job, process), daemon=True).start()

    def _supervise(self, job: JsonObject, process: "subprocess.Popen[bytes]") -> None:
        if process.wait() == 0:
            self._report(job, "completed", {"status": "success"})
        else:
            self._report(job, "failed", {"error": "it failed"})

    def _report(self, job: JsonObject, verb: str, facts: JsonObject) -> None:
        self._call("POST", f"/launcher/jobs/{job['job_id']}/{verb}", {"launcher_id": str(self._launcher_id), **facts})

    def _call(self, method: str, path: str, body: JsonObject | None = None) -> dict[str, object]:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ['AGENT_RUNTIME_TOKEN']}"}
        request = urllib.request.Request(self._url + path, content, headers, method=method)  # noqa: S310 - http only
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            told = answer.read()
        return cast("dict[str, object]", json.loads(told)) if told else {}


if __name__ == "__main__":
    MissionLauncher(sys.argv[1], Path(sys.argv[2])).run()
