"""The warm parent's program: it has commands loaded, and each start of one is forked from it; standard library only.

Run by a keeper as `python -I warm_parent.py FD 1 PADDING` in the commands' own environment; it leaves when the keeper
does. It never reads what a start is told: the forked process does that itself. See docs/decisions/0036-a-warm-start.md.
"""

# ruff: noqa: PTH100, PTH110, PTH116, PTH119, PTH120, PTH123, PTH208  (pathlib would cost memory for nothing)
from __future__ import annotations

import atexit
import builtins
import gc
import importlib
import io
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from typing import NoReturn, TextIO, TypeAlias

ForkInto: TypeAlias = Callable[[int], "int | None"]
FORKED, NO_PROCESS, NOT_FIT, GO = b"forked", b"no process", b"not fit", b"go"
MESSAGE_BYTES_MAX = 1 << 17
DESCRIPTORS_MAX = 6
CGROUP_AT = 5  # behind those of the gate, the order, its input, its output and its folder
RLIMIT_LOCKS = 10
TITLE_BYTES_MAX = 4095  # the kernel shows no more of one
COMM_BYTES_MAX = 15
_ARG_START_FIELD, _ARG_END_FIELD = 45, 46  # counted after the closing parenthesis of the command name
# A file that changed while it was loaded may have been loaded as it was before; the file system's clock is coarse.
CLOCK_GRAIN_SECONDS = 0.1
LOADS_MAX = 5
EXIT_UNFLUSHED = 120


class Program:
    """A command's script, compiled; it is run as the main module of each forked process."""

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:
            self.code = compile(file.read(), path, "exec", dont_inherit=True)
        self.path = path

    def load(self) -> None:
        """Import what it imports; as its name is not `__main__`, it does nothing else."""
        self._run_as("loaded_by_the_warm_parent")
        del sys.modules["loaded_by_the_warm_parent"]

    def run(self) -> None:
        """Run it as the interpreter runs the script of its command line."""
        self._run_as("__main__")

    def _run_as(self, name: str) -> None:
        module = types.ModuleType(name)
        module.__file__ = self.path
        module.__loader__ = SourceFileLoader(name, self.path)
        vars(module).update(__builtins__=builtins, __cached__=None, __annotations__={})
        sys.modules[name] = module
        exec(self.code, vars(module))  # noqa: S102


def load(scripts: dict[str, str]) -> dict[str, Program]:
    """Load scripts, and for each the module that imports what it would import later."""
    programs = {path: Program(path) for path in scripts}
    for program in programs.values():
        program.load()
    for module in scripts.values():
        importlib.import_module(module)
    return programs


def stamps(scripts: dict[str, str]) -> dict[str, list[int]]:
    """Tell how the files look that a start depends on: ours one by one, an environment's by its folder."""
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    packages = [path for path in sys.path if path.startswith(f"{sys.prefix}/") and os.path.exists(path)]
    # Python's own change with its executable.
    others = tuple(f"{path}/" for path in (*packages, os.path.dirname(os.__file__)))
    ours = [path for path in modules if path is not None and not path.startswith(others)]
    found = {}
    for path in {*scripts, *ours, *packages, f"{sys.prefix}/pyvenv.cfg", os.path.realpath(sys.executable)}:
        told = os.stat(path)
        found[path] = [told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns]
    return found


def serve(control: socket.socket, programs: dict[str, Program], fork_into: ForkInto) -> tuple[Program, list[int]]:
    """Fork a process for each start that is asked for; returns in the forked process alone.

    Shape:   the program to run, and the descriptors that came with the word.
    """
    while True:
        word, descriptors = heard(control)
        program = programs.get(os.fsdecode(word))
        answer = NOT_FIT
        if program is not None and len(os.listdir("/proc/self/task")) == 1:
            is_new, answer = fork_for_the_keeper(descriptors[CGROUP_AT:], fork_into)
            if is_new:
                control.close()
                return program, descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(BrokenPipeError):  # heard of at the next turn
            control.send(answer)


def heard(control: socket.socket) -> tuple[bytes, list[int]]:
    """Wait for a word and the descriptors that come with it; without a keeper, leave."""
    try:
        word, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES_MAX, DESCRIPTORS_MAX, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        word = b""
    if not word:
        os._exit(0)
    return word, descriptors


