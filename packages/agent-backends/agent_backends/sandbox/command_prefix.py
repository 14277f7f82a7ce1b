"""What stands before an agent's command line so that it runs in its sandbox, or why it cannot."""

import asyncio
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_backends.blueprint import Bubblewrap, Wrapper
from agent_backends.protocol import CannotRunError, Turn
from runtime_client.reasons import Reason

TRY_SECONDS = 30.0
# Where sockets of the machine's services lie, and what programs leave for each other.
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/home", "/root")  # noqa: S108 - names only, to hide them
_RESOLVER = Path("/etc/resolv.conf")


@dataclass(frozen=True)
class Needs:
    """What a backend's own process has to reach beside the project folder."""

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Prefix:
    """What goes before an agent's command; left after the command has been started.

    Shape:   `descriptors` are handed to what the words start, and to nothing that it starts.
    """

    words: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()

    def __enter__(self) -> None:
        """Begin to start the command."""

    def __exit__(self, *_: object) -> None:
        """Let go of the descriptors."""
        for descriptor in self.descriptors:
            os.close(descriptor)


async def command_prefix(turn: Turn, needs: Needs) -> Prefix:
    """Return what goes before the agent's command; nothing without a sandbox.

    A sandbox of namespaces has been tried out with this very turn's folders when this returns.

    Errors:  CannotRunError.
    """
    match turn.blueprint.sandbox:
        case None:
            return Prefix()
        case Wrapper() as wrapper:
            return Prefix(_wrapper_words(turn, wrapper, needs))
        case Bubblewrap() as box:
            descriptor = _open_folder(turn)
            try:
                return Prefix(await _bubblewrap_words(turn, box, needs, descriptor), (descriptor,))
            except BaseException:
                os.close(descriptor)
                raise


def _wrapper_words(turn: Turn, wrapper: Wrapper, needs: Needs) -> tuple[str, ...]:
    known = {
        "project_dir": str(turn.project_dir),
        "session_name": turn.session_name,
        "agent_folder": str(turn.blueprint.folder or turn.project_dir),
        "private_dir": str(needs.readable[0] if needs.readable else turn.project_dir),
    }
    words = tuple(_filled(word, known) for word in wrapper.command)
    if shutil.which(words[0], path=turn.environment.get("PATH")) is None:
        raise _cannot_run(turn.blueprint.name, f"there is no {words[0]!r} on this machine (install it)")
    return words


