"""Secrets in blueprints: where references become values, where they may not stand, and where nobody is shown them."""

import json
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_backends.installation import installation_of
from agent_backends.protocol import CannotRunError
from agent_backends.redaction import REDACTED, RedactedStream, Secrets
from agent_backends.sandbox.settings import Neighbourhood
from agent_backends.turn.local_blueprint import blueprint_of
from agent_backends.turn.references import Resolver
from runtime_client.models import Agent
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject
from support.commands import Commands
from support.stand_in_runtime import Reply, StandInRuntime, stand_in_runtime

SECRET = 'hunter2-"quoted"-ü/€'
ENVIRONMENT = {"HOME": "/home/u", "AGENT_SECRET_KEY": SECRET, "PLAIN": "plain-value", "NOTHING": ""}

NOWHERE = installation_of(Path("/nowhere/bin/ao-start"))


def resolver(**more: str) -> Resolver:
    return Resolver("tester", {"AGENT_SESSION_NAME": "one"}, {**ENVIRONMENT, **more})


def agent(**fields: object) -> Agent:
    told: JsonObject = {"name": "tester", "backend": "command", "command": ["x"], **fields}  # type: ignore[dict-item]
    return Agent.read(told)


def fill_in(said: Agent) -> None:
    asked = resolver()
    blueprint_of(said, NOWHERE, asked, Neighbourhood(Path("/home/u")))
    asked.environment(said.options)


def refused(said: Agent) -> CannotRunError:
    with pytest.raises(CannotRunError) as found:
        fill_in(said)
    return found.value


def test_references_become_values_in_the_servers_settings_and_in_the_agents_environment(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("file-secret\r\n", encoding="utf-8")
    server: JsonObject = {
        "command": "serve",
        "args": ["--for", "${AGENT_SESSION_NAME}"],
        "env": {"KEY": "${env:AGENT_SECRET_KEY}", "WHO": "${AGENT_SESSION_NAME}", "OTHER": "${THEIRS}"},
        "headers": {"Authorization": f"Bearer ${{file:{key}}}"},
    }
    asked = resolver()
    said = agent(mcp_servers={"lab": server}, options={"env": {"B": "a-${env:PLAIN}-b"}, "other": 1})

    blueprint = blueprint_of(said, NOWHERE, asked, Neighbourhood(Path("/home/u")))

    assert blueprint.mcp_servers["lab"] == {
        "command": "serve",
        "args": ["--for", "one"],
        "env": {"KEY": SECRET, "WHO": "one", "OTHER": "${THEIRS}"},
        "headers": {"Authorization": "Bearer file-secret"},
    }
    assert asked.environment(said.options) == {"B": "a-plain-value-b"}
    assert blueprint.options == {"other": 1}
    assert set(asked.secrets().spellings) >= {SECRET, "file-secret", "plain-value"}


def test_what_a_secret_holds_is_not_looked_at_again() -> None:
    asked = resolver(TRICK="${env:PLAIN} ${AGENT_SESSION_NAME}")

    assert asked.environment({"env": {"T": "${env:TRICK}"}}) == {"T": "${env:PLAIN} ${AGENT_SESSION_NAME}"}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("${env:NOWHERE}", r"'${env:NOWHERE}' in options.env.T is not set (set it in the launcher's environment)"),
        ("${env:NOTHING}", "'${env:NOTHING}' in options.env.T is empty"),
        ("${file:/no/such/file}", "cannot be read on this machine: No such file or directory"),
        ("${file:/dev/null}", "cannot be read on this machine: it is no file"),
        ("${file:/tmp}", "cannot be read on this machine"),
        ("${file:~/absent}", "cannot be read on this machine"),
    ],
)
def test_a_missing_secret_is_a_failure_with_a_code_and_says_where_it_was_looked_for(value: str, sentence: str) -> None:
    found = refused(agent(options={"env": {"T": value}}))

    assert found.outcome.reason is Reason.SECRET_MISSING
    assert str(found).startswith("cannot run agent 'tester': ")
    assert sentence in str(found)


