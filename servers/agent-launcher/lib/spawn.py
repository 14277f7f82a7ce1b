"""Start one command for the shim, and say in a sentence why it could not be started; standard library only."""

# ruff: noqa: PTH110, PTH112, PTH116, PTH123  (pathlib would cost each shim memory for nothing)
from __future__ import annotations

import errno
import json
import os
import time

from lib.run_files import JOB_FILE, OUTPUT_FILE, PROMPT_FILE, STOP_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    JsonObject: TypeAlias = "dict[str, Json]"

DEFAULT_STOP_GRACE_SECONDS = 10.0
DEFAULT_OUTPUT_LIMIT_BYTES = 1 << 30
OOM_SCORE = b"500"
_BUSY_TRIES, _BUSY_PAUSE_SECONDS = 20, 0.05
_BUSY_ERRORS = (errno.ETXTBSY, errno.EAGAIN)
_WHY: Mapping[int, str] = {
    errno.EACCES: "it is not executable (chmod +x it)",
    errno.ENOEXEC: "it is neither a program nor a script with a '#!' line",
    errno.E2BIG: "its arguments and environment are larger than this system allows",
    errno.ELOOP: "its path is a circle of links",
}


class SpawnError(Exception):
    """The command could not be started; the text is the sentence for people, `reason` the code for programs."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Stop:
    """What the launcher wrote before it asked for a stop."""

    def __init__(self, reason: str, grace_seconds: float) -> None:
        self.reason = reason
        self.grace_seconds = grace_seconds


class Launch:
    """What the shim was told to run: command, folder, environment and limits."""

    def __init__(self, run_path: str, told: JsonObject, settable_signals: list[int]) -> None:
        self._run_path = run_path
        self.settable_signals = settable_signals
        self.argv = [str(word) for word in _list(told.get("argv"))]
        self.environment = {name: str(value) for name, value in _object(told.get("environment")).items()}
        self.folder = str(told["folder"])
        self.project_roots = [str(root) for root in _list(told.get("project_roots"))]
        self.is_prompt_on_stdin = bool(told.get("is_prompt_on_stdin"))
        self.timeout_seconds = _number(told.get("timeout_seconds"), 0.0)
        self.stop_grace_seconds = _number(told.get("stop_grace_seconds"), DEFAULT_STOP_GRACE_SECONDS)
        self.output_limit_bytes = _number(told.get("output_limit_bytes"), DEFAULT_OUTPUT_LIMIT_BYTES)

    def path(self, name: str) -> str:
        return f"{self._run_path}/{name}"

    def forget_the_command(self) -> None:
        """Free the prompt and the environment, which may be large, while the command runs."""
        self.argv = []
        self.environment = {}

    def output_bytes(self) -> int:
        try:
            return os.stat(self.path(OUTPUT_FILE)).st_size
        except OSError:
            return 0

    def read_stop(self) -> Stop:
        """Read the launcher's word; a signal without one is a stop by whoever may signal us."""
        told: JsonObject = {}
        try:
            told = _object(json.loads(_read(self.path(STOP_FILE))))
        except (OSError, ValueError):
            told = {}
        reason = str(told.get("reason") or "stopped_by_user")
        return Stop(reason, _number(told.get("grace_seconds"), self.stop_grace_seconds))


def read_launch(run_path: str, settable_signals: list[int]) -> Launch:
    """Read what the launcher ordered; the signals are those that the command gets back as they were."""
    order = _object(json.loads(_read(f"{run_path}/{JOB_FILE}")))
    return Launch(run_path, _object(order["launch"]), settable_signals)


def start(launch: Launch) -> int:
    """Start the command in a session of its own and return its process number.

    Errors:  SpawnError, with a sentence, when the folder or the command is not usable.
    """
    try:
        _enter(launch.folder)
        _check_roots(launch)
        pid = _spawn(launch)
    except ValueError as error:
        raise SpawnError("invalid_parameters", f"cannot start {launch.argv[0]!r}: {error} in its arguments") from error
    except OSError as error:
        raise SpawnError("spawn_failed", f"cannot start {launch.argv[0]!r}: {_why(launch.argv[0], error)}") from error
    finally:
        os.chdir("/")  # a shim must not keep a folder busy
    _prefer_for_the_oom_killer(pid)
    return pid


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except FileNotFoundError as error:
        raise SpawnError(
            "invalid_parameters", f"cannot work in {folder!r}: there is no such folder on this machine"
        ) from error
    except NotADirectoryError as error:
        raise SpawnError(
            "invalid_parameters", f"cannot work in {folder!r}: it is a file, and a folder is needed"
        ) from error
    except (OSError, ValueError) as error:
        raise SpawnError("invalid_parameters", f"cannot work in {folder!r}: {error}") from error


def _check_roots(launch: Launch) -> None:
    if not launch.project_roots:
        return
    # Asked of the kernel once we are inside: no link and no `..` says anything about that, and no later change either.
    here = os.getcwd()  # noqa: PTH109
    if not any(_is_within(here, root) for root in launch.project_roots):
        roots = ", ".join(repr(root) for root in launch.project_roots)
        raise SpawnError(
            "project_dir_refused",
            f"cannot work in {launch.folder!r}: it is the folder {here!r}, and this launcher works in {roots} only "
            "(AGENT_LAUNCHER_PROJECT_ROOTS)",
        )


def _is_within(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(root.rstrip("/") + "/")


def _spawn(launch: Launch) -> int:
    output = launch.path(OUTPUT_FILE)
    stdin = launch.path(PROMPT_FILE) if launch.is_prompt_on_stdin else os.devnull
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY | os.O_NOFOLLOW, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    )
    environment = {**os.environ, **launch.environment}
    for _ in range(_BUSY_TRIES):
        try:
            return os.posix_spawn(
                launch.argv[0],
                launch.argv,
                environment,
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=launch.settable_signals,
            )
        except OSError as error:
            # Someone is just writing the program, or the system is short of processes for a moment.
            if error.errno not in _BUSY_ERRORS:
                raise
            busy = error
            time.sleep(_BUSY_PAUSE_SECONDS)
    raise busy


def _why(program: str, error: OSError) -> str:
    if error.errno == errno.ENOENT and os.path.exists(program):
        return f"its interpreter {_interpreter(program)!r} does not exist"
    if error.errno == errno.ENOENT:
        return "the file does not exist, and there is no command of that name on PATH"
    if error.errno == errno.EACCES and os.path.isdir(program):
        return "it is a folder, and a program is needed"
    return _WHY.get(error.errno or 0, os.strerror(error.errno or 0))


def _interpreter(program: str) -> str:
    try:
        with open(program, "rb") as file:
            first = file.readline(512)
    except OSError:
        return "?"
    return first[2:].strip().decode("utf-8", "replace") if first.startswith(b"#!") else "?"


def _prefer_for_the_oom_killer(pid: int) -> None:
    # When memory runs out, the job should go, not the launcher that reports its end.
    try:
        fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, OOM_SCORE)
    except OSError:
        return
    finally:
        os.close(fd)


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        parts = []
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _number(value: Json, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) else default
