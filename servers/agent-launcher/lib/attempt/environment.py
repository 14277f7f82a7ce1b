"""What a job's command finds in its environment: the launcher's own, less what is the launcher's alone.

The rule stands in docs/reference/settings.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from lib.attempt.folder import RunFolder
from lib.attempt.inherited import without_places
from lib.wire.models import Job

# Without these hardly any program runs; an allow list adds to them.
BASICS: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TERM", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*"),
    *("XDG_*", "UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    "AGENT_RUNTIME_CA_FILE",
)
_CREDENTIALS = ("AGENT_RUNTIME_TOKEN", "AGENT_RUNTIME_DATABASE_URL")
# Marks of a session or service that the launcher itself may have been started in.
_MARKS = (
    "AGENT_SESSION_NAME",
    "AGENT_SESSION_ID",
    "AGENT_JOB_ID",
    "AGENT_JOB_ATTEMPT",
    "AGENT_RUN_BY_JOB",
    "AGENT_RESUMED",
    "AGENT_PROMPT_FILE",
    "AGENT_OUTCOME_FILE",
    "AGENT_OUTPUT_LIMIT_BYTES",
    "AGENT_HOST_NAME",
    "TRACEPARENT",
    "TRACESTATE",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)


@dataclass(frozen=True, slots=True)
class EnvironmentRule:
    """An allow list and a deny list of names, in which `*` and `?` stand for what they do in file names.

    Shape:   without an allow list everything passes; what the deny list names never does.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def passed(self, own: Mapping[str, str]) -> dict[str, str]:
        """Copy what may be seen."""
        return {name: value for name, value in own.items() if self._passes(name)}

    def _passes(self, name: str) -> bool:
        if _is_named(name, self.deny):
            return False
        return not self.allow or _is_named(name, BASICS) or _is_named(name, self.allow)


def _is_named(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def base_environment(
    own: Mapping[str, str], rule: EnvironmentRule | None = None, folder: Path | None = None
) -> dict[str, str]:
    """Copy what the rule lets through of the launcher's environment, which was set in a folder.

    Its credentials, its marks and what is about its own place never pass, whatever the rule says.
    """
    allowed = (rule or EnvironmentRule()).passed(own)
    kept = {name: value for name, value in allowed.items() if name not in _CREDENTIALS and name not in _MARKS}
    private = own.get("VIRTUAL_ENV")
    if private and os.path.realpath(private) == os.path.realpath(sys.prefix):
        # `uv run --script` put its own environment first; an agent's `python` must be the user's.
        own_bin = str(Path(private) / "bin")
        kept["PATH"] = os.pathsep.join(part for part in kept.get("PATH", "").split(os.pathsep) if part != own_bin)
    return without_places(kept, folder or Path.cwd())


def job_environment(
    job: Job,
    folder: RunFolder,
    runtime_url: str,
    roots: Sequence[Path] = (),
    *,
    project_dir: str,
    is_prompt_on_stdin: bool,
) -> dict[str, str]:
    """The entries that one attempt adds."""
    added = {
        "PWD": project_dir,
        "AGENT_SESSION_NAME": job.session_name,
        "AGENT_JOB_ID": job.job_id,
        "AGENT_JOB_ATTEMPT": str(job.attempt_number),
        "AGENT_RUNTIME_URL": runtime_url,
        "AGENT_OUTCOME_FILE": str(folder.outcome_path),
    }
    if job.session_id:
        added["AGENT_SESSION_ID"] = job.session_id
    if job.traceparent:
        added["TRACEPARENT"] = job.traceparent
    if job.session_token:
        added["AGENT_RUNTIME_TOKEN"] = job.session_token
    if roots:
        # A resumed session's folder is known to the command alone, which asks the same question.
        added["AGENT_LAUNCHER_PROJECT_ROOTS"] = os.pathsep.join(str(root) for root in roots)
    if is_prompt_on_stdin:
        added["AGENT_PROMPT_FILE"] = str(folder.prompt_path)
    return added
