"""Look at everything that a launcher needs on this machine, and say what to do about what is missing."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from lib.api_client import TokenSource
from lib.config import Config
from lib.errors import ConfigurationError
from lib.executor import COMMANDS
from lib.keeper import containment
from lib.machine.machine import Machine
from lib.wire.http_client import HttpClient, http_client
from lib.wire.models import Json, JsonObject
from lib.wire.quick_httpx import httpx

FREE_BYTES_WANTED, FREE_BYTES_NEEDED = 2 << 30, 64 << 20
FREE_FILES_NEEDED = 1000
SKEW_SECONDS_MAX = 5.0
LOOK_SECONDS = 5.0
_SANDBOX_TRIAL: Final = (
    *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid", "--unshare-net", "--", "true"),
)


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` is empty when there is nothing to do."""

    subject: str
    level: Level
    found: str
    advice: str = ""

    def to_json(self) -> JsonObject:
        return {"subject": self.subject, "level": self.level.value, "found": self.found, "advice": self.advice}


@dataclass(frozen=True, slots=True)
class Backend:
    """A program that agents run on, and where its credentials may lie; they are never read."""

    name: str
    program: str
    variables: tuple[str, ...]
    files: tuple[str, ...]
    advice: str


BACKENDS: Final = (
    Backend(
        "claude-code",
        "claude",
        ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        (".claude/.credentials.json",),
        "log in with 'claude', or set ANTHROPIC_API_KEY in the launcher's environment",
    ),
)