def fork_for_the_keeper(cgroups: list[int], fork_into: ForkInto) -> tuple[bool, bytes]:
    """Fork a process whose parent leaves at once, so that it becomes the keeper's child; True in that process.

    It begins in the cgroup if there is one.
    """
    try:
        middle = fork_middle(cgroups, fork_into)
    except OSError:
        return False, NO_PROCESS
    if middle != 0:
        return False, FORKED if os.waitpid(middle, 0)[1] == 0 else NO_PROCESS
    try:
        is_new = os.fork() == 0
    except OSError:
        os._exit(1)
    if not is_new:
        os._exit(0)
    return True, b""


def fork_middle(cgroups: list[int], fork_into: ForkInto) -> int:
    """Fork a process that does nothing but fork: into the cgroup, or where the kernel cannot do that, to move there."""
    for cgroup in cgroups:
        if (pid := fork_into(cgroup)) is not None:
            return pid
    if (pid := os.fork()) == 0:
        for cgroup in cgroups:
            move_into(cgroup)
    return pid


def move_into(cgroup: int) -> None:
    """Move this process into a cgroup; what it forks begins there."""
    try:
        entrance = os.open("cgroup.procs", os.O_WRONLY, dir_fd=cgroup)
        os.write(entrance, b"0")
    except OSError:
        os._exit(1)  # nothing has run; the keeper executes it instead


def become(descriptors: list[int]) -> None:
    """Turn the forked process into what an executed one would be, and wait for the word to run; without it, leave."""
    gate_number, order_number, *passed = descriptors
    gate = socket.socket(fileno=gate_number)
    try:
        with open(order_number, encoding="utf-8", errors="surrogatepass") as file:
            order = json.load(file)
        take_mark(order["mark"])
        stand_alone(passed)
        take_words(order["argv"], order["environment"])
        close_all_but(gate_number)
    except Exception as error:  # noqa: BLE001  (nothing has run; the keeper executes it instead)
        with suppress(OSError):
            gate.send(f"cannot: {error}".encode(errors="replace")[:200])
        os._exit(1)
    try:
        gate.send(str(os.getpid()).encode())
        is_let_through = gate.recv(len(GO)) == GO
    except OSError:
        is_let_through = False
    if not is_let_through:
        os._exit(0)  # the keeper is gone, or has executed the command meanwhile
    gate.close()


def take_mark(mark: int | None) -> None:
    """Have what all that this process starts will be found by, before it starts anything."""
    if mark is not None:
        resource.setrlimit(RLIMIT_LOCKS, (mark, resource.getrlimit(RLIMIT_LOCKS)[1]))


def stand_alone(passed: list[int]) -> None:
    """Take session, folder and standard streams."""
    stdin, output, folder = passed[:3]
    os.setsid()
    os.fchdir(folder)
    for number, descriptor in enumerate((stdin, output, output)):
        os.dup2(descriptor, number)
    renew_streams()


def renew_streams() -> None:
    """Have new objects for the standard streams; nothing is to be left in the old ones from whoever had them before."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        old: TextIO = getattr(sys, name)
        bytes_of = open(number, f"{mode}b", closefd=False)  # noqa: SIM115
        bytes_of.raw.name = f"<{name}>"  # type: ignore[attr-defined]
        new = io.TextIOWrapper(bytes_of, old.encoding, old.errors, "\n", line_buffering=name == "stderr")
        new.mode = mode  # type: ignore[misc]
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def take_words(argv: list[str], environment: dict[str, str]) -> None:
    """Take command line and environment, and show the command line to whoever lists processes."""
    # What Python itself adds where there is no locale (PEP 538); the parent was given the same one.
    coerced = {name: value for name, value in os.environ.items() if name == "LC_CTYPE"}
    os.environ.clear()
    os.environ.update({**coerced, **environment})
    time.tzset()
    if any(b"\0" in os.fsencode(word) for word in argv):
        raise ValueError("embedded null byte")
    script = os.path.realpath(argv[0])
    sys.argv = [script, *argv[1:]]
    sys.orig_argv = [sys.executable, "-I", *sys.argv]
    show_title(argv)


def show_title(words: list[str]) -> None:
    """Write over the command line that the process was executed with, as far as there is room."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ARG_START_FIELD]), int(fields[_ARG_END_FIELD])
    room = min(end - start - 2, TITLE_BYTES_MAX)
    title = os.fsencode(" ".join(words)).replace(b"\0", b" ")[:room]
    # A last byte that is not NUL tells the kernel that what is there is one text, up to its NUL.
    memory = os.open("/proc/self/mem", os.O_WRONLY | os.O_CLOEXEC)
    os.pwrite(memory, title.ljust(end - start - 1, b"\0") + b"\1", start)
    os.close(memory)
    write("/proc/self/comm", os.fsencode(os.path.basename(words[0]))[:COMM_BYTES_MAX])


