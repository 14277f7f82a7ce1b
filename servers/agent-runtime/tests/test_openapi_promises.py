"""What the document of the API promises is what the runtime does: schemathesis writes the requests from it.

The requests are the same at each run: every bound, every missing and every wrong part that the document names.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from agent_runtime.http.door.rules import RULES, Rule
from support.desk import Desk, JsonObject, fresh, items, part, proof, read, text
from support.runtime_process import RuntimeProcess

if TYPE_CHECKING:
    from schemathesis.specs.openapi.schemas import OpenApiOperation

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "reference" / "openapi.json"
PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Case: TypeAlias = "schemathesis.Case[OpenApiOperation]"
BOTH = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
# A stream has no end; test_live.py reads it.
ENDLESS = "/events/stream"
# One asks and another one answers: alone, neither hears anything sound; test_changes.py plays both.
OF_TWO = ("/sessions/{session}/changes", "/launcher/inquiries/{inquiry_id}")
ROUTES = [rule for rule in RULES if rule.path not in (ENDLESS, "/openapi.json")]

WEBHOOK: JsonObject = {"url": "${env:NOWHERE}", "secret": "${env:NOWHERE}"}
QUESTION: JsonObject = {"kind": "text", "text": "Which one?", "call_id": "c"}


@pytest.fixture(scope="module")
def document() -> OpenApiSchema:
    """The committed document, which is what the code says (test_rules.py)."""
    generation = GenerationConfig(deterministic=True, with_security_parameters=False, database="none")
    projects = ProjectsConfig(default=ProjectConfig(generation=generation))
    said = loads(DOCUMENT.read_text(encoding="utf-8"))
    return schemathesis.openapi.from_dict(said, config=schemathesis.Config(projects=projects, seed=1))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime of its own: what is sent here by chance also deletes sessions and switches agents off."""
    process = RuntimeProcess(tmp_path_factory.mktemp("promises"), {"LAUNCHER_HEARTBEAT_TIMEOUT": "3600"})
    yield process.start()
    process.leave_nothing()


