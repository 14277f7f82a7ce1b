"""Stands in for `ao-start` and `ao-resume` where the launcher is what is tested, and is an agent where they are real.

Runs alone, copied into a project's `commands/`, so it imports Python's own modules only. Every start and every end is a
line in the ledger, on disk before anything else happens, so that a test can tell what really ran from what was
reported. Every process of it has a file of its own beside the ledger, which it locks for as long as it lives and into
which it writes when it last did: who looks at the locks knows what lives, whatever it did to hide. A start says what of
the session's other attempts lives beside it, and in which folder it is. As the real command, it leaves a note about its
end for its keeper.

The prompt is a JSON object, or any other text for an agent that ends at once: `seconds` to run, `exit` status, `out`
and `err` to print, `out_bytes` to print before `out`, `floods` to print without end, `ignore_term`, `on_term_seconds`
to clean up, `children` to leave in the background, `detached` for children in sessions of their own, `daemons` to leave
behind that no environment, session, parent or descriptor of ours ties to anything, `chains` of processes that each live
for a moment and begin the next, `note` false to leave none, `await_file` to run until a file exists, `kill_self` with a
signal's number.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypedDict, cast

LIVE_ON = "--live-on"
SHOWN_EVERY_SECONDS, LINK_SECONDS, LIFE_SECONDS_MAX = 0.2, 0.05, 600.0
END_CHARACTERS = 40


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
    chains: int
    note: bool
    floods: bool
    await_file: str
    kill_self: int


def main() -> None:
    """Do what the prompt says, and write down when it began and how it ended."""
    if sys.argv[1:2] == [LIVE_ON]:
        live_on(int(sys.argv[2]))
        return
    script = script_of(read_prompt(sys.argv[1:]))
    life = begin_a_life("start")
    write("start", beside=list(others_that_live()), folder=str(Path.cwd()))
    signal.signal(signal.SIGTERM, lambda *_: on_term(script, life))
    act(script, life)
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
        "session": os.environ.get("AGENT_SESSION_NAME", ""),
        "command": Path(sys.argv[0]).name,
        "at": time.monotonic(),
        "wall": time.time(),
        **facts,
    }
    descriptor = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, (json.dumps(line) + "\n").encode())
    os.fsync(descriptor)
    os.close(descriptor)


def lives_of_session() -> Path:
    """The folder with the lives of everything that our session's attempts began."""
    return Path(f"{os.environ['LEDGER']}.lives", os.environ.get("AGENT_SESSION_NAME", "").replace("/", "_"))


def whose() -> str:
    """How the names of our attempt's lives begin."""
    return f"{os.environ.get('AGENT_JOB_ID', '')}.{attempt()}."


def begin_a_life(what: str) -> int:
    """Lock a file of our own, for as long as we live or whoever inherits it from us, and return its descriptor."""
    folder = lives_of_session()
    folder.mkdir(parents=True, exist_ok=True)
    pid = os.getpid()
    life = os.open(folder / f"{whose()}{pid}.{born(pid)}.{what}", os.O_WRONLY | os.O_CREAT, 0o600)
    os.set_inheritable(life, True)
    fcntl.flock(life, fcntl.LOCK_EX)
    show_life(life)
    return life


def show_life(life: int) -> None:
    """Write down that we live now: by both clocks, and who we are by now."""
    pid = os.getpid()
    os.pwrite(life, f"{time.monotonic():.6f} {time.time():.6f} {pid} {born(pid)}".ljust(79).encode(), 0)


def live_on(life: int) -> None:
    """Live until killed; not for ever, should nobody do it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ends_at = time.monotonic() + LIFE_SECONDS_MAX
    while time.monotonic() < ends_at:
        show_life(life)
        time.sleep(SHOWN_EVERY_SECONDS)


def born(pid: int) -> str:
    """What tells a process from a later one with its number; empty without such a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def others_that_live() -> Iterator[str]:
    """The lives of other attempts in this session that have not ended."""
    for path in sorted(lives_of_session().iterdir()):
        if not path.name.startswith(whose()) and is_locked(path):
            yield path.name


