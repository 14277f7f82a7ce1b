"""A warm start is the start of an executed command, but for the waiting."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
from launcher_rig.keeper_under_test import KeeperUnderTest

from lib.keeper import process_tree, warm_line, warm_parent, words
from lib.keeper.containment import RLIMIT_LOCKS
from lib.wire.models import JsonObject

# Everything of a process that its start decides.
REPORT = """
import gc, json, locale, resource, threading
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def stream(one):
    return [one.name, one.mode, one.encoding, one.errors, one.line_buffering, one.newlines, type(one.buffer).__name__]
mask = os.umask(0); os.umask(mask)
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
    "signals": [status[name].strip() for name in ("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt")],
    "handlers": [str(signal.getsignal(number)).split(" at ")[0] for number in sorted(signal.valid_signals())],
    "umask": mask, "limits": limits, "nice": os.nice(0), "affinity": sorted(os.sched_getaffinity(0)),
    "oom": open("/proc/self/oom_score_adj").read(), "threads": [status["Threads"], threading.active_count()],
    "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()], "parent": os.getppid(),
    "ids": [os.getresuid(), os.getresgid(), os.getgroups(), status["NoNewPrivs"]],
    "gc": [gc.isenabled(), gc.get_threshold()], "locale": locale.setlocale(locale.LC_ALL),
    "zone": time.tzname, "mark": limits["RLIMIT_LOCKS"][0] if "RLIMIT_LOCKS" in limits else resource.getrlimit(10)[0],
    "executable": sys.executable, "prefix": sys.prefix,
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
    environment = {"AGENT_JOB_ID": "job_1", "AGENT_JOB_ATTEMPT": "1", "TZ": "Asia/Tokyo", "ODD": "\udcff=ü"}
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