class Doctor:
    """Looks, and changes nothing."""

    def __init__(self, config: Config, environment: Mapping[str, str], machine: Machine) -> None:
        self._config = config
        self._environment = environment
        self._machine = machine

    def look(self) -> list[Finding]:
        """Look at everything, in the order in which a job would need it."""
        looks: tuple[Callable[[], Iterator[Finding]], ...] = (
            self._runtime,
            self._state_folder,
            self._project_folder,
            self._disk,
            self._memory,
            self._commands,
            self._backends,
            self._sandbox,
            self._containment,
        )
        return [finding for look in looks for finding in look()]

    def _runtime(self) -> Iterator[Finding]:
        url = self._config.runtime_url
        try:
            client = http_client(url, self._config.ca_file)
            asked_at = self._machine.wall_time()
            health = _get(client, "/health", {})
            answered_at = self._machine.wall_time()
        except ConfigurationError as error:
            yield Finding("runtime", Level.FAILED, str(error), "correct that setting")
            return
        except httpx.HTTPError as error:
            yield Finding(
                "runtime",
                Level.FAILED,
                f"no answer from {url} ({error or type(error).__name__})",
                "start 'agent-runtime' there, or give the right address with --runtime-url or AGENT_RUNTIME_URL",
            )
            return
        if health.status_code != httpx.codes.OK:
            yield Finding("runtime", Level.FAILED, f"{url} answered {health.status_code}", "see the runtime's own log")
            return
        yield Finding("runtime", Level.OK, f"answers at {url}")
        yield from self._clock(health, asked_at, answered_at)
        yield from self._token(client)

    def _clock(self, health: httpx.Response, asked_at: float, answered_at: float) -> Iterator[Finding]:
        told = health.headers.get("Date")
        if told is None:
            yield Finding("clock", Level.WARNING, "the runtime does not tell its time")
            return
        theirs = parsedate_to_datetime(told).timestamp()
        # Their second may have begun up to one second before they answered.
        skew = 0.0 if asked_at - 1 <= theirs <= answered_at + 1 else theirs - answered_at
        if abs(skew) <= SKEW_SECONDS_MAX:
            yield Finding("clock", Level.OK, "agrees with the runtime's")
            return
        word = "behind" if skew > 0 else "ahead of"
        yield Finding(
            "clock",
            Level.WARNING,
            f"this machine is {abs(skew):.0f} s {word} the runtime",
            "switch on time synchronisation ('timedatectl set-ntp true'); jobs run, but their times will look odd",
        )

    def _token(self, client: HttpClient) -> Iterator[Finding]:
        token = TokenSource(self._config.token, self._config.token_file).token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            status = _get(client, "/launchers", headers).status_code
        except httpx.HTTPError as error:
            yield Finding("token", Level.WARNING, f"could not be tried ({error})")
            return
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            yield Finding(
                "token",
                Level.FAILED,
                f"the runtime refuses {'the token that was found' if token else 'calls without one'}",
                f"copy the runtime's token into '{self._config.token_file}', or set AGENT_RUNTIME_TOKEN",
            )
            return
        yield Finding("token", Level.OK, "taken by the runtime" if token else "not needed")

    def _state_folder(self) -> Iterator[Finding]:
        folder = self._config.state_dir
        standing = _first_that_exists(folder)
        if not os.access(standing, os.W_OK | os.X_OK):
            yield Finding(
                "state folder",
                Level.FAILED,
                f"'{standing}' cannot be written",
                "change its owner, or choose another folder with --state-dir or AGENT_LAUNCHER_STATE_DIR",
            )
            return
        owner = _owner(folder / "lock")
        yield Finding("state folder", Level.OK, f"'{folder}', " + (f"used by pid {owner}" if owner else "not in use"))

    def _project_folder(self) -> Iterator[Finding]:
        folder = self._config.project_dir
        if not self._config.is_project_dir_outside:
            yield Finding("project folder", Level.OK, f"'{folder}'")
            return
        yield Finding(
            "project folder",
            Level.WARNING,
            f"'{folder}' is outside the project roots, so jobs that name no folder of their own will be refused",
            "set PROJECT_DIR or --project-dir to a folder in one of AGENT_LAUNCHER_PROJECT_ROOTS",
        )

    def _disk(self) -> Iterator[Finding]:
        told = os.statvfs(_first_that_exists(self._config.state_dir))
        free, files = told.f_bavail * told.f_frsize, told.f_favail
        has_few_files = bool(told.f_files) and files < FREE_FILES_NEEDED
        level = Level.FAILED if free < FREE_BYTES_NEEDED or has_few_files else Level.OK
        if level is Level.OK and free < FREE_BYTES_WANTED:
            level = Level.WARNING
        found = f"{free >> 20} MiB and {files if told.f_files else 'any number of'} files free for run directories"
        advice = "" if level is Level.OK else "make room, or move the state folder with --state-dir"
        yield Finding("disk", level, found, advice)

    def _memory(self) -> Iterator[Finding]:
        available, floor = self._machine.available_memory(), self._config.memory_floor_bytes
        if available is None:
            yield Finding("memory", Level.OK, "this system does not say how much is free")
            return
        is_short = available < floor
        yield Finding(
            "memory",
            Level.WARNING if is_short else Level.OK,
            f"{available >> 20} MiB available, no further job is taken below {floor >> 20} MiB",
            "end something, or lower AGENT_LAUNCHER_MEMORY_FLOOR_MIB" if is_short else "",
        )

    def _commands(self) -> Iterator[Finding]:
        folder = self._config.project_root / "commands"
        for name in sorted(set(COMMANDS.values())):
            beside = folder / name
            path = str(beside) if beside.exists() else shutil.which(name, path=self._environment.get("PATH"))
            if path is None:
                yield Finding(name, Level.FAILED, f"neither in '{folder}' nor on PATH", f"put it into '{folder}'")
            elif not os.access(path, os.X_OK):
                yield Finding(name, Level.FAILED, f"'{path}' is not executable", f"chmod +x '{path}'")
            else:
                yield self._interpreter(name, path)

    def _interpreter(self, name: str, path: str) -> Finding:
        try:
            with Path(path).open("rb") as file:
                first = file.readline(512)
        except OSError as error:
            return Finding(name, Level.FAILED, f"'{path}' cannot be read: {error.strerror}", f"chmod +r '{path}'")
        words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
        # `#!/usr/bin/env -S uv run --script`: what env starts is what must be there.
        names = [word for word in words if not word.startswith("-")]
        wanted = names[1] if len(names) > 1 and names[0].endswith("/env") else (names[0] if names else "")
        if wanted and shutil.which(wanted, path=self._environment.get("PATH")) is None:
            return Finding(name, Level.FAILED, f"its interpreter '{wanted}' is not there", f"install '{wanted}'")
        return Finding(name, Level.OK, path)

    def _backends(self) -> Iterator[Finding]:
        for backend in BACKENDS:
            path = shutil.which(backend.program, path=self._environment.get("PATH"))
            if path is None:
                yield Finding(
                    f"backend {backend.name}",
                    Level.WARNING,
                    f"no '{backend.program}' on PATH",
                    f"install it if agents of this backend are to run here ({backend.advice})",
                )
                continue
            yield Finding(f"backend {backend.name}", Level.OK, path)
            yield self._credentials(backend)

    def _sandbox(self) -> Iterator[Finding]:
        path = shutil.which("bwrap", path=self._environment.get("PATH"))
        if path is None:
            yield Finding(
                "sandbox",
                Level.WARNING,
                "no 'bwrap' on PATH",
                "install 'bubblewrap' if blueprints ask for a sandbox; without it their jobs fail and nothing runs",
            )
            return
        failure = _failure_of([path, *_SANDBOX_TRIAL], self._environment)
        if failure is None:
            yield Finding("sandbox", Level.OK, f"'{path}' can make one")
            return
        yield Finding(
            "sandbox",
            Level.WARNING,
            f"'{path}' cannot make one: {failure}",
            "allow user namespaces (kernel.unprivileged_userns_clone, AppArmor's profile for bwrap, or the container's "
            "rules); until then jobs that ask for a sandbox fail and nothing runs",
        )

    def _containment(self) -> Iterator[Finding]:
        way = containment.what_can_be_had(self._config.containment or None)
        if way == containment.CGROUP:
            yield Finding("containment", Level.OK, "each job has a cgroup of its own")
        elif way == containment.MARK:
            yield Finding(
                "containment",
                Level.OK,
                "each job's processes carry a mark; a cgroup for each job would cost less",
                "run the launcher as a service ('agent-launcher install-service'), which may make cgroups",
            )
        else:
            yield Finding(
                "containment",
                Level.WARNING,
                "this system tells of process groups only: what a job detaches may outlive it",
                "run jobs on Linux if that matters",
            )

    def _credentials(self, backend: Backend) -> Finding:
        home = Path(self._environment.get("HOME") or Path.home())
        present = [name for name in backend.variables if self._environment.get(name)]
        present += [str(home / name) for name in backend.files if (home / name).is_file()]
        subject = f"credentials {backend.name}"
        if present:
            return Finding(subject, Level.OK, f"present: {', '.join(present)}")
        return Finding(subject, Level.WARNING, "none found", backend.advice)


