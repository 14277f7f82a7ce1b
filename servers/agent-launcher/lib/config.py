"""Every setting of the launcher, read once: options first, then the environment, then the defaults."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lib.attempt.environment import EnvironmentRule
from lib.errors import ConfigurationError
from lib.keeper.containment import WAYS
from lib.machine.log_lines import LogFormat
from lib.numbers.place import Place

DEFAULT_RUNTIME_URL = "http://localhost:8765"
DEFAULT_POLL_TIMEOUT = 30.0
DEFAULT_HEARTBEAT_INTERVAL = 60.0
DEFAULT_MEMORY_FLOOR_MIB = 512.0
DEFAULT_MEMORY_PRESSURE_MAX = 20.0
DEFAULT_CLIENTS_EVERY, CLIENTS_EVERY_MIN, CLIENTS_EVERY_MAX = "300", 10.0, 86400.0
DEFAULT_OUTPUT_LIMIT_MIB = 1024.0
LABEL_SEPARATOR = "="
HOST_NAME_MAX = 200
AUTOMATIC = "auto"
LEAVE, STOP = "leave", "stop"
_SECONDS_OF: Mapping[str, float] = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said; None where it said nothing."""

    runtime_url: str | None = None
    project_dir: Path | None = None
    state_dir: Path | None = None
    max_jobs: int | None = None
    labels: tuple[str, ...] = ()
    name: str | None = None
    once: bool = False
    exit_when_idle: bool = False
    max_total_jobs: int | None = None
    verbose: bool = False
    project_roots: tuple[Path, ...] = ()
    env_allow: tuple[str, ...] = ()
    env_deny: tuple[str, ...] = ()
    log_format: LogFormat = LogFormat.TEXT
    drain_within: str | None = None
    after_drain: str | None = None
    metrics: str | None = None
    metrics_token_file: Path | None = None

    def flags(self, cwd: Path) -> list[str]:
        """Write them as a command line that means the same in any folder; what is for one run is left out."""
        told: dict[str, str | Path | int | None] = {
            "--runtime-url": self.runtime_url,
            "--project-dir": cwd / self.project_dir.expanduser() if self.project_dir else None,
            "--state-dir": cwd / self.state_dir.expanduser() if self.state_dir else None,
            "--max-jobs": self.max_jobs,
            "--name": self.name,
            "--drain-within": self.drain_within,
            "--after-drain": self.after_drain,
            "--metrics": self.metrics,
            "--metrics-token-file": cwd / self.metrics_token_file.expanduser() if self.metrics_token_file else None,
        }
        flags = [word for name, value in told.items() if value is not None for word in (name, str(value))]
        flags += [word for label in self.labels for word in ("--label", label)]
        flags += [word for root in self.project_roots for word in ("--project-root", str(cwd / root.expanduser()))]
        flags += [word for names in self.env_allow for word in ("--env-allow", names)]
        flags += [word for names in self.env_deny for word in ("--env-deny", names)]
        flags += ["--log-format", self.log_format.value] if self.log_format is not LogFormat.TEXT else []
        return [*flags, "--verbose"] if self.verbose else flags


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the machine must be able to bear for a further job beside those that run.

    Units:   percent of the last ten seconds in which every process waited for memory, or some for a processor; at 0 it
             is not looked at.
    """

    memory_floor_bytes: int = 0
    memory_pressure_max: float = 0.0
    cpu_pressure_max: float = 0.0


@dataclass(frozen=True, slots=True)
class Drain:
    """How a launcher that was told to go treats what still runs.

    Units:   it waits `seconds` for that, None for as long as it takes; then it stops it (`is_stop`), or leaves it
             running to be adopted.
    """

    seconds: float | None = None
    is_stop: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one launcher process.

    Units:   `poll_timeout` and `heartbeat_interval` are seconds; `output_limit_bytes` is how much one job may print.
    Shape:   `max_jobs` None is unlimited; with `clients_every_seconds` at 0 nobody looks for clients, and every job is
             taken; `host_name` empty is what the state folder says, or else the host; `project_roots` are real paths;
             without any, jobs may work everywhere. `containment` empty takes the best way that can be had. Jobs'
             commands are looked for in `commands_folder` first. `metrics` None tells nobody any numbers.
    """

    runtime_url: str
    poll_timeout: float
    heartbeat_interval: float
    project_dir: Path
    state_dir: Path
    commands_folder: Path
    token_file: Path
    token: str | None = None
    ca_file: Path | None = None
    max_jobs: int | None = None
    max_total_jobs: int | None = None
    exit_when_idle: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    host_name: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    output_limit_bytes: int = int(DEFAULT_OUTPUT_LIMIT_MIB) << 20
    project_roots: tuple[Path, ...] = ()
    environment_rule: EnvironmentRule = field(default_factory=EnvironmentRule)
    containment: str = ""
    drain: Drain = field(default_factory=Drain)
    warm_starts: bool = True
    clients_every_seconds: float = 0.0
    verbose: bool = False
    metrics: Place | None = None

    @property
    def is_project_dir_outside(self) -> bool:
        """Whether jobs that name no folder of their own would be refused."""
        return bool(self.project_roots) and not any(
            self.project_dir.is_relative_to(root) for root in self.project_roots
        )