@pytest.mark.parametrize("content", [b"", b"\n", b"a\0b", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_cannot_be_a_secret_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    found = refused(agent(options={"env": {"T": f"${{file:{path}}}"}}))

    assert found.outcome.reason is Reason.SECRET_MISSING
    assert "xxx" not in str(found)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ["sh", "-c", "echo ${env:PLAIN}"]},
        {"model": "${env:PLAIN}"},
        {"options": {"client_path": "${file:/etc/passwd}"}},
        {"options": {"allowed_tools": ["Bash(${env:PLAIN})"]}},
        {"mcp_servers": {"lab": {"command": "${env:PLAIN}"}}},
        {"mcp_servers": {"lab": {"args": ["--token", "${env:PLAIN}"]}}},
        {"options": {"env": {"AGENT_RUNTIME_TOKEN": "x"}}},
        {"options": {"env": {"A=B": "x"}}},
        {"options": {"env": {"A": 1}}},
        {"options": {"env": ["A"]}},
        {"options": {"env": {"A": "${env:}"}}},
        {"options": {"env": {"A": "${file:relative}"}}},
    ],
)
def test_a_reference_in_a_command_line_and_an_environment_that_cannot_be_are_refused(fields: JsonObject) -> None:
    found = refused(agent(**fields))

    assert found.outcome.reason is Reason.INVALID_PARAMETERS
    assert "plain-value" not in str(found)


def test_a_text_is_told_without_the_secret_however_it_is_written() -> None:
    secrets = Secrets.of([SECRET, "short", "-----BEGIN-----\nline-one\r\nline-two\n"])
    in_json = f"{json.dumps(SECRET)} c {json.dumps(SECRET, ensure_ascii=False)}"
    told = f"a {SECRET} b {in_json} hunter2-%22quoted%22-%C3%BC%2F%E2%82%AC"

    assert secrets.hidden_in(told) == f'a {REDACTED} b "{REDACTED}" c "{REDACTED}" {REDACTED}'
    assert secrets.hidden_in("line-two, line-one\nshort") == f"{REDACTED}, {REDACTED}\nshort"
    assert secrets.hidden_in_object({SECRET: [{"x": f"<{SECRET}>"}, 1, None]}) == {
        REDACTED: [{"x": f"<{REDACTED}>"}, 1, None]
    }
    assert SECRET not in repr(secrets)


def test_of_two_secrets_that_overlap_nothing_of_the_longer_one_is_left() -> None:
    assert Secrets.of(["secret", "secret-and-more"]).hidden_in("secret-and-more secret") == f"{REDACTED} {REDACTED}"


def streamed(stream: RedactedStream, pieces: list[bytes]) -> bytes:
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.finish()])


def test_a_secret_is_hidden_wherever_the_output_is_cut() -> None:
    secrets = Secrets.of([SECRET, "secret", "secret-and-more", "abababab", "line one\nline two"])
    words = f"{SECRET}{SECRET} secret secret-and-mor secret-and-more ababababab"
    text = f"{words} line one\nline two\n abab{SECRET[:5]}".encode()
    whole = streamed(RedactedStream(secrets), [text])
    chance = random.Random(5)

    for _ in range(300):
        cuts = sorted(chance.sample(range(len(text) + 1), chance.randrange(1, 12)))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert streamed(RedactedStream(secrets), pieces) == whole
    assert streamed(RedactedStream(secrets), [bytes([byte]) for byte in text]) == whole
    assert whole.decode() == secrets.hidden_in(text.decode())


def test_output_that_cannot_become_a_secret_is_not_held_back() -> None:
    stream = RedactedStream(Secrets.of(["secret-word"]))

    assert [stream.feed(b"ready\n"), stream.feed(b"sec"), stream.feed(b"ond"), stream.finish()] == [
        *(b"ready\n", b"", b"second", b"")
    ]
    assert RedactedStream(Secrets()).feed(b"sec") == b"sec"


