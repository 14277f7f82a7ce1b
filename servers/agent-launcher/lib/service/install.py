"""Write the file by which the system starts this launcher, watches it, and starts it again without ending jobs."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.config import Drain
from lib.errors import ConfigurationError

NAME = "agent-launcher"
LABEL = "io.agent-orchestrator.agent-launcher"
# Settings of the person who installs, kept for the service. Tokens are not among them: they stay in their own files.
KEPT_SETTINGS = (
    "PATH",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "AGENT_HOST_NAME",
    "AGENT_RUNTIME_URL",
    "AGENT_RUNTIME_DATA_DIR",
    "AGENT_RUNTIME_CA_FILE",
    "POLL_TIMEOUT",
    "HEARTBEAT_INTERVAL",
    "PROJECT_DIR",
    "AGENT_LAUNCHER_NAME",
    "AGENT_LAUNCHER_LABELS",
    "AGENT_LAUNCHER_STATE_DIR",
    "AGENT_LAUNCHER_MAX_JOBS",
    "AGENT_LAUNCHER_MEMORY_FLOOR_MIB",
    "AGENT_LAUNCHER_MEMORY_PRESSURE_MAX",
    "AGENT_LAUNCHER_CPU_PRESSURE_MAX",
    "AGENT_LAUNCHER_OUTPUT_LIMIT_MIB",
    "AGENT_LAUNCHER_LOG_FORMAT",
    "AGENT_LAUNCHER_PROJECT_ROOTS",
    "AGENT_LAUNCHER_ENV_ALLOW",
    "AGENT_LAUNCHER_ENV_DENY",
    "AGENT_LAUNCHER_CONTAINMENT",
    "AGENT_LAUNCHER_DRAIN_WITHIN",
    "AGENT_LAUNCHER_AFTER_DRAIN",
    "AGENT_LAUNCHER_WARM_STARTS",
    "AGENT_LAUNCHER_METRICS",
    "AGENT_LAUNCHER_METRICS_TOKEN_FILE",
    "AGENT_LAUNCHER_CLIENTS_EVERY",
)

LEAVES_WITHIN_SECONDS = 30
_THEN: Mapping[bool, str] = {
    False: "it leaves at once, and its next life adopts them",
    True: "it waits for them as long as --drain-within says",
}
_SYSTEMD = """\
[Unit]
Description=Agent Launcher: runs coding agents for the Agent Runtime
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart={command}
{environment}
# A restart must not end running jobs: only the launcher is signalled, {then}.
KillMode=process
# Each job gets a cgroup of its own below the service's.
Delegate=yes
KillSignal={signal}
TimeoutStopSec={patience}
# The launcher says that it lives every second, unless one of its threads is deaf.
WatchdogSec=60
Restart=always
RestartSec=2
# A wrong setting (2) or another launcher with our state folder or identity (4): starting again would not help.
RestartPreventExitStatus=2 4
# When memory runs out, a job should go and not the launcher that reports its end.
OOMPolicy=continue
LimitNOFILE=65536

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """What to write where, and what a person does then."""

    path: Path
    text: str
    next_steps: tuple[str, ...]


def service_file(
    script: Path,
    flags: Sequence[str],
    environment: Mapping[str, str],
    platform: str = sys.platform,
    drain: Drain | None = None,
) -> ServiceFile:
    """Make the service's file for this machine.

    Shape:   with a `drain` of so many seconds, a stop of the service waits for jobs.

    Errors:  ConfigurationError, where neither systemd nor launchd is known.
    """
    # What an installer made names its own Python.
    command = [*([] if is_installed(script) else _interpreter(environment)), str(script), *flags]
    kept = {name: environment[name] for name in KEPT_SETTINGS if environment.get(name)}
    home = Path(environment.get("HOME") or Path.home())
    if platform == "darwin":
        return _launchd(home, command, kept, _patience(drain))
    if platform.startswith("linux"):
        return _systemd(home, command, kept, environment, drain)
    raise ConfigurationError(f"cannot install a service on {platform!r}: only systemd and launchd are known")


def is_installed(script: Path) -> bool:
    """Tell whether this is a program that an installer made, and not the script of a checkout."""
    return not (script.parent / "lib" / "launcher.py").exists()


def install(file: ServiceFile) -> None:
    """Write the file; an older one is replaced.

    Errors:  ConfigurationError.
    """
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write the service file '{file.path}': {error.strerror}") from error


def _interpreter(environment: Mapping[str, str]) -> list[str]:
    # The script's own first line would look for `uv` on a PATH that a service may not have.
    uv = shutil.which("uv", path=environment.get("PATH"))
    return [uv, "run", "--script"] if uv else [sys.executable]


def _patience(drain: Drain | None) -> int:
    """How many seconds a service manager gives a launcher to leave."""
    return LEAVES_WITHIN_SECONDS + int((drain.seconds if drain is not None else None) or 0)


def _systemd(
    home: Path, command: list[str], kept: Mapping[str, str], environment: Mapping[str, str], drain: Drain | None
) -> ServiceFile:
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    text = _SYSTEMD.format(
        command=" ".join(_quoted(word).replace("$", "$$") for word in command),
        signal="SIGHUP" if drain is None or drain.seconds is None else "SIGTERM",
        then=_THEN[drain is not None and drain.seconds is not None],
        patience=_patience(drain),
        environment="\n".join(f"Environment={_quoted(f'{name}={value}')}" for name, value in kept.items()),
    )
    steps = (
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {NAME}",
        f"journalctl --user -fu {NAME}",
        f"loginctl enable-linger {environment.get('USER') or os.getuid()}   # it runs while nobody is logged in",
    )
    return ServiceFile(config / "systemd" / "user" / f"{NAME}.service", text, steps)


def _quoted(word: str) -> str:
    # systemd reads % in its files, and quotes and backslashes as a shell does; $ in the words of a command alone.
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain}"'


def _launchd(home: Path, command: list[str], kept: Mapping[str, str], patience: int) -> ServiceFile:
    log_path = str(home / "Library" / "Logs" / f"{NAME}.log")
    told = {
        "Label": LABEL,
        "ProgramArguments": command,
        "EnvironmentVariables": dict(kept),
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 2,
        # Otherwise launchd would end the jobs with the launcher, whose next life adopts them.
        "AbandonProcessGroup": True,
        "ExitTimeOut": patience,
        "StandardOutPath": log_path,
        "StandardErrorPath": log_path,
    }
    path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    steps = (
        f"launchctl bootstrap gui/$(id -u) {shlex.quote(str(path))}",
        f"launchctl kickstart -k gui/$(id -u)/{LABEL}   # restart it; jobs go on",
        f"tail -f {shlex.quote(log_path)}",
    )
    return ServiceFile(path, plistlib.dumps(told, sort_keys=False).decode(), steps)