def close_all_but(kept: int) -> None:
    """Close whatever an executed process would not have."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            with suppress(OSError):  # the one with which the folder was read is closed
                os.close(int(name))


def run(program: Program) -> None:
    """Run it to its end, and end as the interpreter would, but for freeing memory that the kernel frees."""
    try:
        program.run()
        code = 0
    except SystemExit as end:
        code = status_of(end)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        code = -signal.SIGINT
    except BaseException:  # noqa: BLE001  (the last line of a process)
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  (waits for its threads, as at any end)
    atexit._run_exitfuncs()  # noqa: SLF001
    is_interrupted = code == -signal.SIGINT
    code = flushed(code)
    if is_interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


def status_of(end: SystemExit) -> int:
    """Tell what the interpreter makes of a SystemExit."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    sys.stderr.write(f"{end.code}\n")
    return 1


def flushed(code: int) -> int:
    """Write out what was printed; the exit status says so if that is not possible."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError) as error:
            code = EXIT_UNFLUSHED
            with suppress(OSError, ValueError):
                sys.stderr.write(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}\n")
    return code


def write(path: str, content: bytes) -> None:
    """Write into a file of the kernel; what it does not take is done without."""
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        file.write(content)


def fork_into_folder() -> ForkInto:
    """Find what lies beside this program, which no search path of its own names."""
    loader = SourceFileLoader("fork_into", f"{os.path.dirname(os.path.abspath(__file__))}/fork_into.py")
    module = types.ModuleType(loader.name)
    loader.exec_module(module)
    fork: ForkInto = module.fork_into_folder
    return fork


def get_ready(control: socket.socket) -> dict[str, Program]:
    """Load what is asked for, say so, and put it where no later collection looks at it."""
    begun_ns = int((time.time() - CLOCK_GRAIN_SECONDS) * 1e9)
    scripts: dict[str, str] = json.loads(control.recv(MESSAGE_BYTES_MAX, socket.MSG_PEEK))
    gc.disable()  # what it would free is not worth the holes
    programs = load(scripts)
    seen = stamps(scripts)
    if any(changed_ns > begun_ns for *_, changed_ns in seen.values()):
        begin_again(control)
    control.recv(MESSAGE_BYTES_MAX)
    gc.collect()
    gc.freeze()
    control.send(json.dumps(seen).encode())
    show_title(["warm-parent", "of", *(os.path.basename(path) for path in scripts)])
    return programs


def begin_again(control: socket.socket) -> NoReturn:
    """Load everything anew, as a file has changed meanwhile or only just before; not for ever."""
    _, number, times, room = sys.argv
    if int(times) == LOADS_MAX:
        sys.exit("files change each time that they are loaded")
    time.sleep(2 * CLOCK_GRAIN_SECONDS)
    control.set_inheritable(True)
    with open("/proc/self/environ", "rb") as file:
        # As we were given it: Python has added to its own by now, and would take that for a wish.
        given = dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)
    os.execve(sys.executable, [sys.executable, "-I", __file__, number, str(int(times) + 1), room], given)  # noqa: S606


def main() -> None:
    """Be a warm parent; the rest of this is what becomes of each fork."""
    os.chdir("/")  # wherever the keeper was at that moment
    control = socket.socket(fileno=int(sys.argv[1]))
    program, descriptors = serve(control, get_ready(control), fork_into_folder())
    become(descriptors)
    gc.enable()
    run(program)


if __name__ == "__main__":
    main()