SESSION = {"session_id": "ses_1", "session_name": "one", "status": "running", "agent_name": "tester"}
TALKS = """
import json, os, sys, time
key = os.environ["KEY"]
def say(out, text):
    for at in range(0, len(text), 3):
        os.write(out, text[at:at + 3])
        time.sleep(0.002)
say(1, f"the key is {key}\\n".encode())
say(2, f"trouble with {key}\\n".encode())
print(sys.stdin.read(), os.environ["AGENT_RUNTIME_TOKEN"])
print("\\0".join(open(f"/proc/{os.getppid()}/cmdline").read().split("\\0") + sys.argv).count(key), "in arguments")
print("AGENT_SECRET_KEY" in os.environ, "AGENT_RUNTIME_DATABASE_URL" in os.environ)
sys.exit(int("fail" in os.environ["AGENT_SESSION_NAME"]))
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[StandInRuntime]:
    script = tmp_path / "agent.py"
    script.write_text(TALKS, encoding="utf-8")
    with stand_in_runtime() as started:
        described: JsonObject = {
            "name": "tester",
            "backend": "command",
            "command": ["python3", str(script)],
            "options": {"env": {"KEY": "${env:AGENT_SECRET_KEY}"}},
        }
        started.route("GET", "/agents/tester", Reply(described))
        for name in ("one", "fail"):
            session = {**SESSION, "session_name": name}
            started.route("GET", f"/sessions/{name}", Reply({"session": session}))
        started.route("POST", "/sessions/ses_1/events", Reply({"events": []}))
        started.route("PATCH", "/sessions/ses_1/metadata", Reply({"session": SESSION}))
        yield started


@pytest.mark.parametrize(("name", "status"), [("one", 0), ("fail", 1)])
def test_nothing_that_is_told_of_a_turn_holds_its_secrets(
    runtime: StandInRuntime, tmp_path: Path, name: str, status: int
) -> None:
    said = Commands(runtime.url, tmp_path, token="token-of-the-session").run(
        *("ao-start", name, "--agent", "tester", "--project-dir", str(tmp_path)),
        stdin=f"use {SECRET}",
        environment={
            "AGENT_JOB_ID": "job_1",
            "AGENT_SESSION_NAME": name,
            "AGENT_OUTCOME_FILE": str(tmp_path / "outcome.json"),
            "AGENT_SECRET_KEY": SECRET,
            "AGENT_RUNTIME_DATABASE_URL": "postgresql://u:p@h/d",
        },
    )

    note = (tmp_path / "outcome.json").read_text("utf-8") if status else ""
    batches = [json.dumps(asked.body, ensure_ascii=False) for asked in runtime.of("POST", "/sessions/ses_1/events")]
    events = [event for batch in batches for event in json.loads(batch)["events"]]
    everything = "\n".join([*batches, note, said.out, said.err])
    assert said.exit_code == status, said.err
    for secret in (SECRET, json.dumps(SECRET, ensure_ascii=False)[1:-1], "token-of-the-session"):
        assert secret not in everything
    result = [event["data"]["text"] for event in events if event["type"] == "result"]
    assert result == [f"the key is {REDACTED}\nuse {REDACTED} {REDACTED}\n0 in arguments\nFalse False\n"]
    assert f"trouble with {REDACTED}\n" in said.err
    assert (f"trouble with {REDACTED}" in note) is bool(status)


def test_a_missing_secret_fails_the_job_before_the_agent_runs(runtime: StandInRuntime, tmp_path: Path) -> None:
    said = Commands(runtime.url, tmp_path, token="token-of-the-session").run(
        *("ao-start", "one", "--agent", "tester", "--prompt", "x", "--project-dir", str(tmp_path)),
        environment={
            "AGENT_JOB_ID": "job_1",
            "AGENT_SESSION_NAME": "one",
            "AGENT_OUTCOME_FILE": str(tmp_path / "outcome.json"),
        },
    )

    note = json.loads((tmp_path / "outcome.json").read_text("utf-8"))
    assert (said.exit_code, said.out, note["reason"]) == (1, "", "secret_missing")
    assert "'${env:AGENT_SECRET_KEY}' in options.env.KEY is not set" in note["error"]
    assert stat.S_IMODE((tmp_path / "outcome.json").stat().st_mode) == 0o600
    assert runtime.of("POST", "/sessions/ses_1/events") == []
