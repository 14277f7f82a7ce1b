"""The file by which the system starts this runtime and starts it again; the launcher has one of its own."""

import os
import plistlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_runtime.settings import UnusableSettingError

NAME = "agent-runtime"
LABEL = "io.agent-orchestrator.agent-runtime"
LEAVES_WITHIN_SECONDS = 30
SECRETS = ("AGENT_RUNTIME_DATABASE_URL", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
"""What may hold a password stays out of a file that others can read."""
_SYSTEMD = """\
[Unit]
Description=Agent Runtime: remembers the jobs, sessions and events of coding agents
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
{environment}
# It answers what was asked and commits what was accepted, then leaves; jobs run on meanwhile.
KillSignal=SIGTERM
TimeoutStopSec={patience}
Restart=always
RestartSec=2
# A wrong setting (2): starting again would not help. A database that is not up yet (1) comes.
RestartPreventExitStatus=2
UMask=0077
NoNewPrivileges=yes
LimitNOFILE=65536

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True)
class ServiceFile:
    """What to write where, and what a person does then."""

    path: Path
    text: str
    next_steps: tuple[str, ...]


def service_file(
    program: Path,
    flags: Sequence[str],
    kept: Mapping[str, str],
    environment: Mapping[str, str],
    platform: str = sys.platform,
) -> ServiceFile:
    """Make the service's file for this machine.

    Shape:   `program` is the path by which it is called, which a later version has too; `kept` are the settings
             that stand in the environment of the person who installs.
    Errors:  UnusableSettingError, where neither systemd nor launchd is known.
    """
    command = [str(program), *flags]
    home = Path(environment.get("HOME") or Path.home())
    if platform == "darwin":
        return _launchd(home, command, kept)
    if platform.startswith("linux"):
        return _systemd(home, command, kept, environment)
    raise UnusableSettingError(f"cannot install a service on '{platform}': only systemd and launchd are known")


def install(file: ServiceFile) -> None:
    """Write the file; an older one is replaced.

    Errors:  UnusableSettingError.
    """
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text, encoding="utf-8")
    except OSError as error:
        raise UnusableSettingError(f"cannot write the service file '{file.path}': {error.strerror}") from error


def _systemd(
    home: Path, command: Sequence[str], kept: Mapping[str, str], environment: Mapping[str, str]
) -> ServiceFile:
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    text = _SYSTEMD.format(
        command=" ".join(_quoted(word).replace("$", "$$") for word in command),
        patience=LEAVES_WITHIN_SECONDS,
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


def _launchd(home: Path, command: Sequence[str], kept: Mapping[str, str]) -> ServiceFile:
    log_path = str(home / "Library" / "Logs" / f"{NAME}.log")
    told = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": dict(kept),
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 2,
        "ExitTimeOut": LEAVES_WITHIN_SECONDS,
        "Umask": 0o077,
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