def report(findings: list[Finding]) -> str:
    """Say it to a person."""
    width = max(len(finding.subject) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level.value:<8} {finding.subject:<{width}}  {finding.found}")
        if finding.advice:
            lines.append(f"{'':<8} {'':<{width}}  -> {finding.advice}")
    return "\n".join(lines)


def to_json(findings: list[Finding]) -> JsonObject:
    """Say it to a program."""
    listed: list[Json] = [finding.to_json() for finding in findings]
    return {"ok": is_well(findings), "findings": listed}


def is_well(findings: list[Finding]) -> bool:
    """Say whether a launcher can run jobs here; warnings do not keep it from that."""
    return all(finding.level is not Level.FAILED for finding in findings)


def _get(client: HttpClient, path: str, headers: dict[str, str]) -> httpx.Response:
    limits = httpx.Timeout(LOOK_SECONDS)
    return client.request("GET", path, json=None, content=None, params=None, headers=headers, timeout=limits)


def _failure_of(command: list[str], environment: Mapping[str, str]) -> str | None:
    """Run a command that does nothing; return why it failed."""
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LOOK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.decode("utf-8", "replace").split()) or f"it ended with {done.returncode}"


def _first_that_exists(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _owner(lock_path: Path) -> str | None:
    try:
        with lock_path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return lock_path.read_text("ascii", "replace").strip() or "?"
    except OSError:
        return None
    return None
