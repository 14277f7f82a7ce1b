"""Stands in for `ao-start` and `ao-resume` where the launcher is what is tested: the prompt says what it does.

Runs alone, copied into a project's `commands/`, so it imports Python's own modules only. Every start and every end
is a line in the ledger, on disk before anything else happens, so that a test can tell what really ran from what was
reported.

The prompt is a JSON object, or any other text for an agent that ends at once: `seconds` to run, `exit` status, `out`
and `err` to print, `out_bytes` to print, `ignore_term`, `on_term_seconds` to clean up, `children` to leave in the
background, `detached` for children in sessions of their own, `await_file` to run until a file exists, `kill_self` with
a signal's number.
"""

import json
import os
import signal
import subprocess
import sys
import time
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
    await_file: str
    kill_self: int


def main() -> None:
    """Do what the prompt says, and write down when it began and how it ended."""
    prompt = read_prompt(sys.argv[1:])
    script = script_of(prompt)
    write("start")
    signal.signal(signal.SIGTERM, lambda *_: on_term(script))
    act(script)
    leave(script.get("exit", 0))


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
        "session": os.environ.get("AGENT_SESSION_NAME", ""),
        "command": Path(sys.argv[0]).name,
        "at": time.monotonic(),
        **facts,
    }
    descriptor = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, (json.dumps(line) + "\n").encode())
    os.fsync(descriptor)
    os.close(descriptor)


def act(script: Script) -> None:
    """Print, start children, wait, as told."""
    for _ in range(script.get("children", 0)):
        child = [sys.executable, "-I", "-S", "-c", "import signal, time; signal.signal(15, 1); time.sleep(600)"]
        subprocess.Popen(child, start_new_session=script.get("detached", False), stdin=subprocess.DEVNULL)
    say(script)
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
    leave(143)


def leave(status: int) -> NoReturn:
    """Write down the end, and end."""
    write("end", exit_code=status, signal=None)
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
