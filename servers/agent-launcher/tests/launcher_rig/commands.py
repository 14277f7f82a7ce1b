"""Commands for tests: a project whose `ao-start` and `ao-resume` do what the session's name says."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent

from lib.wire.models import JsonObject

# The program writes down each of its starts, so that a test can count what really ran.
_PROGRAM = """#!{python} -IS
import os, signal, subprocess, sys, time
ledger = {ledger!r}
def note(word):
    with open(ledger, "a") as file:
        file.write(f"{{word}} {{os.environ['AGENT_JOB_ID']}}.{{os.environ['AGENT_JOB_ATTEMPT']}} {{os.getpid()}}\\n")
note("start")
name = sys.argv[1]
{body}
note("end")
"""

BEHAVIOURS = """
verb, _, rest = name.partition("-")
if verb == "exit":
    print("last words", file=sys.stderr, flush=True)
    sys.exit(int(rest))
elif verb == "signal":
    os.kill(os.getpid(), int(rest))
elif verb == "wait":
    while not os.path.exists(rest if os.path.isabs(rest) else os.path.join(os.path.dirname(ledger), rest)):
        time.sleep(0.005)
elif verb == "argv":
    import json
    names = sorted(name for name in os.environ if name.startswith("AGENT_"))
    print(json.dumps([sys.argv[1:], names, os.getcwd(), len(sys.stdin.buffer.read())]))
elif verb == "print":
    sys.stdout.write("x" * int(rest)); sys.stdout.flush()
elif verb == "flood":
    try:
        while True: os.write(1, b"y" * 65536)
    except OSError: pass
elif verb == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("deaf")
    while True: time.sleep(60)
elif verb == "tree":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(int(rest)):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                note("leaf")
                while True: time.sleep(60)
            while True: time.sleep(60)
    while True: time.sleep(60)
elif verb == "escape":
    # Each leaf has a session of its own, no parent, no environment, no descriptor and no name of ours.
    leaf = "import os, signal, sys, time; signal.signal(15, signal.SIG_IGN); os.closerange(0, 64)\\n"
    leaf += "with open(sys.argv[1], 'a') as file: print('leaf', 'hidden.0', os.getpid(), file=file)\\n"
    leaf += "while True: time.sleep(60)"
    for _ in range(int(rest)):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                os.execve(sys.executable, ["leaf", "-IS", "-c", leaf, ledger], {})
            os._exit(0)
    note("escaped")
    while True: time.sleep(60)
elif verb == "orphan":
    if os.fork() == 0:
        os.setsid()
        note("leaf")
        while True: time.sleep(60)
    sys.exit(int(rest))
elif verb == "hold":
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    note("ready")
    while not told or not os.path.exists(os.path.join(os.path.dirname(ledger), rest)):
        time.sleep(0.005)
elif verb == "cleanup":
    def leave(*_):
        time.sleep(float(rest.replace("_", "."))); note("clean"); sys.exit(0)
    signal.signal(signal.SIGTERM, leave)
    note("ready")
    while True: time.sleep(60)
"""


# What it does is done by the main module alone, so that it can be loaded.
_WARM_PROGRAM = """#!{python} -I
# /// script
# [tool.agent-launcher]
# warm = "json"
# ///
import os, signal, subprocess, sys, time
{head}
ledger = {ledger}
def note(word):
    with open(ledger, "a") as file:
        file.write(f"{{word}} {{os.environ['AGENT_JOB_ID']}}.{{os.environ['AGENT_JOB_ATTEMPT']}} {{os.getpid()}}\\n")
if __name__ == "__main__":
    with open("/proc/self/cmdline") as file:
        is_warm = not file.read().startswith(sys.executable)
    note("warm" if is_warm else "cold")
    note("start")
    name = sys.argv[1]
{body}
    note("end")
"""


class CommandProject:
    """A project root with a `commands` folder of its own, and the ledger that its commands write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands = root / "commands"
        self.ledger_path = root / "ledger"
        self.commands.mkdir(parents=True)
        for name in ("ao-start", "ao-resume"):
            self.write(name, _PROGRAM.format(python=sys.executable, ledger=str(self.ledger_path), body=BEHAVIOURS))

    def write(self, name: str, text: str, mode: int = 0o755) -> Path:
        path = self.commands / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def write_warm(self, body: str = BEHAVIOURS, head: str = "", name: str = "ao-start") -> JsonObject:
        """Write a command that may be started warm, which has `head` at its top and runs `body`; return with what."""
        text = _WARM_PROGRAM.format(
            python=sys.executable, head=head, ledger=repr(str(self.ledger_path)), body=indent(body, "    ")
        )
        path = self.write(name, text)
        return {"python": sys.executable, "script": str(path), "module": "json"}

    def make_environment(self) -> None:
        """Have this Python's packages be where commands look for theirs."""
        (self.root / ".venv").symlink_to(sys.prefix)

    def ledger(self) -> list[list[str]]:
        """Lines of word, attempt and process number."""
        if not self.ledger_path.exists():
            return []
        return [line.split() for line in self.ledger_path.read_text("utf-8").splitlines()]

    def count(self, word: str, job_id: str | None = None) -> int:
        return sum(line[0] == word and (job_id is None or line[1].startswith(job_id + ".")) for line in self.ledger())

    def pids(self) -> list[int]:
        return sorted({int(line[2]) for line in self.ledger()})

    def let_go(self, name: str) -> None:
        """End the jobs of session `wait-NAME`, and those of `hold-NAME` that were told to end."""
        (self.root / name).touch()
