"""A job that asks more of its end than that its agent ends well: `ao-start` sees to it, in one attempt."""

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from agent_backends.protocol import Ending, Outcome, Usage
from agent_backends.turn import output as output_module
from agent_backends.turn.checked import together
from agent_backends.turn.output import output_of
from runtime_client.checks import Checks
from runtime_client.wire import UnexpectedAnswerError
from support.commands import Commands
from support.stand_in_runtime import Json, Reply, StandInRuntime, stand_in_runtime
from support.waiting import wait_until

SESSION: dict[str, Json] = {"session_id": "ses_1", "session_name": "one", "status": "running", "agent_name": "tester"}
# It keeps what it was told, and answers what stands in the file with its turn's number, or in the last one there is.
AGENT = """
import os, pathlib, sys
told = sys.stdin.read()
turn = len(list(pathlib.Path().glob("told-*"))) + 1
pathlib.Path(f"told-{turn}").write_text(told)
pathlib.Path(f"resumed-{turn}").write_text(os.environ["AGENT_RESUMED"])
answer = max((one for one in pathlib.Path().glob("answer-*") if int(one.name[7:]) <= turn), key=lambda one: one.name)
print(answer.read_text(), end="")
"""
SCHEMA: dict[str, Json] = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}


@dataclass
class Bench:
    """A launcher's `ao-start` of one job, in a project folder."""

    runtime: StandInRuntime
    commands: Commands
    folder: Path

    def asks(self, checks: Json, *answers: str, **blueprint: Json) -> None:
        """Say what the job asks of its end, and what its agent answers turn by turn."""
        (self.folder / "agent.py").write_text(AGENT, encoding="utf-8")
        for number, answer in enumerate(answers, 1):
            (self.folder / f"answer-{number}").write_text(answer, encoding="utf-8")
        agent = {"name": "tester", "backend": "command", "command": ["python3", str(self.folder / "agent.py")]}
        self.runtime.route("GET", "/agents/tester", Reply({**agent, **blueprint}))
        self.runtime.route("GET", "/sessions/ses_1", Reply({"session": SESSION, "checks": checks}))

    def run(self, **variables: str) -> dict[str, Json]:
        """Run it to its end, and return its note."""
        self.commands.run("ao-start", *self._words(), environment={**self._environment(), **variables})
        return self.note()

    def start(self) -> "psutil.Popen":
        """Start it, and leave it running."""
        line = self.commands.command("ao-start", *self._words())
        return psutil.Popen(line, env=self.commands.environment(self._environment()), cwd=self.folder)

    def note(self) -> dict[str, Json]:
        """Return the note for the launcher."""
        note: dict[str, Json] = json.loads((self.folder / "outcome.json").read_text("utf-8"))
        return note

    def told(self, turn: int) -> str:
        """Return what the agent was told in a turn."""
        return (self.folder / f"told-{turn}").read_text("utf-8")

    def events(self, *kinds: str) -> list[tuple[str, dict[str, Json]]]:
        """Return the events of these kinds."""
        calls = [json.loads(json.dumps(asked.body)) for asked in self.runtime.of("POST", "/sessions/ses_1/events")]
        return [(one["type"], one["data"]) for call in calls for one in call["events"] if one["type"] in kinds]

    def _words(self) -> list[str]:
        return ["one", "--agent", "tester", "--prompt", "do it", "--project-dir", str(self.folder)]

    def _environment(self) -> dict[str, str]:
        return {
            "AGENT_JOB_ID": "job_1",
            "AGENT_SESSION_NAME": "one",
            "AGENT_SESSION_ID": "ses_1",
            "AGENT_OUTCOME_FILE": str(self.folder / "outcome.json"),
        }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with stand_in_runtime() as runtime:
        runtime.route("POST", "/sessions/ses_1/events", Reply({"events": []}))
        runtime.route("PATCH", "/sessions/ses_1/metadata", Reply({"session": SESSION}))
        yield Bench(runtime, Commands(runtime.url, tmp_path, token="session-token"), tmp_path)


def verify(script: str, **more: Json) -> dict[str, Json]:
    return {"verify": {"command": ["sh", "-c", script], "timeout_seconds": 60}, **more}


