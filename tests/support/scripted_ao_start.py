"""Stands in for `ao-start` and `ao-resume` where the launcher is what is tested: the prompt says what it does.

Runs alone, copied into a project's `commands/`, so it imports Python's own modules only. Every start, every end and
every process that is left behind is a line in the ledger, on disk before anything else happens, so that a test can tell
what really ran and what lives from what was reported. A start also says which processes of the session's other attempts
live beside it. As the real command, it leaves a note about its end for its keeper.

The prompt is a JSON object, or any other text for an agent that ends at once: `seconds` to run, `exit` status, `out`
and `err` to print, `out_bytes` to print, `floods` to print without end, `ignore_term`, `on_term_seconds` to clean up,
`children` to leave in the background, `detached` for children in sessions of their own, `daemons` to leave behind that
no environment, session, parent or descriptor ties to anything, `note` false to leave none, `await_file` to run until a
file exists, `kill_self` with a signal's number.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypedDict, cast


class Script(TypedDict, total=False):
    """What a prompt may say."""

    seconds: float
    exit: int
    out: str
    err: str
    out_bytes: int
    ignore_term: bool
    on_term_seconds: float
    children: int
    detached: bool
    daemons: int
    note: bool
    floods: bool
    await_file: str
    kill_self: int


def main() -> None:
    """Do what the prompt says, and write down when it began and how it ended."""
    prompt = read_prompt(sys.argv[1:])
    script = script_of(prompt)
    write("start", beside=list(others_that_live()))
    signal.signal(signal.SIGTERM, lambda *_: on_term(script))
    act(script)
    leave(script.get("exit", 0), script)


def script_of(prompt: str) -> Script:
    """What the prompt tells; nothing, if it is no JSON object."""
    try:
        told = json.loads(prompt)
    except ValueError:
        return {}
    return cast("Script", told) if isinstance(told, dict) else {}


def read_prompt(arguments: list[str]) -> str:
    """The prompt from the arguments, or from standard input as for one that is too long for them."""
    if "--prompt" in arguments:
        return arguments[arguments.index("--prompt") + 1]
    if "-p" in arguments:
        return arguments[arguments.index("-p") + 1]
    return sys.stdin.read()


def attempt() -> int:
    """The attempt's number, as the launcher told it."""
    return int(os.environ.get("AGENT_JOB_ATTEMPT", "0"))


def write(what: str, **facts: object) -> None:
    """Append one line to the ledger; it is on disk when this returns."""
    line = {
        "what": what,
        "job_id": os.environ.get("AGENT_JOB_ID", ""),
        "attempt": attempt(),
        "pid": os.getpid(),
        "born": born(os.getpid()),
        "session": os.environ.get("AGENT_SESSION_NAME", ""),
        "command": Path(sys.argv[0]).name,
        "at": time.monotonic(),
        **facts,
    }
    descriptor = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, (json.dumps(line) + "\n").encode())
    os.fsync(descriptor)
    os.close(descriptor)


def born(pid: int) -> str:
    """What tells a process from a later one with its number; empty without such a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def others_that_live() -> Iterator[int]:
    """The processes of other attempts in this session that have not ended."""
    ours, session = (os.environ.get("AGENT_JOB_ID", ""), attempt()), os.environ.get("AGENT_SESSION_NAME", "")
    path = Path(os.environ["LEDGER"])
    # A line without its end is one that is being written.
    complete = path.read_text(encoding="utf-8").rpartition("\n")[0] if path.exists() else ""
    for text in complete.splitlines():
        line = json.loads(text) if f'"{session}"' in text else {}
        if line.get("session") == session and (line["job_id"], line["attempt"]) != ours and lives(line):
            yield line["pid"]


def lives(line: dict[str, object]) -> bool:
    """Whether the process that wrote a line, or is named in it, runs."""
    pid = line["pid"]
    assert isinstance(pid, int)
    if not line["born"] or born(pid) != line["born"]:
        return False
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in ("Z", "X")


def leave_a_child(*, detached: bool) -> None:
    """Begin a process that hears no SIGTERM, and write it down."""
    child = [sys.executable, "-I", "-S", "-c", "import signal, time; signal.signal(15, 1); time.sleep(600)"]
    pid = subprocess.Popen(child, start_new_session=detached, stdin=subprocess.DEVNULL).pid
    write("child", pid=pid, born=born(pid))


def leave_a_daemon() -> None:
    """Begin a process as daemons do it, and as those that hide: nothing of us is to be seen on it."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.umask(0)
    os.chdir("/")
    write("child")
    os.closerange(0, 1 << 16)
    os.execve("/bin/sleep", ["sleep", "600"], {})  # noqa: S606


def act(script: Script) -> None:
    """Print, start children, wait, as told."""
    for _ in range(script.get("children", 0)):
        leave_a_child(detached=script.get("detached", False))
    for _ in range(script.get("daemons", 0)):
        leave_a_daemon()
    say(script)
    while script.get("floods"):
        say({"out_bytes": 65536})
    while "await_file" in script and not Path(script["await_file"]).exists():
        time.sleep(0.01)
    wait_for_time(script.get("seconds", 0.0))
    if "kill_self" in script:
        write("end", exit_code=None, signal=script["kill_self"])
        os.kill(os.getpid(), script["kill_self"])


def say(script: Script) -> None:
    """Print as told; where the output cannot be written, that is how this ends."""
    text = script.get("out", "") + "x" * script.get("out_bytes", 0)
    try:
        sys.stdout.write(text)
        sys.stderr.write(script.get("err", ""))
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        write("end", exit_code=74, signal=None)
        os._exit(74)


def wait_for_time(seconds: float) -> None:
    """Let time pass, through any number of signals."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(left)


def on_term(script: Script) -> None:
    """Answer a SIGTERM as told."""
    if script.get("ignore_term"):
        return
    write("term")
    wait_for_time(script.get("on_term_seconds", 0.0))
    leave(143, script)


def leave(status: int, script: Script) -> NoReturn:
    """Write down the end, and end."""
    note = os.environ.get("AGENT_OUTCOME_FILE")
    if note and script.get("note", True):
        with contextlib.suppress(OSError):
            Path(note).write_text(json.dumps({"exit_code": status}), encoding="ascii")
    write("end", exit_code=status, signal=None)
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
