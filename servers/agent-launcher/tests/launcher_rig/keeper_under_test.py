"""A real keeper process, and a test that plays its launcher: says the words, hears the answers, kills and replaces."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher_rig.cgroups import end_cgroup
from launcher_rig.commands import CommandProject
from launcher_rig.launcher_under_test import end_processes
from lib.keeper import process_tree, words
from lib.keeper.containment import CGROUP, what_can_be_had
from lib.machine.keeper_lines import PROGRAM
from lib.version import VERSION
from lib.wire.models import Json, JsonObject, objects_of
from support.waiting import PATIENCE_SECONDS, wait_until

BASE_ENVIRONMENT: JsonObject = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def had(way: str) -> str:
    """Skip the test where a way to keep attempts together cannot be had."""
    if way == CGROUP and what_can_be_had() != CGROUP:
        pytest.skip("no cgroup can be had here: it takes root, or a user service with Delegate=yes")
    return way


class KeeperUnderTest:
    """One keeper's folder, and the process that lives on it at the moment."""

    def __init__(self, root: Path, project: CommandProject, way: str) -> None:
        self.folder = root / "keeper"
        self.runs = root / "runs"
        self.project = project
        self.way = way
        self.group = f"agent-launcher.test-{uuid.uuid4().hex[:12]}"
        self.heard: list[JsonObject] = []
        self._ended: dict[str, JsonObject] = {}
        self.warm: list[JsonObject] = []
        self._stoppable: list[int] = []
        self._rest = b""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._line: socket.socket | None = None
        for folder in (self.folder, self.runs):
            folder.mkdir()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._processes[-1]

    @property
    def journal_path(self) -> Path:
        return self.folder / words.JOURNAL_FILE

    def start(self) -> KeeperUnderTest:
        """Begin a keeper's life on the folder, with a line to it."""
        ours, theirs = socket.socketpair()
        with theirs, (self.folder / words.TRACE_FILE).open("ab") as trace:
            arguments = [str(self.folder), self.group, self.way, str(theirs.fileno())]
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-I", "-S", str(PROGRAM), *arguments],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=trace,
                    start_new_session=True,
                )
            )
        self._use(ours)
        return self

    def reach(self) -> KeeperUnderTest:
        """Open a new line to the keeper that lives, as the next launcher does."""
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        at = os.open(self.folder, os.O_RDONLY)
        line.connect(f"/proc/self/fd/{at}/{words.SOCKET_FILE}")
        os.close(at)
        self._use(line)
        return self

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def kill(self) -> None:
        """SIGKILL, as an impatient person or the kernel would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def replace(self) -> KeeperUnderTest:
        """Kill the keeper and let another one take over."""
        self.kill()
        return self.start()

    def say(self, say: str, **fields: Json) -> None:
        self.send(json.dumps({"say": say, **fields}).encode() + b"\n")

    def send(self, content: bytes) -> None:
        assert self._line is not None
        self._line.sendall(content)

    def hear(self, is_meant: Callable[[JsonObject], bool]) -> JsonObject:
        """Wait for a message that was not asked for before."""
        while True:
            for message in self.heard:
                if is_meant(message):
                    self.heard.remove(message)
                    return message
            self._receive()

    def hello(self) -> JsonObject:
        """Greet; whatever was said before is done when this answers."""
        self.say(words.HELLO, version=VERSION, environment=BASE_ENVIRONMENT, warm=[*self.warm])
        answer = self.hear(lambda message: message["say"] == words.HELLO)
        # What it would have said at the same moment is in its list.
        for one in objects_of(answer, "attempts"):
            self._ended |= {str(one["key"]): words.object_of(one["verdict"])} if one["phase"] == "ended" else {}
        return answer

    def listed(self, key: str = "job_1.1") -> JsonObject | None:
        """What the keeper says of an attempt; None if it holds none of that key."""
        return next((one for one in objects_of(self.hello(), "attempts") if one["key"] == key), None)

    def order(
        self, session_name: str, key: str = "job_1.1", argv: list[str] | None = None, **launch: Json
    ) -> JsonObject:
        """Order an attempt whose command does what the session's name says, and hear the answer."""
        run_path = self.runs / key
        run_path.mkdir(mode=0o700, exist_ok=True)
        job_id, _, attempt = key.rpartition(".")
        environment: JsonObject = {
            "AGENT_JOB_ID": job_id,
            "AGENT_JOB_ATTEMPT": attempt,
            "AGENT_OUTCOME_FILE": str(run_path / words.OUTCOME_FILE),
        }
        command: list[Json] = [*(argv or [str(self.project.commands / "ao-start"), session_name])]
        told: JsonObject = {"argv": command, "environment": environment, "folder": str(self.project.root), **launch}
        self.say(words.ORDER, key=key, job={"job_id": job_id}, run_path=str(run_path), launch=told)
        return self.hear(lambda said: said.get("key") == key and said["say"] in (words.ORDERED, words.REFUSED))

    def run(self, session_name: str, key: str = "job_1.1", argv: list[str] | None = None, **launch: Json) -> None:
        """Order an attempt and let it go."""
        assert self.order(session_name, key, argv, **launch)["say"] == words.ORDERED
        self.say(words.GO, key=key)

    def end(self, key: str = "job_1.1") -> JsonObject:
        """Wait for the end of an attempt and return its verdict."""
        if key in self._ended:
            return self._ended[key]
        verdict = self.hear(lambda said: said.get("key") == key and said["say"] == words.ENDED)["verdict"]
        return words.object_of(verdict)

    def pid(self, key: str = "job_1.1") -> int:
        """The number of the command's process."""
        pid = (self.listed(key) or {})["pid"]
        assert isinstance(pid, int)
        return pid

    def output(self, key: str = "job_1.1") -> str:
        return (self.runs / key / words.OUTPUT_FILE).read_text("utf-8", "replace")

    def outcome(self, content: str, key: str = "job_1.1") -> None:
        """Leave an outcome file, as a command does that knows its own end."""
        (self.runs / key / words.OUTCOME_FILE).write_text(content, "utf-8")

    def wait(self) -> int:
        """Wait for the keeper to leave by itself and return its exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def warm_parents(self) -> list[int]:
        """The warm parents that have loaded everything and wait."""
        return [pid for pid in process_tree.children(self.process.pid) if _title(pid).startswith("warm-parent of ")]

    def warmed(self, warm: JsonObject) -> int:
        """Have the keeper begin with a command that can start warm, and wait until its parent is ready."""
        self.warm = [warm]
        self.hello()
        return self.new_warm_parent()

    def new_warm_parent(self, old: int = 0) -> int:
        """Wait until a warm parent is ready that is not the old one."""
        new = wait_until(lambda: next((pid for pid in self.warm_parents() if pid != old), 0), "a warm parent is ready")
        self._stoppable.append(new)
        return new

    def leave_nothing(self) -> None:
        self.hang_up()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait(PATIENCE_SECONDS)
        end_cgroup(self.group)
        # A warm parent that a test stopped does not see that its keeper is gone.
        end_processes([pid for pid in self._stoppable if _title(pid).startswith("warm-parent of ")])
        end_processes(self.project.pids())

    def wait_for(self, word: str, count: int = 1) -> None:
        """Wait until the command has written a word so often, and the keeper has written down that it runs."""
        wait_until(lambda: self.project.count(word) >= count, f"'{word}' is written {count} times")
        self.hello()

    def _use(self, line: socket.socket) -> None:
        self.hang_up()
        line.settimeout(PATIENCE_SECONDS)
        self._line, self._rest, self.heard, self._ended = line, b"", [], {}

    def _receive(self) -> None:
        assert self._line is not None
        try:
            part = self._line.recv(1 << 16)
        except ConnectionResetError:
            part = b""
        assert part, f"the keeper is gone: {(self.folder / words.TRACE_FILE).read_text('utf-8')}"
        *lines, self._rest = (self._rest + part).split(b"\n")
        self.heard += [json.loads(text) for text in lines]


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""