def test_what_fails_the_verification_is_told_to_the_agent_until_it_passes(bench: Bench) -> None:
    passes_later = "echo $((4 - $(ls | grep -c told-))) are missing >&2; test -e told-3"
    bench.asks(verify(passes_later), "done")

    note = bench.run()

    assert note == {"ending": "completed", "exit_code": 0, "checked": True}
    assert bench.told(1) == "do it"
    assert "ended with code 1" in bench.told(2)
    assert bench.told(2).endswith("3 are missing\n")
    assert bench.told(3).endswith("2 are missing\n")
    assert [(bench.folder / f"resumed-{turn}").read_text() for turn in (1, 2, 3)] == ["false", "true", "true"]
    told = bench.events("session_start", "verification", "result", "session_stop")
    assert [kind for kind, _ in told] == ["session_start", *["verification"] * 3, "result", "session_stop"]
    assert [data["passed"] for kind, data in told if kind == "verification"] == [False, False, True]
    assert [data["output"] for kind, data in told if kind == "verification"][-1] == "1 are missing\n"
    assert [data["text"] for _, data in bench.events("message") if data["role"] == "user"] == [
        bench.told(turn) for turn in (1, 2, 3)
    ]


def test_a_verification_that_never_passes_fails_the_job_after_so_many_turns(bench: Bench) -> None:
    bench.asks(verify("echo no such thing; exit 3", verify_attempts=1), "done")

    note = bench.run()

    assert (note["ending"], note["reason"], note.get("checked")) == ("failed", "verification_failed", None)
    assert "ended with code 3, 2 times in all:\nno such thing" in str(note["error"])
    assert not (bench.folder / "told-3").exists()
    assert bench.events("result")[0][1]["text"] == "done"


def test_a_verification_that_takes_too_long_has_failed_and_leaves_nothing_behind(bench: Bench) -> None:
    wait = f"{shlex.quote(sys.executable)} -c 'import time; time.sleep(600)'"
    asked = verify(f"{wait} & echo $! > child; wait", verify_attempts=0)
    asked["verify"] = {**dict(asked["verify"]), "timeout_seconds": 0.5}  # type: ignore[arg-type]
    bench.asks(asked, "done")

    note = bench.run()

    assert note["reason"] == "verification_failed"
    assert str(note["error"]).endswith(" did not end within 0.5 seconds:\n(it printed nothing)")
    assert not _lives(int((bench.folder / "child").read_text()))


def test_a_verification_may_be_silent_for_as_long_as_its_own_time_limit_says(bench: Bench) -> None:
    """How long the agent's model may be silent is another matter."""
    bench.asks(verify("sleep 0.8"), "done", stalls={"told_after_seconds": 0.1, "stopped_after_seconds": 0.3})

    assert bench.run()["checked"] is True


def test_a_job_that_is_stopped_while_it_is_verified_is_stopped_and_proved_by_nobody(bench: Bench) -> None:
    bench.asks(verify("echo $$ > pid; sleep 600"), "done")
    process = bench.start()
    pid = wait_until(lambda: _number_in(bench.folder / "pid"), "the verification runs")

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=30) == 143
    assert bench.note() == {"ending": "stopped", "exit_code": 143}
    assert not _lives(pid)


def test_a_verification_runs_in_the_sandbox_of_the_agent_with_its_environment_and_tells_no_secret(
    bench: Bench,
) -> None:
    box: dict[str, Json] = {"sandbox": {"command": ["env", "IN_BOX=yes"]}}
    secret: dict[str, Json] = {"options": {"env": {"KEY": "${env:AGENT_SECRET_KEY}"}}}
    bench.asks(verify('echo "$KEY $IN_BOX $AGENT_SESSION_ID"; test -z "$AGENT_OUTCOME_FILE"'), "done", **box, **secret)

    note = bench.run(AGENT_SECRET_KEY="word-that-nobody-may-see")

    ((_, found),) = bench.events("verification")
    assert note["checked"] is True
    assert str(found["output"]).endswith(" yes ses_1\n")
    assert "word-that-nobody" not in json.dumps([asked.body for asked in bench.runtime.asked])


def test_a_result_of_which_a_shape_is_asked_is_asked_for_once_more_and_told_as_output(bench: Bench) -> None:
    fits = 'Here it is:\n```json\n{"count": 3}\n```\n'
    bench.asks({"output_schema": SCHEMA, **verify("test -e told-2")}, "I counted three", fits)

    note = bench.run()

    assert note["checked"] is True
    assert bench.told(1).startswith("do it\n\n[Your last message has to be one JSON value")
    assert "it is not JSON" in bench.told(2)
    assert json.dumps(SCHEMA) in bench.told(2)
    (result,) = (data for _, data in bench.events("result"))
    assert (result["output"], result["text"]) == ({"count": 3}, fits)