def _filled(word: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _open_folder(turn: Turn) -> int:
    try:
        return os.open(turn.working_folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (AttributeError, OSError) as cause:
        raise _cannot_run(turn.blueprint.name, f"its project folder cannot be opened: {cause}") from cause


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


async def _bubblewrap_words(turn: Turn, box: Bubblewrap, needs: Needs, descriptor: int) -> tuple[str, ...]:
    name, search_path = turn.blueprint.name, turn.environment.get("PATH")
    program = shutil.which("bwrap", path=search_path)
    if program is None:
        raise _cannot_run(name, "there is no 'bwrap' on this machine (install the package 'bubblewrap')")
    project_dir = _path_of(descriptor)
    if box.home.resolve().is_relative_to(project_dir):
        raise _cannot_run(
            name, f"its project folder {str(project_dir)!r} holds the home folder, which a sandbox is to hide"
        )
    words = (program, *bubblewrap_arguments(box, project_dir, descriptor, needs), "--")
    keeps_terms, hands_terms_on = await _signal_words(search_path)
    words = (*keeps_terms, *words, *hands_terms_on, *_right_folder_words(descriptor))
    trial = shutil.which("true", path=search_path) or "true"
    failure = await _failure_of((*words, trial), turn.environment, (descriptor,))
    if failure is not None:
        raise _cannot_run(name, f"{failure} ('agent-launcher doctor' looks at this)")
    return words


def bubblewrap_arguments(box: Bubblewrap, project_dir: Path, descriptor: int, needs: Needs) -> list[str]:
    """Lay out the file system and the namespaces; later words lie over earlier ones.

    The project is what `descriptor` has open, which bwrap mounts and closes; `project_dir` is where it is found inside.
    """
    out_of_sight = _existing([*(Path(name) for name in _SHARED_FOLDERS), Path(tempfile.gettempdir()), box.home])
    hidden = _existing(box.hidden)
    readable = [*_not_around(box.home.resolve(), _existing(box.needed)), *(path.resolve() for path in box.readable)]
    writable = [*(path.resolve() for path in box.writable), *(path.resolve() for path in needs.writable)]
    bound = [*readable, *writable, project_dir]
    hidden_below = [path for path in hidden if any(path != one and path.is_relative_to(one) for one in bound)]
    return [
        *("--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *([] if box.has_network else ["--unshare-net"]),
        # The rights of root would undo all of it from inside.
        *(["--cap-drop", "ALL"] if os.geteuid() == 0 else []),
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *_each("--tmpfs", [*out_of_sight, *hidden]),
        *_mounted("--ro-bind-try", [_RESOLVER.resolve()]),
        *_mounted("--ro-bind", readable),
        *_mounted("--bind", writable),
        *("--bind-fd", str(descriptor), str(project_dir)),
        *_each("--tmpfs", hidden_below),
        *_mounted("--ro-bind", [path.resolve() for path in needs.readable]),
        *("--chdir", str(project_dir)),
    ]


def _right_folder_words(descriptor: int) -> tuple[str, ...]:
    """Return words that run what follows only in the folder that was opened.

    bwrap knows the place to mount it at and to begin in by its path, which may lead elsewhere between the two.
    """
    here = os.fstat(descriptor)
    script = (
        'test "$(stat -c %d:%i .)" = "$0" || { echo "the project folder was exchanged for another" >&2; exit 126; }; '
        'exec "$@"'
    )
    return ("sh", "-c", script, f"{here.st_dev}:{here.st_ino}")


def _existing(paths: Sequence[Path]) -> list[Path]:
    """Return the folders that are there, by their real paths, each once and those above before those below."""
    return sorted({path.resolve() for path in paths if path.is_dir()})


def _not_around(home: Path, paths: list[Path]) -> list[Path]:
    return [path for path in paths if not home.is_relative_to(path)]


def _each(word: str, paths: Sequence[Path]) -> list[str]:
    return [part for path in paths for part in (word, str(path))]


def _mounted(word: str, paths: Sequence[Path]) -> list[str]:
    return [part for path in paths for part in (word, str(path), str(path))]


async def _signal_words(search_path: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return words that keep a stop's SIGTERM from bwrap itself and let it through to the agent.

    bwrap would die of it at once, and with it the agent, which is to have its time to leave in order.
    """
    program = shutil.which("env", path=search_path)
    if program is None or await _failure_of((program, "--default-signal=TERM", "true"), None) is not None:
        return (), ()
    return (program, "--ignore-signal=TERM"), (program, "--default-signal=TERM")


def _cannot_run(agent_name: str, cause: str) -> CannotRunError:
    return CannotRunError(Reason.SANDBOX_UNAVAILABLE, f"cannot run agent {agent_name!r} in its sandbox: {cause}")


async def _failure_of(
    command: Sequence[str], environment: Mapping[str, str] | None, descriptors: Sequence[int] = ()
) -> str | None:
    """Run a command that does nothing; return why it failed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=None if environment is None else dict(environment),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            pass_fds=descriptors,
            start_new_session=True,
        )
    except OSError as cause:
        return f"cannot start {command[0]!r}: {cause.strerror}"
    try:
        _, complaint = await asyncio.wait_for(process.communicate(), TRY_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"{command[0]!r} did not answer within {TRY_SECONDS:g} seconds"
    if process.returncode == 0:
        return None
    return " ".join(complaint.decode(errors="replace").split()) or f"{command[0]!r} ended with {process.returncode}"