def load_config(
    options: Options, environment: Mapping[str, str], project_root: Path, cwd: Path, program: Path | None = None
) -> Config:
    """Read all settings; `program` is what was typed, beside which the commands are in an installation.

    Errors:  ConfigurationError, with a sentence that names the option or variable.
    """
    return Config(
        runtime_url=_runtime_url(options, environment),
        poll_timeout=_positive(environment, "POLL_TIMEOUT", DEFAULT_POLL_TIMEOUT),
        heartbeat_interval=_positive(environment, "HEARTBEAT_INTERVAL", DEFAULT_HEARTBEAT_INTERVAL),
        project_dir=_project_dir(options, environment, cwd),
        state_dir=_state_dir(options, environment, cwd),
        commands_folder=_commands_folder(project_root, program),
        token_file=_runtime_folder(environment) / "token",
        token=environment.get("AGENT_RUNTIME_TOKEN") or None,
        ca_file=_ca_file(environment),
        max_jobs=_max_jobs(options, environment),
        max_total_jobs=1 if options.once else options.max_total_jobs,
        exit_when_idle=options.exit_when_idle,
        labels=_labels(options.labels or _names((), environment.get("AGENT_LAUNCHER_LABELS"))),
        name=options.name or environment.get("AGENT_LAUNCHER_NAME") or socket.gethostname(),
        host_name=_host_name(environment),
        bounds=Bounds(
            _mebibytes(environment, "AGENT_LAUNCHER_MEMORY_FLOOR_MIB", DEFAULT_MEMORY_FLOOR_MIB),
            _percent(environment, "AGENT_LAUNCHER_MEMORY_PRESSURE_MAX", DEFAULT_MEMORY_PRESSURE_MAX),
            _percent(environment, "AGENT_LAUNCHER_CPU_PRESSURE_MAX", 0.0),
        ),
        output_limit_bytes=_mebibytes(environment, "AGENT_LAUNCHER_OUTPUT_LIMIT_MIB", DEFAULT_OUTPUT_LIMIT_MIB),
        project_roots=_project_roots(options, environment, cwd),
        environment_rule=EnvironmentRule(
            _names(options.env_allow, environment.get("AGENT_LAUNCHER_ENV_ALLOW")),
            _names(options.env_deny, environment.get("AGENT_LAUNCHER_ENV_DENY")),
        ),
        containment=_containment(environment),
        drain=drain_of(options, environment),
        warm_starts=_warm_starts(environment),
        clients_every_seconds=_clients_every(environment),
        verbose=options.verbose,
        metrics=_metrics(options, environment, cwd),
    )


def _commands_folder(project_root: Path, program: Path | None) -> Path:
    beside = program.resolve().parent if program is not None else project_root
    of_checkout = project_root / "commands"
    return beside if not of_checkout.is_dir() and (beside / "ao-start").exists() else of_checkout


