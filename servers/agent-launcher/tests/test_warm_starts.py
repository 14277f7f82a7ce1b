"""A warm start is the start of an executed command, but for the waiting."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

from launcher_rig.attempts import living
from launcher_rig.commands import BEHAVIOURS, CommandProject
from launcher_rig.keeper_under_test import KeeperUnderTest

from lib.keeper import warm_line, warm_parent, words
from lib.keeper.containment import RLIMIT_LOCKS
from lib.wire.models import JsonObject

# Everything of a process that its start decides.
REPORT = """
import gc, json, locale, resource, threading
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def stream(one):
    return [one.name, one.mode, one.encoding, one.errors, one.line_buffering, one.newlines, type(one.buffer).__name__]
mask = os.umask(0); os.umask(mask)
settable = sum(1 << (number - 1) for number in signal.valid_signals())
limits = {name: resource.getrlimit(number) for name, number in vars(resource).items() if name.startswith("RLIMIT_")}
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "flags": str(sys.flags), "file": __file__,
    "main": sorted(vars(sys.modules["__main__"])), "loader": type(__loader__).__name__,
    "environment": dict(os.environ), "folder": os.getcwd(), "stdin": sys.stdin.read(),
    "streams": [stream(sys.stdin), stream(sys.stdout), stream(sys.stderr)],
    "same": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
    "open": sorted(name for name in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + name)),
    "where": [os.readlink(f"/proc/self/fd/{number}") for number in range(3)],
    "kept_by_exec": [os.get_inheritable(number) for number in range(3)],
    # Without those that no program can set: a C library keeps two for itself, and leaves them as it likes.
    "signals": [int(status[name], 16) & settable for name in ("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt")],
    "handlers": [str(signal.getsignal(number)).split(" at ")[0] for number in sorted(signal.valid_signals())],
    "umask": mask, "limits": limits, "nice": os.nice(0), "affinity": sorted(os.sched_getaffinity(0)),
    "oom": open("/proc/self/oom_score_adj").read(), "threads": [status["Threads"], threading.active_count()],
    "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()], "parent": os.getppid(),
    "ids": [os.getresuid(), os.getresgid(), os.getgroups(), status["NoNewPrivs"]],
    "gc": [gc.isenabled(), gc.get_threshold()], "locale": locale.setlocale(locale.LC_ALL),
    "zone": time.tzname, "mark": limits["RLIMIT_LOCKS"][0] if "RLIMIT_LOCKS" in limits else resource.getrlimit(10)[0],
    "executable": sys.executable, "prefix": sys.prefix, "own": [__import__("secrets").__file__, json.__file__],
}))
"""


def report_of(keeper: KeeperUnderTest, key: str, **launch: object) -> JsonObject:
    keeper.run("s", key, **launch)  # type: ignore[arg-type]
    verdict = keeper.end(key)
    assert verdict["exit_code"] == 0, keeper.output(key)
    return words.object_of(json.loads(keeper.output(key)))


def test_a_warm_command_finds_all_that_an_executed_one_finds(
    keeper: KeeperUnderTest, project: CommandProject, tmp_path: Path
) -> None:
    warm = project.write_warm(REPORT)
    argv = [str(project.commands / "ao-start"), "s", "--agent", "ü", "--project-dir", str(tmp_path)]
    for name in ("secrets", "json", "ssl", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the project')", "utf-8")
    environment = {"AGENT_JOB_ID": "job_1", "AGENT_JOB_ATTEMPT": "1", "TZ": "Asia/Tokyo", "ODD": "\udcff=ü"}
    environment |= {"PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "json.py")}
    launch = {"argv": argv, "environment": environment, "folder": str(tmp_path), "is_prompt_on_stdin": True}
    for key in ("job_1.1", "job_2.1"):
        (keeper.runs / key).mkdir(mode=0o700)
        (keeper.runs / key / words.PROMPT_FILE).write_text("the prompt", "utf-8")
    parent = keeper.warmed(warm)

    executed = report_of(keeper, "job_1.1", **launch)
    forked = report_of(keeper, "job_2.1", **launch, warm=warm)

    assert [line[0] for line in project.ledger()] == ["cold", "start", "end", "warm", "start", "end"]
    assert forked["parent"] == executed["parent"] == keeper.process.pid != parent
    assert forked["stdin"] == "the prompt"
    marks = {executed.pop("mark"), forked.pop("mark")}
    assert len(marks) == 2
    where = {"where": [str(place).replace("job_2.1", "job_1.1") for place in forked["where"]]}  # type: ignore[union-attr]
    assert {**forked, **where} == executed


ENDS = (
    "sys.exit(7)",
    "sys.exit(-1)",
    "sys.exit('why not')",
    "os._exit(9)",
    "os.kill(os.getpid(), 15)",
    "1 / 0",
    "raise KeyboardInterrupt",
    "sys.stdout.close(); os.close(1); print('x')",
    "print('x'); os.close(1)",
    "import atexit; atexit.register(print, 'last'); print('first')",
    "import threading; threading.Thread(target=lambda: (time.sleep(0.05), print('late'))).start()",
)


def test_a_warm_command_ends_as_an_executed_one_does(marking_keeper: KeeperUnderTest, project: CommandProject) -> None:
    warm = project.write_warm(f"exec({ENDS!r}[int(name)])")
    marking_keeper.warmed(warm)
    for number in range(len(ENDS)):
        marking_keeper.run(str(number), f"cold_{number}.1")
        marking_keeper.run(str(number), f"warm_{number}.1", warm=warm)

    for number, text in enumerate(ENDS):
        found = []
        for key in (f"cold_{number}.1", f"warm_{number}.1"):
            verdict = marking_keeper.end(key)
            last = marking_keeper.output(key).splitlines()[-1:]
            found.append((text, verdict["exit_code"], verdict["signal"], last))
        assert found[0] == found[1]
    assert (project.count("cold"), project.count("warm")) == (len(ENDS), len(ENDS))


CHANCES = """
import random, secrets, ssl, tempfile, uuid
print(random.random(), secrets.token_hex(), ssl.RAND_bytes(16).hex(), uuid.uuid1(), uuid.uuid4(), os.urandom(8).hex(),
    next(tempfile._get_candidate_names()), random.SystemRandom().random(), os.getpid())