def test_a_result_that_twice_has_not_the_shape_fails_the_job_and_is_kept(bench: Bench) -> None:
    bench.asks({"output_schema": SCHEMA}, '{"count": "three"}')

    note = bench.run()

    assert (note["reason"], note.get("checked")) == ("output_invalid", None)
    assert "$.count: 'three' is not of type 'integer'" in str(note["error"])
    assert "output" not in bench.events("result")[0][1]
    assert not (bench.folder / "told-3").exists()


def test_what_the_turns_of_one_job_use_is_added_up() -> None:
    sum_of_both = together(
        Outcome(Ending.COMPLETED, usage=Usage(1, 2, 3, 4), cost_usd=0.5, model_calls=2),
        Outcome(Ending.COMPLETED, "later", usage=Usage(10, 20, 30, 40)),
    )

    assert sum_of_both == Outcome(Ending.COMPLETED, "later", usage=Usage(11, 22, 33, 44), cost_usd=0.5, model_calls=2)


def test_a_check_that_this_version_knows_nothing_of_is_never_passed_over(bench: Bench) -> None:
    bench.asks({"reviewed_by": "somebody"}, "done")

    note = bench.run()

    assert (note["ending"], note["reason"]) == ("failed", "invalid_parameters")
    assert not (bench.folder / "told-1").exists()
    with pytest.raises(UnexpectedAnswerError, match="there is no 'reviewed_by' in what the job asks"):
        Checks.read({"reviewed_by": "somebody"})


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "it is empty"),
        ("NaN", "is not a number of JSON"),
        ('"' + "x" * 200_000 + '"', "it is larger than"),
        ("[" * 100_000, "it is not JSON"),
        ('"\\ud800"', "it is not JSON"),
        ("1e999", "it is not JSON"),
    ],
)
def test_an_output_that_nobody_could_keep_is_refused(text: str, wrong: str) -> None:
    assert wrong in str(asyncio.run(output_of(text, {})).wrong)


def test_a_schema_that_takes_for_ever_or_names_another_place_costs_seconds_and_fetches_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away: dict[str, Json] = {"$ref": "http://127.0.0.1:9/schema.json"}
    assert "it cannot be checked" in str(asyncio.run(output_of("1", away)).wrong)

    monkeypatch.setattr(output_module, "CHECK_SECONDS", 1.5)
    slow: dict[str, Json] = {"type": "string", "pattern": "^(a+)+$"}
    assert "could not be checked within 1.5 seconds" in str(asyncio.run(output_of(f'"{"a" * 60}!"', slow)).wrong)


def test_what_is_asked_of_an_end_is_typed_and_ordered(bench: Bench) -> None:
    created: Json = {"job_id": "job_2", "status": "pending", "session_id": "ses_2", "session_name": "two"}
    bench.runtime.route("POST", "/jobs", Reply(created, 201))
    (bench.folder / "shape.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    order = ("ao-start", "two", "--agent", "x", "-p", "x", "-d")

    typed = (
        "--verify",
        "make test",
        "--verify-timeout",
        "20m",
        "--verify-attempts",
        "1",
        "--output-schema",
        "shape.json",
    )
    said = bench.commands.run(*order, *typed, "--output-schema", "shape.json")
    wrong = [
        bench.commands.run(*order, *words)
        for words in (
            *(("--verify-attempts", "1"), ("--verify-timeout", "1h"), ("--verify", " ")),
            *(("--output-schema", "no-such"), ("--output-schema", "{")),
        )
    ]

    (asked,) = bench.runtime.of("POST", "/jobs")
    assert said.exit_code == 0
    assert asked.body["verify"] == {"command": ["sh", "-c", "make test"], "timeout_seconds": 1200}
    assert (asked.body["verify_attempts"], asked.body["output_schema"]) == (1, SCHEMA)
    assert [one.exit_code for one in wrong] == [2, 2, 2, 2, 2]
    assert "there is nothing to be told of" in wrong[0].err
    assert "No such file" in wrong[3].err
    assert "it is not JSON" in wrong[4].err


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def _number_in(path: Path) -> int | None:
    return int(text) if path.exists() and (text := path.read_text().strip()) else None
