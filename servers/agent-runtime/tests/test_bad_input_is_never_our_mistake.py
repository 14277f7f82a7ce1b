"""Whatever a caller sends, the answer is typed and never a 500: every route is tried with odd input of every kind."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime.http.door.rules import RULES, Body, Rule
from support.desk import Desk, Json, JsonObject, fresh, part, read, text
from support.runtime_process import RuntimeProcess

# What clears everything or waits for something to happen is tried by tests of its own.
UNSUITABLE = frozenset({("GET", "/events/stream"), ("DELETE", "/sessions")})
ROUTES = [rule for rule in RULES if (rule.method, rule.path) not in UNSUITABLE]

ATTEMPT: JsonObject = {"launcher_id": "lnch_" + "0" * 26, "attempt": 1, "token": "t"}
SOUND: Mapping[str, JsonObject] = {
    "/jobs": {"type": "start_session", "session_name": "x", "prompt": "p", "agent_name": "echo"},
    "/launcher/register": {"name": "n", "labels": {}, "holding": [], "max_jobs": 1, "backends": ["x"]},
    "/launcher/heartbeat": {**ATTEMPT, "holding": [{"job_id": "j", "attempt": 1, "token": "t"}], "unreported": 0},
    "/sessions/{session}/events": {"type": "result", "data": {"text": "t"}},
    "/questions": {"kind": "choice", "call_id": "c", "text": "t", "choices": [{"label": "l"}], "input": {}},
    "/questions/{question_id}/answer": {"answer": "l"},
    "/agents": {"name": "a", "description": "d", "limits": {}},
    "/agents/{name}": {"description": "d", "labels": {"a": "b"}, "mcp_servers": {}},
    "/sessions/{session}/metadata": {"hostname": "h"},
    "/webhooks": {"name": "w", "url": "https://hooks.example/x", "secret": "${env:NOWHERE}"},
}
NUMBERS = (0, 1, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 0.5, -0.0, 1e308)
WORDS = (
    *("", "x", "start_session", "resume_session", "echo", "message", "ses_x", "job_0", "lnch_0", "../..", "/", "null"),
    *("%00", "\u202e", "é", "💥", "a" * 300, "'; DROP TABLE jobs; --", "\r\nX: y", "-1", "NaN", "1e400", "²", "٣"),
    *("2026-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "\u0000", "\ud800"),
)
FIELDS = sorted(
    {key for sound in SOUND.values() for key in sound} | {"at", "job_id", "not_before", "usage", "cost_usd"}
)
FIELDS += [
    "priority",
    "timeout_seconds",
    "launcher_id",
    "exit_code",
    "signal",
    "ended_at",
    "log_bytes",
    "events",
    "error",
]
FIELDS += [
    "client_event_id",
    "project_dir",
    "parent_session_name",
    "command",
    "epoch",
    "reason",
    "max_attempts",
    "command",
]
QUERIED = [
    "after",
    "limit",
    "cursor",
    "types",
    "status",
    "agent",
    "parent",
    "tree",
    "q",
    "session",
    "launcher",
    "attempt",
]
QUERIED += ["offset", "force", "epoch", "slots", "batch", "refuse", "launcher_id", "before", "last"]

SCALARS = st.sampled_from([*WORDS, *NUMBERS, True, None]) | st.text(max_size=12)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FIELDS, *WORDS]), inner, max_size=3),
    max_leaves=6,
)
CHANGES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=2)
TEXTS = [word for word in WORDS if word not in ("\ud800",)] + [str(number) for number in NUMBERS]
QUERIES = st.dictionaries(st.sampled_from(QUERIED), st.sampled_from(TEXTS), max_size=2)
ODD_BODIES = st.none() | st.binary(max_size=40) | VALUES.map(lambda value: json.dumps(value).encode())
ODD_NAMES = ("ses_x", "%00", "%FF", "%2e%2e", "a" * 300, "%F0%9F%92%A5", "job_" + "0" * 26, "'--")


@dataclass
class Target:
    """A runtime with things in it that a path can name."""

    desk: Desk
    names: Mapping[str, str]

    def path(self, rule: Rule, odd_name: str | None) -> str:
        """The rule's path with names that exist, or with an odd one."""
        return "/".join(
            (odd_name or self.names[piece[1:-1]]) if piece.startswith("{") else piece for piece in rule.path.split("/")
        )


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    # A runtime of its own: what is sent here by chance also deactivates agents and deletes sessions.
    runtime = RuntimeProcess(tmp_path_factory.mktemp("hurt")).start()
    with Desk(runtime.url, runtime.token) as desk:
        made = desk.start()
        launcher = text(read(desk.post("/launcher/register", {}))["launcher_id"])
        # An agent of its own: switched off or overwritten, it is missed by no other test.
        agent = text(read(desk.post("/agents", {"name": fresh(), "command": ["true"]}), 201)["name"])
        names = {"session": text(made["session_name"]), "job_id": text(made["job_id"]), "launcher_id": launcher}
        unknown = {"callback_id": "cb_" + "0" * 26, "question_id": "qst_" + "0" * 26, "token_name": "nobody"}
        unknown |= {"hold_id": "hold_none", "webhook": "nobody", "delivery_id": "msg_none", "inquiry_id": "inq_none"}
        yield Target(desk, {**names, "name": agent, **unknown})
        desk.stop_what_waits()
    runtime.stop()


@pytest.mark.parametrize("rule", ROUTES, ids=lambda rule: f"{rule.method} {rule.path}")
@given(
    changes=CHANGES,
    odd_body=ODD_BODIES,
    query=QUERIES,
    odd_name=st.sampled_from([None, None, *ODD_NAMES]),
)
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_input_makes_a_route_fail(
    target: Target,
    rule: Rule,
    changes: JsonObject,
    odd_body: bytes | None,
    query: dict[str, str],
    odd_name: str | None,
) -> None:
    sound = {**SOUND.get(rule.path, ATTEMPT), "session_name": fresh(), **changes}
    content = odd_body if odd_body is not None else json.dumps(sound).encode()
    kind = "application/octet-stream" if rule.body is Body.BYTES else "application/json"
    attempt = query.get("attempt", "1")

    answer = target.desk.http.request(
        rule.method,
        target.path(rule, odd_name),
        content=content if rule.method not in ("GET", "DELETE") else None,
        params={"wait": "0", **query},
        headers={
            "Content-Type": kind,
            "X-Launcher-Id": "lnch_x",
            "X-Job-Attempt": attempt if attempt.isascii() and attempt.isdigit() else "1",
        },
    )

    assert answer.status_code < 500, f"{sound} {query}: {answer.text}"
    if answer.status_code >= 400:
        said = part(answer.json())
        assert text(said["code"])
        assert "\n" not in text(said["detail"])
        assert len(text(said["detail"])) < 700