"""


def test_no_two_warm_commands_draw_the_same_lots(marking_keeper: KeeperUnderTest, project: CommandProject) -> None:
    # All of it is loaded, and drawn from once, before the fork.
    warm = project.write_warm(
        CHANCES, "import random, ssl, tempfile, uuid; random.random(), uuid.uuid1(), ssl.RAND_bytes(9)"
    )
    marking_keeper.warmed(warm)
    for key in ("job_1.1", "job_2.1"):
        marking_keeper.run("s", key, warm=warm)
        marking_keeper.end(key)

    drawn = [marking_keeper.output(key).split() for key in ("job_1.1", "job_2.1")]
    assert len({*drawn[0], *drawn[1]}) == 2 * 9
    assert project.count("warm") == 2


def test_what_one_job_is_told_is_nowhere_in_the_warm_parent_nor_in_the_next_job_nor_open_to_others(
    marking_keeper: KeeperUnderTest, project: CommandProject
) -> None:
    """Environment, prompt and arguments; and a later job is the parent's memory of that moment."""
    secret = f"the-secret-{os.urandom(8).hex()}"
    warm = project.write_warm("text = sys.stdin.read(); assert text\nnote('ready')\nwhile True: time.sleep(60)")
    parent = marking_keeper.warmed(warm)
    folder = marking_keeper.runs / "job_1.1"
    folder.mkdir(mode=0o700)
    (folder / words.PROMPT_FILE).write_text(f"prompt {secret}", "utf-8")
    environment: JsonObject = {"AGENT_JOB_ID": "job_1", "AGENT_JOB_ATTEMPT": "1", "AGENT_RUNTIME_TOKEN": secret}
    marking_keeper.run("s", environment=environment, is_prompt_on_stdin=True, warm=warm)
    marking_keeper.wait_for("ready")
    (marking_keeper.runs / "job_2.1").mkdir()
    (marking_keeper.runs / "job_2.1" / words.PROMPT_FILE).write_text("another", "utf-8")
    marking_keeper.run("s", "job_2.1", is_prompt_on_stdin=True, warm=warm)
    marking_keeper.wait_for("ready", 2)

    first, second = marking_keeper.pid(), marking_keeper.pid("job_2.1")
    needle = secret.encode()
    assert needle in memory_of(first)  # it is looked for in the right way
    assert needle not in memory_of(second)
    assert needle not in memory_of(parent)
    for pid in (first, second, parent):
        assert needle not in Path(f"/proc/{pid}/environ").read_bytes()
        assert needle not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert Path(f"/proc/{first}/cmdline").read_bytes() == f"{project.commands}/ao-start s\0".encode()
    assert Path(f"/proc/{first}/comm").read_text("ascii") == "ao-start\n"
    opened = [str(path.readlink()) for path in Path(f"/proc/{parent}/fd").iterdir()]
    assert not any("/job_" in path or "memfd" in path for path in opened)