def _runtime_url(options: Options, environment: Mapping[str, str]) -> str:
    url = (options.runtime_url or environment.get("AGENT_RUNTIME_URL") or DEFAULT_RUNTIME_URL).rstrip("/")
    if not _is_address(url):
        raise ConfigurationError(
            f"cannot use the runtime address {url!r}: expected 'http://HOST:PORT' or 'https://HOST:PORT' "
            "(AGENT_RUNTIME_URL or --runtime-url)"
        )
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Asked for its numbers, the system would be given the name in this form.
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
    except ValueError:
        return False


def _project_dir(options: Options, environment: Mapping[str, str], cwd: Path) -> Path:
    path = cwd / (options.project_dir or Path(environment.get("PROJECT_DIR") or "."))
    path = path.expanduser().resolve()
    if not path.is_dir():
        raise ConfigurationError(
            f"cannot use the project folder '{path}': there is no such folder (PROJECT_DIR or --project-dir)"
        )
    return path


def _project_roots(options: Options, environment: Mapping[str, str], cwd: Path) -> tuple[Path, ...]:
    told = environment.get("AGENT_LAUNCHER_PROJECT_ROOTS") or ""
    roots = options.project_roots or tuple(Path(word) for word in told.split(os.pathsep) if word)
    return tuple(_project_root(cwd / root.expanduser()) for root in roots)


def _project_root(path: Path) -> Path:
    root = path.resolve()
    if not root.is_dir():
        # Left out silently, jobs would be refused for no visible reason; taken, a folder made later would be open.
        raise ConfigurationError(
            f"cannot limit jobs to '{path}': there is no such folder (AGENT_LAUNCHER_PROJECT_ROOTS or --project-root)"
        )
    return root


def _names(told: tuple[str, ...], variable: str | None) -> tuple[str, ...]:
    words = told or (variable or "",)
    return tuple(name.strip() for word in words for name in word.split(",") if name.strip())


def _state_dir(options: Options, environment: Mapping[str, str], cwd: Path) -> Path:
    if told := options.state_dir or environment.get("AGENT_LAUNCHER_STATE_DIR"):
        return (cwd / Path(told).expanduser()).resolve()
    return _home_folder(environment, "XDG_STATE_HOME", ".local/state") / "agent-launcher"


def _runtime_folder(environment: Mapping[str, str]) -> Path:
    if told := environment.get("AGENT_RUNTIME_DATA_DIR"):
        return Path(told).expanduser()
    return _home_folder(environment, "XDG_DATA_HOME", ".local/share") / "agent-runtime"


def _ca_file(environment: Mapping[str, str]) -> Path | None:
    if told := environment.get("AGENT_RUNTIME_CA_FILE"):
        return Path(told).expanduser()
    # Left there by a runtime of this user that serves HTTPS.
    own = _runtime_folder(environment) / "certificate.pem"
    return own if own.is_file() else None


def _home_folder(environment: Mapping[str, str], variable: str, default: str) -> Path:
    if told := environment.get(variable):
        return Path(told)
    return Path(environment.get("HOME") or Path.home()) / default


def _host_name(environment: Mapping[str, str]) -> str:
    name = environment.get("AGENT_HOST_NAME", "").strip()
    if len(name) > HOST_NAME_MAX or not name.isprintable():
        raise ConfigurationError(
            f"cannot use AGENT_HOST_NAME={name[:80]!r}: at most {HOST_NAME_MAX} visible characters are needed"
        )
    return name


def _containment(environment: Mapping[str, str]) -> str:
    wanted = environment.get("AGENT_LAUNCHER_CONTAINMENT") or AUTOMATIC
    if wanted != AUTOMATIC and wanted not in WAYS:
        raise ConfigurationError(
            f"cannot use AGENT_LAUNCHER_CONTAINMENT={wanted!r}: it is one of {', '.join((AUTOMATIC, *WAYS))}"
        )
    return "" if wanted == AUTOMATIC else wanted


