"""The machine on which pages are typed: a copy of the checkout, a fresh home, a network of its own, and no `uv`."""

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent_backends.claude.launch import find_client
from agent_backends.claude.options import ClaudeOptions
from bring_uv import UV_VERSION
from documents.pages import ROOT
from support.waiting import NeverCameTrueError, wait_until
from tidy.tree import tracked_paths

PATIENCE_SECONDS = 40.0
OTHER_MACHINES = "127.0.0.1 localhost runtime.example db.example\n"
MODEL_PORT = "8799"
# In the shell alone, so that no program finds it: pages that ask for `uv` type it, and nothing else may need it.
FUNCTIONS = 'uv() {{ "{uv}" "$@"; }}; claude() {{ "{claude}" "$@"; }}\n'


@dataclass(frozen=True)
class Said:
    """What a command left."""

    exit_code: int
    out: str
    err: str


class Stage:
    """One terminal. All that is started in it ends with it: they share a space of processes."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._folder = folder
        self._count = 0
        self._servers: dict[str, int] = {}
        (self.home / "code/shop").mkdir(parents=True)
        (folder / "hosts").write_text(OTHER_MACHINES, encoding="utf-8")
        self.checkout = folder / "checkout"
        _copy_checkout(self.checkout)
        self._shell = subprocess.Popen(
            ["bwrap", *self._mounts(), "bash", "--norc", "--noprofile"],
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        uv = ROOT / ".tools" / f"uv-{UV_VERSION}" / "uv"
        self._tell("set -m\n" + FUNCTIONS.format(uv=uv, claude=find_client(ClaudeOptions(), os.environ)))

    def type(self, text: str) -> Said:
        """Run a command to its end."""
        out, err = self._write(text)
        self._tell(f'eval "$(<{self._script})" </dev/null >{out} 2>{err}; echo $?\n')
        return Said(int(self._answer(text)), _read(out), _read(err))

    def serve(self, text: str, ready: str, *, beside: bool = False) -> str:
        """Start what runs on, wait until it is up, and return what it said until then.

        What ran by that word before is ended first, if it shall not be `beside` it.
        """
        if ready in self._servers and not beside:
            self._tell(f"kill -INT -- -{self._servers[ready]}; wait {self._servers[ready]}; echo ended\n")
            self._answer(f"the end of what was {ready!r}")
        out, _ = self._write(text)
        self._tell(f'{{ eval "$(<{self._script})"; echo "ended with $?"; }} </dev/null >{out} 2>&1 & echo $!\n')
        self._servers[ready] = int(self._answer(text))

        def is_up() -> bool:
            assert "ended with" not in _read(out), f"{text!r} ended:\n{_read(out)}"
            return ready in _read(out)

        try:
            wait_until(is_up, f"{text!r} says {ready!r}", PATIENCE_SECONDS)
        except NeverCameTrueError as error:
            raise AssertionError(f"{error}\n{_read(out)}") from None
        return _read(out)

    def leave_nothing(self) -> None:
        """End the terminal, and with it all that was started there."""
        # With the first process of their space all others end; the one that made the space then ends by itself.
        for first in psutil.Process(self._shell.pid).children():
            first.kill()
        self._shell.communicate()

    def _write(self, text: str) -> tuple[Path, Path]:
        self._count += 1
        self._script.write_text(text + "\n", encoding="utf-8")
        return self._folder / f"{self._count}.out", self._folder / f"{self._count}.err"

    @property
    def _script(self) -> Path:
        return self._folder / f"{self._count}.typed"

    def _tell(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text.encode())
        self._shell.stdin.flush()

    def _answer(self, text: str) -> str:
        assert self._shell.stdout is not None
        is_there, _, _ = select.select([self._shell.stdout], [], [], PATIENCE_SECONDS)
        assert is_there, f"{text!r} did not end within {PATIENCE_SECONDS:g} s"
        return self._shell.stdout.readline().decode().strip()

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(folder for folder in _path() if not Path(folder).is_relative_to(ROOT))
        own = {"HOME": str(self.home), "USER": "me", "LOGNAME": "me", "LANG": "C.UTF-8", "TERM": "dumb"}
        return {
            **own,
            "PATH": path,
            # Only pages about Claude Code let something listen there.
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{MODEL_PORT}",
            "ANTHROPIC_API_KEY": "sk-ant-stand-in",
            "IS_SANDBOX": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }

    def _mounts(self) -> Iterator[str]:
        yield from ("--dev-bind", "/", "/", "--proc", "/proc", "--unshare-pid", "--unshare-net", "--die-with-parent")
        # At the checkout's own place: what was installed from there is then what was copied.
        yield from ("--bind", str(self.checkout), str(ROOT), "--bind", str(ROOT / ".venv"), str(ROOT / ".venv"))
        # The same files, as uv would otherwise see others and install them anew, for which it needs the network.
        for path in (path for path in tracked_paths() if path.name == "pyproject.toml"):
            yield from ("--ro-bind", str(ROOT / path), str(ROOT / path))
        uv = shutil.which("uv")
        assert uv, "the tests are run by scripts/set_up.py, which puts uv on PATH"
        yield from ("--ro-bind", uv, str(ROOT / ".tools" / f"uv-{UV_VERSION}" / "uv"))
        for found in (Path(folder, "uv") for folder in _path()):
            if found.exists() and not found.is_relative_to(ROOT):
                yield from ("--ro-bind", os.devnull, str(found))
        # What a cgroup's last process leaves when it is killed would stay on this machine.
        yield from ("--tmpfs", "/sys/fs/cgroup")
        yield from ("--ro-bind", str(self._folder / "hosts"), "/etc/hosts", "--chdir", str(ROOT))


def _path() -> list[str]:
    return os.environ["PATH"].split(os.pathsep)


def _copy_checkout(to: Path) -> None:
    (to / ".venv").mkdir(parents=True)
    names = "\0".join(_tracked_names())
    packed = subprocess.run(
        ["tar", "--null", "--files-from=-", "-cf", "-"], cwd=ROOT, input=names.encode(), capture_output=True, check=True
    )
    subprocess.run(["tar", "-xf", "-", "-C", str(to)], input=packed.stdout, check=True)


def _tracked_names() -> list[str]:
    """The files that git knows, links to folders among them."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listing.split("\0") if name and os.path.lexists(ROOT / name)]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