@pytest.fixture(scope="module")
def line(runtime: RuntimeProcess) -> Iterator[requests.Session]:
    """One connection with the user's token."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@dataclass(frozen=True)
class Scene:
    """Things that exist and that a request can name, made for one route."""

    names: dict[str, str]
    proof: JsonObject


def scene(desk: Desk, rule: Rule) -> Scene:
    """A running session with a result, its launcher, an agent and a token; the job is as the route needs it."""
    desk.stop_what_waits()
    job = desk.run()
    session = text(job["session_name"])
    read(desk.post(f"/sessions/{session}/events", {"type": "result", "data": {"text": "done"}}))
    if (rule.method, rule.path) == ("DELETE", "/sessions/{session}"):
        desk.complete(job)
    if rule.path == "/jobs/{job_id}/retry":
        read(desk.post(f"/launcher/jobs/{job['job_id']}/failed", {**proof(job), "error": "broke"}))
    waits = rule.path == "/jobs/{job_id}/hold" or (rule.path == "/jobs/{job_id}" and rule.method in ("PATCH", "DELETE"))
    claimed = rule.path.endswith(("/started", "/declined"))
    shown = claim(desk, text(job["launcher_id"])) if claimed else job
    agent, token = fresh(), fresh()
    read(desk.post("/agents", {"name": agent, "command": ["true"]}), 201)
    read(desk.post("/tokens", {"name": token, "role": "viewer"}), 201)
    job_id = text(desk.start()["job_id"] if waits else shown["job_id"])
    hold = "hold_" + "0" * 26
    if "{hold_id}" in rule.path:
        desk.use_up_limit(fresh())
        hold = text(items(read(desk.get("/holds"))["holds"])[-1]["hold_id"])
    names = {"session": session, "job_id": job_id, "launcher_id": text(job["launcher_id"])}
    names |= {"inquiry_id": "inq_" + "0" * 26, "hold_id": hold, "name": agent, "token_name": token}
    if "{question_id}" in rule.path:
        asked = part(read(desk.post("/questions", {**QUESTION, "session_name": session}), 201)["question"])
        names["question_id"] = text(asked["question_id"])
        if rule.path.endswith("/take"):
            read(desk.post(f"/questions/{names['question_id']}/answer", {"answer": "that one"}))
    names |= webhook(desk) if rule.path.startswith("/webhooks") else {}
    return Scene(names, proof(shown))


def webhook(desk: Desk) -> dict[str, str]:
    """A webhook with something on its way; it is the only one, for there may be so many."""
    for one in items(read(desk.get("/webhooks"))["webhooks"]):
        read(desk.http.delete(f"/webhooks/{one['name']}"))
    name = text(read(desk.post("/webhooks", {"name": fresh(), **WEBHOOK}), 201)["name"])
    return {"webhook": name, "delivery_id": text(read(desk.post(f"/webhooks/{name}/test"), 201)["delivery_id"])}


def claim(desk: Desk, launcher_id: str) -> JsonObject:
    """A job that was handed out, and not started."""
    desk.start(launcher_id=launcher_id)
    found = part(read(desk.get("/launcher/jobs", launcher_id=launcher_id, wait=5))["job"])
    return {**found, "launcher_id": launcher_id}


def name_what_exists(case: Case, made: Scene, link: str) -> None:
    """Let a sound request speak of things that are there; one that is wrong on purpose keeps what is wrong in it."""
    assert case.meta is not None
    wrong = {
        place for place, how in case.meta.components.items() if how.mode is not schemathesis.GenerationMode.POSITIVE
    }
    if ParameterLocation.PATH not in wrong:
        case.path_parameters = {name: made.names[name] for name in case.path_parameters or {}}
    query = {"launcher_id": made.names["launcher_id"], "link": link}
    query |= dict.fromkeys(("session", "parent", "child"), made.names["session"])
    if ParameterLocation.QUERY not in wrong:
        case.query = {name: query.get(name, value) for name, value in (case.query or {}).items() if name != "cursor"}
    if ParameterLocation.HEADER not in wrong:
        shown = [str(made.proof[name]) for name in ("launcher_id", "attempt", "token")]
        headers = dict(zip(("x-launcher-id", "x-job-attempt", "x-job-token"), shown, strict=True))
        headers |= {"idempotency-key": fresh(), "x-agent-session-name": made.names["session"]}
        for name in case.headers or ():
            case.headers[name] = headers.get(name.lower(), case.headers[name])
    if ParameterLocation.BODY not in wrong and isinstance(case.body, dict):
        body = {**made.proof, "name": fresh(), "session_name": fresh(), "agent_name": "echo", "role": "viewer"}
        body |= {"parent_session_name": made.names["session"], "lifetime_seconds": 60, "until": "2100-01-01T00:00:00Z"}
        case.body = {name: body.get(name, value) for name, value in case.body.items()}
        # What is asked and what is said to it are of kinds, which a schema cannot tell apart.
        if case.path == "/questions":
            case.body |= {**QUESTION, "session_name": made.names["session"], "call_id": fresh()}
        if case.path == "/webhooks":
            case.body |= WEBHOOK
        if case.path == "/questions/{question_id}/answer":
            case.body = {"answer": "that one"}
    if any(parameter.name == "wait" for parameter in case.operation.query):
        case.query["wait"] = 0


@pytest.mark.parametrize("rule", ROUTES, ids=lambda rule: f"{rule.method} {rule.path}")
def test_every_answer_is_one_that_the_document_names(
    document: OpenApiSchema, runtime: RuntimeProcess, line: requests.Session, rule: Rule
) -> None:
    operation = document[rule.path][rule.method.lower()]
    cases = document.iter_coverage_cases(operation, generation_modes=BOTH, generation_config=document.config.generation)
    seen: Counter[int] = Counter()
    with Desk(runtime.url, runtime.token) as desk:
        made = scene(desk, rule)
        for case in cases:
            link = text(read(desk.post("/login-links"), 201)["path"]).partition("=")[2] if rule.path == "/login" else ""
            name_what_exists(case, made, link)
            answer = ask(case, runtime, line)
            case.validate_response(answer, checks=PROMISES)
            seen[answer.status_code] += 1

    is_sound = any(status < 400 for status in seen)
    assert is_sound or rule.path in OF_TWO, f"nothing that was asked was sound: {dict(seen)}"


def ask(case: Case, runtime: RuntimeProcess, line: requests.Session) -> Response:
    """Send a request as it is, with the user's token."""
    headers = {"Authorization": f"Bearer {runtime.token}"}
    return case.call(runtime.url, session=line, headers=headers, allow_redirects=False, timeout=60)
