"""What a Dockerfile says, done without a container engine: in a root folder that has Python, a shell and no more."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_LINE = re.compile(r"^([A-Z]+)\s+(.*)$")
_BINDS = ("/usr", sys.base_prefix)
_OF_SYSTEM = ("bin", "sbin", "lib", "lib64")


@dataclass
class Stage:
    """One stage of a build: its root folder, and what the lines so far have set."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"
    command: list[str] = field(default_factory=list)

    def run(self, script: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a line of shell there, as the stage's user, on a network of its own."""
        user, _, group = self.user.partition(":")
        python = f"{sys.base_prefix}/bin"
        own = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **self.environment}
        own = {**own, "PATH": f"{own['PATH']}:{python}", **(environment or {})}
        become = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--inh-caps=-all"]
        command = ["bwrap", *self._mounts(), "--chdir", self.folder, *become, "/bin/sh", "-c", script]
        return subprocess.run(command, env=own, capture_output=True, text=True, check=False)

    def _mounts(self) -> Iterator[str]:
        yield from (
            "--bind",
            str(self.root),
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--perms",
            "1777",
            "--tmpfs",
            "/tmp",
        )
        yield from ("--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent")
        for bound in _BINDS:
            yield from ("--ro-bind", bound, bound)


class Image:
    """Builds the stages of a Dockerfile, line by line; a line that it does not know is a mistake."""

    def __init__(self, dockerfile: Path, context: Path, folder: Path) -> None:
        self._context = context
        self._folder = folder
        self._stages: dict[str, Stage] = {}
        self.last: Stage | None = None
        for word, rest in lines(dockerfile.read_text(encoding="utf-8")):
            self._do(word, rest)

    def _do(self, word: str, rest: str) -> None:
        if word == "ARG":
            return
        if word == "FROM":
            self._begin(rest)
            return
        stage = self.last
        assert stage is not None, f"{word} before FROM"
        match word:
            case "COPY":
                self._copy(stage, rest.split())
            case "RUN":
                done = stage.run(rest)
                assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"
            case "ENV":
                stage.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "USER":
                stage.user = rest
            case "WORKDIR":
                stage.folder = rest
            case "CMD":
                stage.command = json.loads(rest)
            case _:
                assert word == "EXPOSE", f"nobody here knows what '{word}' does"

    def _begin(self, rest: str) -> None:
        _, *name = rest.split(" AS ")
        root = self._folder / f"stage-{len(self._stages)}"
        for one in ("etc", "usr", "opt", "proc", "dev", "tmp", sys.base_prefix.lstrip("/")):
            (root / one).mkdir(parents=True, exist_ok=True)
        for one in _OF_SYSTEM:
            if Path("/", one).is_symlink():
                (root / one).symlink_to(Path("/", one).readlink())
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n", encoding="utf-8")
        (root / "etc/group").write_text("root:x:0:\n", encoding="utf-8")
        (root / "etc/hosts").write_text("127.0.0.1 localhost runtime\n", encoding="utf-8")
        self.last = self._stages[name[0] if name else str(len(self._stages))] = Stage(root)

    def _copy(self, stage: Stage, words: list[str]) -> None:
        source = self._context
        if words[0].startswith("--from="):
            source = self._stages[words.pop(0).removeprefix("--from=")].root
        what, to = words
        shutil.copytree(source / what.lstrip("/"), stage.root / to.lstrip("/"), symlinks=True)


def lines(dockerfile: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile in which each is one line."""
    for line in dockerfile.splitlines():
        if line and not line.startswith("#"):
            found = _LINE.match(line)
            assert found, f"no instruction: {line!r}"
            yield found[1], found[2]