def drain_of(options: Options, environment: Mapping[str, str]) -> Drain:
    """Read what a launcher does that is told to go.

    Errors:  ConfigurationError.
    """
    within = options.drain_within or environment.get("AGENT_LAUNCHER_DRAIN_WITHIN") or None
    then = options.after_drain or environment.get("AGENT_LAUNCHER_AFTER_DRAIN") or LEAVE
    if then not in (LEAVE, STOP):
        raise ConfigurationError(f"cannot use --after-drain {then!r}: it is {LEAVE!r} or {STOP!r}")
    return Drain(None if within is None else _seconds(within), then == STOP)


def _seconds(told: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", told.strip())
    if found is None:
        raise ConfigurationError(f"cannot use --drain-within {told!r}: a time such as '90s', '10m' or '2h' is needed")
    return float(found[1]) * _SECONDS_OF[found[2]]


def _metrics(options: Options, environment: Mapping[str, str], cwd: Path) -> Place | None:
    told = options.metrics or environment.get("AGENT_LAUNCHER_METRICS")
    if not told:
        return None
    file = options.metrics_token_file or environment.get("AGENT_LAUNCHER_METRICS_TOKEN_FILE")
    return Place.of(told, cwd / Path(file).expanduser() if file else None)


def _warm_starts(environment: Mapping[str, str]) -> bool:
    told = environment.get("AGENT_LAUNCHER_WARM_STARTS") or ON
    if told not in (ON, OFF):
        raise ConfigurationError(f"cannot use AGENT_LAUNCHER_WARM_STARTS={told!r}: it is {ON!r} or {OFF!r}")
    return told == ON


def _clients_every(environment: Mapping[str, str]) -> float:
    told = environment.get("AGENT_LAUNCHER_CLIENTS_EVERY") or DEFAULT_CLIENTS_EVERY
    try:
        seconds = float(told)
    except ValueError:
        seconds = -1.0
    if seconds != 0 and not CLIENTS_EVERY_MIN <= seconds <= CLIENTS_EVERY_MAX:
        raise ConfigurationError(
            f"cannot use AGENT_LAUNCHER_CLIENTS_EVERY={told!r}: seconds from {CLIENTS_EVERY_MIN:g} to "
            f"{CLIENTS_EVERY_MAX:g} are needed, or 0 to look for no clients and take every job"
        )
    return seconds


def _max_jobs(options: Options, environment: Mapping[str, str]) -> int | None:
    told: str | int | None = (
        options.max_jobs if options.max_jobs is not None else environment.get("AGENT_LAUNCHER_MAX_JOBS")
    )
    if told is None or told == "":
        return None
    try:
        count = int(told)
    except ValueError:
        count = 0
    if count < 1:
        raise ConfigurationError(
            f"cannot limit the jobs to {told!r}: a whole number from 1 is needed "
            "(AGENT_LAUNCHER_MAX_JOBS or --max-jobs)"
        )
    return count


def _mebibytes(environment: Mapping[str, str], variable: str, default: float) -> int:
    told = environment.get(variable) or str(default)
    try:
        return int(float(told) * 1024 * 1024)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"cannot use {variable}={told!r}: a number of MiB is needed") from error


def _percent(environment: Mapping[str, str], variable: str, default: float) -> float:
    told = environment.get(variable) or str(default)
    try:
        percent = float(told)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise ConfigurationError(f"cannot use {variable}={told!r}: a number from 0 to 100 is needed")
    return percent


def _labels(told: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for text in told:
        name, separator, value = text.partition(LABEL_SEPARATOR)
        if not separator or not name:
            raise ConfigurationError(
                f"cannot use the label {text!r}: 'key=value' is needed (--label or AGENT_LAUNCHER_LABELS)"
            )
        labels[name] = value
    return labels


def _positive(environment: Mapping[str, str], variable: str, default: float) -> float:
    told = environment.get(variable)
    if not told:
        return default
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"cannot use {variable}={told!r}: a number of seconds above 0 is needed")
    return seconds
