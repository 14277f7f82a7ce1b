"""Start one command for the keeper, and say in a sentence why it could not be started; standard library only."""

# ruff: noqa: PTH110, PTH112, PTH123  (pathlib would cost the keeper memory for nothing)
from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from typing import TypeVar

from lib.keeper import kernel_files
from lib.keeper.forked import Fork, run_forked
from lib.keeper.words import OUTCOME_FILE, OUTPUT_FILE, PROMPT_FILE, JsonObject, number_of, object_of, texts_of

T = TypeVar("T")

DEFAULT_STOP_GRACE_SECONDS = 10.0
DEFAULT_OUTPUT_LIMIT_BYTES = 1 << 30
OOM_SCORE = b"500"
STDIN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW
OUTPUT_FLAGS, OUTPUT_MODE = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600
# Someone is just writing the program, or the system is short of processes for a moment.
_BUSY_ERRORS = (errno.ETXTBSY, errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_WHY: Mapping[int, str] = {
    errno.EACCES: "it is not executable (chmod +x it)",
    errno.ENOEXEC: "it is neither a program nor a script with a '#!' line",
    errno.E2BIG: "its arguments and environment are larger than this system allows",
    errno.ELOOP: "its path is a circle of links",
    errno.ETXTBSY: "someone is writing it",
}
_WHY_NOT_IN_FOLDER: Mapping[int, str] = {
    errno.ENOENT: "there is no such folder on this machine",
    errno.ENOTDIR: "it is a file, and a folder is needed",
}


class SpawnError(Exception):
    """The command could not be started; the text is the sentence for people, `reason` the code for programs."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class NoProcessError(SpawnError):
    """The machine has no process to give at the moment; nothing is wrong with the command."""

    def __init__(self, sentence: str) -> None:
        super().__init__("spawn_failed", sentence)


class Launch:
    """What is to run: command, folder, environment and limits.

    Units:   times are seconds; `output_limit_bytes` is what standard output and error may hold together.
    Shape:   `warm` is empty, or says with what the command can be started warm.
    """

    def __init__(self, run_path: str, launch: JsonObject) -> None:
        self.run_path = run_path
        self.argv = texts_of(launch.get("argv"))
        self.environment = {name: str(value) for name, value in object_of(launch.get("environment")).items()}
        self.folder = str(launch.get("folder") or "/")
        self.project_roots = texts_of(launch.get("project_roots"))
        self.is_prompt_on_stdin = bool(launch.get("is_prompt_on_stdin"))
        self.warm = object_of(launch.get("warm"))
        self.timeout_seconds = number_of(launch.get("timeout_seconds"), 0.0)
        self.stop_grace_seconds = number_of(launch.get("stop_grace_seconds"), DEFAULT_STOP_GRACE_SECONDS)
        self.output_limit_bytes = number_of(launch.get("output_limit_bytes"), DEFAULT_OUTPUT_LIMIT_BYTES)

    @property
    def output_path(self) -> str:
        return f"{self.run_path}/{OUTPUT_FILE}"

    @property
    def outcome_path(self) -> str:
        return f"{self.run_path}/{OUTCOME_FILE}"

    @property
    def stdin_path(self) -> str:
        return f"{self.run_path}/{PROMPT_FILE}" if self.is_prompt_on_stdin else os.devnull

    def forget_the_command(self) -> None:
        """Free the prompt and the environment, which may be large, while the command runs."""
        self.argv = []
        self.environment = {}

    def whole(self) -> JsonObject:
        """Write down all that a later keeper needs to start it."""
        return {
            "argv": list(self.argv),
            "environment": dict(self.environment),
            "project_roots": list(self.project_roots),
            "is_prompt_on_stdin": self.is_prompt_on_stdin,
            "warm": self.warm,
            **self.limits(),
        }

    def limits(self) -> JsonObject:
        """Keep what still matters once the command runs."""
        return {
            "folder": self.folder,
            "timeout_seconds": self.timeout_seconds,
            "stop_grace_seconds": self.stop_grace_seconds,
            "output_limit_bytes": self.output_limit_bytes,
        }


def start(launch: Launch, base: Mapping[str, str], settable_signals: list[int], fork: Fork | None = None) -> int:
    """Execute the command in a session of its own and return its process number; by `fork` if that gives a process.

    Errors:  SpawnError, with a sentence, when the folder or the command is not usable; NoProcessError.
    """
    return in_its_folder(launch, lambda: _execute(launch, {**base, **launch.environment}, settable_signals, fork))


def in_its_folder(launch: Launch, begin: Callable[[], T]) -> T:
    """Be in the command's folder while it is started by `begin`.

    Errors:  SpawnError, with a sentence, when the folder or the command is not usable; NoProcessError.
    """
    try:
        _enter(launch.folder)
        _check_roots(launch)
        return begin()
    except ValueError as error:
        raise SpawnError("invalid_parameters", f"cannot start {launch.argv[0]!r}: {error} in its arguments") from error
    except OSError as error:
        sentence = f"cannot start {launch.argv[0]!r}: {_why(launch.argv[0], error)}"
        if error.errno in _BUSY_ERRORS:
            raise NoProcessError(sentence) from error
        raise SpawnError("spawn_failed", sentence) from error
    finally:
        os.chdir("/")  # a keeper must not keep a folder busy


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except (OSError, ValueError) as error:
        why = _WHY_NOT_IN_FOLDER.get(error.errno or 0, error) if isinstance(error, OSError) else error
        raise SpawnError("invalid_parameters", f"cannot work in {folder!r}: {why}") from error


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


def _execute(launch: Launch, environment: Mapping[str, str], settable_signals: list[int], fork: Fork | None) -> int:
    paths = launch.stdin_path, launch.output_path
    pid = run_forked(fork, launch.argv, environment, paths, settable_signals) if fork is not None else None
    if pid is None:
        pid = _spawn(launch.argv, environment, paths, settable_signals)
    # When memory runs out, the job should go, not its keeper or the launcher that reports its end.
    kernel_files.write(f"/proc/{pid}/oom_score_adj", OOM_SCORE)
    return pid


def _spawn(argv: list[str], environment: Mapping[str, str], paths: tuple[str, str], settable_signals: list[int]) -> int:
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, paths[0], STDIN_FLAGS, 0),
        (os.POSIX_SPAWN_OPEN, 1, paths[1], OUTPUT_FLAGS, OUTPUT_MODE),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    )
    return os.posix_spawn(
        argv[0],
        argv,
        environment,
        file_actions=actions,
        setsid=True,
        setsigmask=[],
        setsigdef=settable_signals,
    )


def _why(program: str, error: OSError) -> str:
    if error.errno == errno.ENOENT and os.path.exists(program):
        first = _first_line(program)
        if first.endswith(b"\r\n"):
            return "its lines end as on Windows, so its interpreter is not found (save it with Unix line ends)"
        interpreter = first[2:].strip().decode("utf-8", "replace") if first.startswith(b"#!") else "?"
        return f"its interpreter {interpreter!r} does not exist"
    if error.errno == errno.ENOENT:
        return "the file does not exist, and there is no command of that name on PATH"
    if error.errno == errno.EACCES and os.path.isdir(program):
        return "it is a folder, and a program is needed"
    return _WHY.get(error.errno or 0, os.strerror(error.errno or 0))


def _first_line(program: str) -> bytes:
    try:
        with open(program, "rb") as file:
            return file.readline(512)
    except OSError:
        return b""