def memory_of(pid: int) -> bytes:
    """All that a process could have written to."""
    found = b""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines():
            bounds, rights = line.split()[:2]
            if rights.startswith("rw") and "[v" not in line:
                begin, end = (int(bound, 16) for bound in bounds.split("-"))
                memory.seek(begin)
                found += memory.read(end - begin)
    return found


def test_what_is_upgraded_on_disk_is_what_the_next_start_runs_and_what_runs_goes_on(
    marking_keeper: KeeperUnderTest, project: CommandProject
) -> None:
    part = project.root / "part_of_ours.py"
    part.write_text("VERSION = 'one'", "utf-8")
    head = f"sys.path.append({str(project.root)!r}); sys.dont_write_bytecode = True\nimport part_of_ours"
    warm = project.write_warm("print(part_of_ours.VERSION, flush=True)\n" + BEHAVIOURS, head)
    parent = marking_keeper.warmed(warm)
    marking_keeper.run("wait-go", "job_1.1", warm=warm)
    marking_keeper.wait_for("start")

    part.write_text("VERSION = 'two'", "utf-8")
    marking_keeper.run("exit-0", "job_2.1", warm=warm)
    marking_keeper.end("job_2.1")
    parent = marking_keeper.new_warm_parent(parent)
    marking_keeper.run("exit-0", "job_3.1", warm=warm)
    marking_keeper.end("job_3.1")
    script = project.commands / "ao-start"
    script.write_text(script.read_text("utf-8").replace("part_of_ours.VERSION", "'three'"), "utf-8")
    marking_keeper.run("exit-0", "job_4.1", warm=warm)
    marking_keeper.end("job_4.1")
    parent = marking_keeper.new_warm_parent(parent)
    # What every command would inherit of its keeper is part of how it is started.
    resource.prlimit(marking_keeper.process.pid, resource.RLIMIT_NOFILE, (77, 77))
    marking_keeper.run("exit-0", "job_5.1", warm=warm)
    marking_keeper.end("job_5.1")
    project.let_go("go")
    assert marking_keeper.end("job_1.1")["exit_code"] == 0

    said = [marking_keeper.output(f"job_{number}.1").split()[0] for number in range(1, 6)]
    assert said == ["one", "two", "two", "three", "three"]
    how = [line[0] for line in project.ledger() if line[0] in ("warm", "cold")]
    assert how == ["warm", "cold", "warm", "cold", "cold"]


def test_sixty_warm_commands_at_once_each_run_once_and_end_to_the_last_process(
    marking_keeper: KeeperUnderTest, project: CommandProject
) -> None:
    warm = project.write_warm()
    marking_keeper.warmed(warm)
    for number in range(60):
        marking_keeper.run("tree-1" if number % 2 else "exit-3", f"job_{number}.1", warm=warm)
    marking_keeper.wait_for("leaf", 30)
    for number in range(1, 60, 2):
        marking_keeper.say(words.STOP, key=f"job_{number}.1", reason="stopped_by_user", grace_seconds=0.1)

    verdicts = [marking_keeper.end(f"job_{number}.1") for number in range(60)]
    assert {verdict["exit_code"] for verdict in verdicts[::2]} == {3}
    assert {verdict["reason"] for verdict in verdicts[1::2]} == {"stopped_by_user"}
    assert (project.count("warm"), project.count("start")) == (60, 60)
    assert living(project.pids()) == []


def test_program_and_keeper_use_the_same_words() -> None:
    """The program runs without the keeper's modules."""
    for name in ("FORKED", "NO_PROCESS", "GO", "MESSAGE_BYTES_MAX"):
        assert getattr(warm_line, name) == getattr(warm_parent, name)
    assert warm_parent.RLIMIT_LOCKS == RLIMIT_LOCKS
