"""Look at everything that a launcher needs on this machine, and say what to do about what is missing."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from lib.api_client import TokenSource
from lib.attempt.environment import base_environment
from lib.clients import COMMAND, CannotLookError, look
from lib.config import Config
from lib.errors import ConfigurationError
from lib.executor import COMMANDS, command_of
from lib.keeper import containment
from lib.machine.machine import Machine
from lib.service.warm_trial import why_not_warm
from lib.wire.advice import advice
from lib.wire.http_client import HttpClient, http_client
from lib.wire.models import Json, JsonObject
from lib.wire.quick_httpx import httpx

FREE_BYTES_WANTED, FREE_BYTES_NEEDED = 2 << 30, 64 << 20
FREE_FILES_NEEDED = 1000
SKEW_SECONDS_MAX = 5.0
LOOK_SECONDS = 5.0
_SANDBOX_TRIAL: Final = (
    *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid", "--unshare-net"),
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


class Doctor:
    """Looks, and changes nothing."""

    def __init__(self, config: Config, environment: Mapping[str, str], machine: Machine) -> None:
        self._config = config
        self._environment = environment
        self._machine = machine

    def look(self) -> list[Finding]:
        """Look at everything, in the order in which a job would need it."""
        return [
            *self._runtime(),
            self._state_folder(),
            self._project_folder(),
            self._disk(),
            self._memory(),
            *(self._command(name) for name in sorted(set(COMMANDS.values()))),
            *self._clients(),
            self._sandbox(),
            self._containment(),
            self._warm_starts(),
        ]

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
            found = f"no answer from {url} ({error or type(error).__name__})"
            yield Finding("runtime", Level.FAILED, found, advice(url, error))
            return
        if health.status_code != httpx.codes.OK:
            yield Finding("runtime", Level.FAILED, f"{url} answered {health.status_code}", "see the runtime's own log")
            return
        yield Finding("runtime", Level.OK, f"answers at {url}")
        yield _clock(health.headers.get("Date"), asked_at, answered_at)
        yield self._token(client)

    def _token(self, client: HttpClient) -> Finding:
        token = TokenSource(self._config.token, self._config.token_file).token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            status = _get(client, "/launchers", headers).status_code
        except httpx.HTTPError as error:
            return Finding("token", Level.WARNING, f"could not be tried ({error})")
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return self._refused_token(token, status)
        return Finding("token", Level.OK, "taken by the runtime" if token else "not needed")

    def _refused_token(self, token: str | None, status: int) -> Finding:
        if status == httpx.codes.FORBIDDEN:
            return Finding("token", Level.FAILED, "the runtime takes it, and not for a launcher", "use another token")
        if self._config.token:
            advised = "set it to the runtime's own, or unset it"
            return Finding("token", Level.FAILED, "the runtime refuses the one in AGENT_RUNTIME_TOKEN", advised)
        file = self._config.token_file
        found = "the runtime refuses " + (f"the one in '{file}'" if token else "calls without one")
        advised = f"copy the runtime's token into '{file}', or set AGENT_RUNTIME_TOKEN"
        return Finding("token", Level.FAILED, found, advised)

    def _state_folder(self) -> Finding:
        folder = self._config.state_dir
        standing = _first_that_exists(folder)
        if not os.access(standing, os.W_OK | os.X_OK):
            advice = "change its owner, or choose another folder with --state-dir or AGENT_LAUNCHER_STATE_DIR"
            return Finding("state folder", Level.FAILED, f"'{standing}' cannot be written", advice)
        owner = _owner(folder / "lock")
        return Finding("state folder", Level.OK, f"'{folder}', " + (f"used by pid {owner}" if owner else "not in use"))

    def _project_folder(self) -> Finding:
        found = f"'{self._config.project_dir}'"
        if not self._config.is_project_dir_outside:
            return Finding("project folder", Level.OK, found)
        found += " is outside the project roots, so jobs that name no folder of their own will be refused"
        advice = "set PROJECT_DIR or --project-dir to a folder in one of AGENT_LAUNCHER_PROJECT_ROOTS"
        return Finding("project folder", Level.WARNING, found, advice)

    def _disk(self) -> Finding:
        told = os.statvfs(_first_that_exists(self._config.state_dir))
        free, files = told.f_bavail * told.f_frsize, told.f_favail
        has_few_files = bool(told.f_files) and files < FREE_FILES_NEEDED
        level = Level.FAILED if free < FREE_BYTES_NEEDED or has_few_files else Level.OK
        if level is Level.OK and free < FREE_BYTES_WANTED:
            level = Level.WARNING
        found = f"{free >> 20} MiB and {files if told.f_files else 'any number of'} files free for run directories"
        advice = "" if level is Level.OK else "make room, or move the state folder with --state-dir"
        return Finding("disk", level, found, advice)

    def _memory(self) -> Finding:
        available, floor = self._machine.available_memory(), self._config.bounds.memory_floor_bytes
        if available is None:
            return Finding("memory", Level.OK, "this system does not say how much is free")
        found = f"{available >> 20} MiB available, no further job is taken below {floor >> 20} MiB"
        if available >= floor:
            return Finding("memory", Level.OK, found)
        return Finding("memory", Level.WARNING, found, "end something, or lower AGENT_LAUNCHER_MEMORY_FLOOR_MIB")

    def _command(self, name: str) -> Finding:
        folder = self._config.commands_folder
        beside = folder / name
        path = str(beside) if beside.exists() else self._which(name)
        if path is None:
            return Finding(name, Level.FAILED, f"neither in '{folder}' nor on PATH", f"put it into '{folder}'")
        if not os.access(path, os.X_OK):
            return Finding(name, Level.FAILED, f"'{path}' is not executable", f"chmod +x '{path}'")
        try:
            with Path(path).open("rb") as file:
                programs = _programs_of(file.readline(512))
        except OSError as error:
            return Finding(name, Level.FAILED, f"'{path}' cannot be read: {error.strerror}", f"chmod +r '{path}'")
        for wanted in programs:
            if wanted == "uv" and _has_made_packages(Path(path)):
                continue
            if self._which(wanted) is None:
                return Finding(name, Level.FAILED, f"its interpreter '{wanted}' is not there", f"install '{wanted}'")
        return Finding(name, Level.OK, path)

    def _clients(self) -> Iterator[Finding]:
        """Tell what the launcher tells the runtime: what each backend would run, wherever that comes from."""
        command = command_of(COMMAND, self._config)
        try:
            told = look(self._machine, command, base_environment(self._environment, self._config.environment_rule))
        except CannotLookError as error:
            found = f"not known: {error}"
            yield Finding(
                "clients", Level.WARNING, found, "without it every job is taken, and fails if its client is not here"
            )
            return
        for one in told:
            yield _client(one)

    def _sandbox(self) -> Finding:
        path = self._which("bwrap")
        if path is None:
            found = "no 'bwrap' on PATH, which only agents that ask for a sandbox need (the package is 'bubblewrap')"
            return Finding("sandbox", Level.OK, found)
        failure = _failure_of_sandbox(path, self._environment)
        if failure is None:
            return Finding("sandbox", Level.OK, f"'{path}' can make one")
        advice = (
            "allow user namespaces (kernel.unprivileged_userns_clone, AppArmor's profile for bwrap, or the container's "
            "rules), or install a bwrap that knows --bind-fd; until then jobs that ask for a sandbox fail and nothing "
            "runs"
        )
        return Finding("sandbox", Level.WARNING, f"'{path}' cannot make one: {failure}", advice)

    def _containment(self) -> Finding:
        way = containment.what_can_be_had(self._config.containment or None)
        if way == containment.CGROUP:
            return Finding("containment", Level.OK, "each job has a cgroup of its own")
        if way == containment.MARK:
            found = "each job's processes carry a mark; a cgroup for each job would cost less"
            advice = "run the launcher as a service ('agent-launcher install-service'), which may make cgroups"
            return Finding("containment", Level.OK, found, advice)
        found = "this system tells of process groups only: what a job detaches may outlive it"
        return Finding("containment", Level.WARNING, found, "run jobs on Linux if that matters")

    def _warm_starts(self) -> Finding:
        why, advice = why_not_warm(self._config, base_environment(self._environment))
        if why is None:
            return Finding("warm starts", Level.OK, "commands begin already loaded, forked from a parent that waits")
        return Finding("warm starts", Level.OK, f"none, each command is loaded anew: {why}", advice)

    def _which(self, program: str) -> str | None:
        return shutil.which(program, path=self._environment.get("PATH"))


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
    listed: list[Json] = [asdict(finding) for finding in findings]
    return {"ok": is_well(findings), "findings": listed}


def is_well(findings: list[Finding]) -> bool:
    """Say whether a launcher can run jobs here; warnings do not keep it from that."""
    return all(finding.level is not Level.FAILED for finding in findings)


def _client(told: Json) -> Finding:
    facts = told if isinstance(told, dict) else {}
    subject, program = f"client {facts.get('client')}", facts.get("program")
    if program is None:
        return Finding(subject, Level.OK, "not installed, so its agents' jobs go to other launchers")
    version = facts.get("version") or "it does not tell its version"
    if facts.get("is_signed_in") is False:
        found = f"'{program}', {version}: not signed in, so its agents' jobs go to other launchers"
        return Finding(subject, Level.OK, found)
    known = "signed in" if facts.get("is_signed_in") else "only a prompt would tell whether it is signed in"
    return Finding(subject, Level.OK, f"'{program}', {version}: {known}")


def _clock(told: str | None, asked_at: float, answered_at: float) -> Finding:
    if told is None:
        return Finding("clock", Level.WARNING, "the runtime does not tell its time")
    theirs = parsedate_to_datetime(told).timestamp()
    # Their second may have begun up to one second before they answered.
    skew = 0.0 if asked_at - 1 <= theirs <= answered_at + 1 else theirs - answered_at
    if abs(skew) <= SKEW_SECONDS_MAX:
        return Finding("clock", Level.OK, "agrees with the runtime's")
    found = f"this machine is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} the runtime"
    advice = "switch on time synchronisation ('timedatectl set-ntp true'); jobs run, but their times will look odd"
    return Finding("clock", Level.WARNING, found, advice)


def _get(client: HttpClient, path: str, headers: dict[str, str]) -> httpx.Response:
    limits = httpx.Timeout(LOOK_SECONDS)
    return client.request("GET", path, json=None, content=None, params=None, headers=headers, timeout=limits)


def _failure_of_sandbox(program: str, environment: Mapping[str, str]) -> str | None:
    """Make a sandbox as agents get it, with a folder that was opened before."""
    folder = tempfile.gettempdir()
    opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        words = [program, *_SANDBOX_TRIAL, "--bind-fd", str(opened), folder, "--", "true"]
        return _failure_of(words, environment, (opened,))
    finally:
        os.close(opened)


def _failure_of(command: list[str], environment: Mapping[str, str], descriptors: Sequence[int] = ()) -> str | None:
    """Run a command that does nothing; return why it failed."""
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LOOK_SECONDS,
            pass_fds=descriptors,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.decode("utf-8", "replace").split()) or f"it ended with {done.returncode}"


def _has_made_packages(command: Path) -> bool:
    """Tell whether `make` has put the packages where a command's first line looks for them before it asks uv."""
    return os.access(command.resolve().parent.parent / ".venv" / "bin" / "agent-runtime", os.X_OK)


def _programs_of(first: bytes) -> Iterator[str]:
    """Name what a `#!` line needs: what env starts, and the uv that a shell there becomes."""
    words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    names = [word for word in words if not word.startswith("-")]
    if names:
        yield names[1] if len(names) > 1 and names[0].endswith("/env") else names[0]
    if "uv" in names:
        yield "uv"


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
