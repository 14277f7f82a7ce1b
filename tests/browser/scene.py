"""The scene of the screenshots: an afternoon of a small team of agents, played on a stage."""

from collections.abc import Mapping

from browser.stage import Play, Stage
from support.desk import Json, JsonObject

SHOP: Mapping[str, Json] = {"agent_name": "claude", "project_dir": "/home/mia/shop"}
ANSWER = """The flaky test waits for a log line that is written **before** the socket listens. Three things changed:

1. `wait_until_ready` now asks `/health` instead of reading the log.
2. The port is taken from the answer, so two runs never collide.
3. The test no longer sleeps.

```python
def wait_until_ready(url: str, patience_seconds: float = 30.0) -> None:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if answers(url + "/health"):
            return
    raise NotReadyError(url)  # said with the address, so that one can look
```

| run | before | after |
|---|---:|---:|
| alone | 4.1 s | 0.6 s |
| 200 times | 7 failures | 0 failures |
"""

TOOLS: tuple[tuple[str, JsonObject, str], ...] = (
    ("Grep", {"pattern": "wait_until_ready", "path": "tests"}, "tests/support/server.py:41\ntests/test_upload.py:17"),
    (
        "Read",
        {"file_path": "tests/support/server.py"},
        "def wait_until_ready(log):\n    while 'ready' not in log.read():\n        pass",
    ),
    (
        "Edit",
        {"file_path": "tests/support/server.py", "old_string": "log", "new_string": "url"},
        "The file was changed",
    ),
    ("Bash", {"command": "pytest tests/test_upload.py -q --count 200"}, "200 passed in 118.20s"),
)
WORKERS = (
    ("map-the-code", "Map the modules and who imports whom", 61_000, 0.21),
    ("find-slow-tests", "Find the ten slowest tests and say why", 48_000, 0.17),
    ("check-licences", "List the licences of all dependencies", 12_000, 0.04),
)


def set_the_scene(stage: Stage) -> None:
    """Play it: what is finished first, what still runs last."""
    stage.launcher("build-01", max_jobs=8, labels={"os": "linux", "gpu": "no"})
    stage.launcher("studio", max_jobs=4, labels={"os": "macos"})
    _finished(stage)
    _failed(stage)
    _orchestra(stage)
    _running(stage)
    _waiting(stage)


def _agent_at_work(play: Play) -> Play:
    play.begin().say("I look for what the test waits on.")
    for tool, given, output in TOOLS:
        play.call(tool, given, output)
    return play


def _finished(stage: Stage) -> None:
    for name, prompt, on in (
        ("changelog-2-4", "Write the changelog of 2.4 from the merged pull requests", "studio"),
        ("upgrade-httpx", "Move to the newest httpx and mend what breaks", "build-01"),
        ("fix-flaky-upload", "tests/test_upload.py fails one time in thirty. Find out why, and mend it.", "build-01"),
    ):
        play = _agent_at_work(stage.play(name, prompt, on=on, **SHOP))
        play.write(b"\x1b[32mready\x1b[0m\n200 passed in 118.20s\n" * 40)
        play.say(ANSWER).end(ANSWER, tokens=38_000, cost=0.14)


def _failed(stage: Stage) -> None:
    play = stage.play("nightly-audit", "Audit the dependencies", on="studio", **SHOP)
    play.begin().fail("backend_auth", "Not logged in · Please run /login")


def _orchestra(stage: Stage) -> None:
    head = stage.play("speed-up-ci", "Our CI takes 31 minutes. Bring it below ten.", on="build-01", **SHOP)
    head.begin().say("Three of us look at this from three sides; I put it together.")
    for name, prompt, tokens, cost in WORKERS:
        worker = stage.play(name, prompt, on="build-01", parent_session_name="speed-up-ci", **SHOP)
        _agent_at_work(worker).end("Done: see the table.", tokens=tokens, cost=cost)
    cache = stage.play(
        "cache-the-build",
        "Cache what the build downloads",
        on="build-01",
        parent_session_name="speed-up-ci",
        **SHOP,
    )
    _agent_at_work(cache).call("Bash", {"command": "make ci"})
    deeper = stage.play(
        "measure-cache",
        "Measure the cache's hits",
        on="studio",
        parent_session_name="cache-the-build",
        **SHOP,
    )
    _agent_at_work(deeper)
    head.call("mcp__orchestrator__wait_for_agent_sessions", {"sessions": ["cache-the-build"]})


def _running(stage: Stage) -> None:
    play = _agent_at_work(
        stage.play("refactor-billing", "Split billing.py by subject; keep the tests green", on="studio", **SHOP)
    )
    play.say("`billing.py` has four subjects: prices, invoices, taxes and reminders. I begin with **prices**.")
    play.call("Bash", {"command": "pytest tests/billing -q"})
    play.write(b"collecting ...\ntests/billing ............\n")
    later: JsonObject = {
        "type": "resume_session",
        "session_name": "refactor-billing",
        "prompt": "And then write a short note for the team about what moved.",
    }
    stage.desk.post("/jobs", later)


def _waiting(stage: Stage) -> None:
    stage.desk.start("train-ranker", prompt="Train the ranker on last week's clicks", labels={"gpu": "yes"}, **SHOP)