def is_locked(path: Path) -> bool:
    """Whether somebody holds a life."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def leave_a_child(life: int, *, detached: bool) -> None:
    """Begin a process that hears no SIGTERM."""
    if not os.fork():
        if detached:
            os.setsid()
        own = begin_a_life("child")
        os.close(life)
        live_on(own)
        os._exit(0)


def leave_a_daemon(life: int) -> None:
    """Begin a process as daemons do it, and as those that hide: nothing of us is to be seen on it."""
    program = str(Path(__file__).resolve())
    if not begin_on_its_own():
        return
    own = begin_a_life("child")
    os.close(life)
    os.closerange(0, own)
    os.closerange(own + 1, 1 << 16)
    os.execve(sys.executable, [sys.executable, "-IS", program, LIVE_ON, str(own)], {})  # noqa: S606


def leave_a_chain(life: int) -> None:
    """Begin a process that begins the next one and ends, again and again."""
    if not begin_on_its_own():
        return
    own = begin_a_life("child")
    os.close(life)
    ends_at = time.monotonic() + LIFE_SECONDS_MAX
    while time.monotonic() < ends_at:
        show_life(own)
        time.sleep(LINK_SECONDS)
        if os.fork():
            break
        os.setsid()
    os._exit(0)


def begin_on_its_own() -> bool:
    """Fork twice into a session of its own, deaf to SIGTERM; whether this is the new process."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.umask(0)
    os.chdir("/")
    return True


def act(script: Script, life: int) -> None:
    """Print, start children, wait, as told."""
    for _ in range(script.get("children", 0)):
        leave_a_child(life, detached=script.get("detached", False))
    for _ in range(script.get("daemons", 0)):
        leave_a_daemon(life)
    for _ in range(script.get("chains", 0)):
        leave_a_chain(life)
    say(script)
    while script.get("floods"):
        say({"out_bytes": 65536})
        show_life(life)
    while "await_file" in script and not Path(script["await_file"]).exists():
        wait_for_time(0.01, life)
    wait_for_time(script.get("seconds", 0.0), life)
    if "kill_self" in script:
        write("end", exit_code=None, signal=script["kill_self"], **printed(script))
        os.kill(os.getpid(), script["kill_self"])


def text_of(script: Script) -> str:
    """All that is printed on standard output."""
    return "x" * script.get("out_bytes", 0) + script.get("out", "")


def printed(script: Script) -> dict[str, int | str]:
    """What was printed: how many characters, how they begin and how they end."""
    text = text_of(script)
    return {"printed": len(text.strip()), "head": text[:END_CHARACTERS], "tail": text[-END_CHARACTERS:]}


def say(script: Script) -> None:
    """Print as told; where the output cannot be written, that is how this ends."""
    try:
        sys.stdout.write(text_of(script))
        sys.stderr.write(script.get("err", ""))
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        write("end", exit_code=74, signal=None)
        os._exit(74)


def wait_for_time(seconds: float, life: int) -> None:
    """Let time pass, through any number of signals, and show that we live."""
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0:
        show_life(life)
        time.sleep(min(left, SHOWN_EVERY_SECONDS))


def on_term(script: Script, life: int) -> None:
    """Answer a SIGTERM as told."""
    if script.get("ignore_term"):
        return
    write("term")
    wait_for_time(script.get("on_term_seconds", 0.0), life)
    leave(143, script)


def leave(status: int, script: Script) -> NoReturn:
    """Write down the end, and end."""
    # Before the note: a keeper that did not see the end has only that to go by.
    moment = {"at": time.monotonic(), "wall": time.time()}
    note = os.environ.get("AGENT_OUTCOME_FILE")
    if note and script.get("note", True):
        with contextlib.suppress(OSError):
            Path(note).write_text(json.dumps({"exit_code": status}), encoding="ascii")
    write("end", exit_code=status, signal=None, **printed(script), **moment)
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
