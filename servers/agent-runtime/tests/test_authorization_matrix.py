"""Every route, asked by every role, about what is its own and what is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from agent_runtime.http.door.rules import REGISTER, RULES, STATUS, Body, Rule
from agent_runtime.services.access.callers import Role
from support.desk import Desk, JsonObject, fresh, part, proof, read, text
from support.runtime_process import RuntimeProcess

OPEN = {"/health", "/login"}
AGENTS_OWN = ("/sessions/{session}", "/jobs/{job_id}", "/questions")
ANYBODY_READS = {"/openapi.json", "/agents", "/agents/{name}"}


def may(role: Role, rule: Rule) -> bool:
    """What is promised to each role, said apart from the table that is tested."""
    is_ordering = (rule.method, rule.path) in {("POST", "/jobs"), ("GET", "/sessions"), ("GET", "/events/stream")}
    # What a launcher looks up on its machine is for people.
    is_own_agents = is_ordering or (rule.path.startswith(AGENTS_OWN) and not rule.path.endswith("/changes"))
    looks = rule.method == "GET" and not rule.path.startswith(("/launcher/", "/tokens", "/audit", "/webhooks"))
    match role:
        case Role.USER:
            return True
        case Role.VIEWER:
            return looks or rule.path == "/logout" or rule.path in OPEN
        case Role.LAUNCHER:
            own = rule.path.startswith("/launcher/") or (rule.method, rule.path) == (
                "DELETE",
                "/launchers/{launcher_id}",
            )
            return own or rule.path in OPEN or (looks and rule.path in ANYBODY_READS)
        case Role.SESSION:
            return is_own_agents or rule.path in OPEN or (looks and rule.path in ANYBODY_READS)


@dataclass
class Party:
    """Somebody with a token, and the launcher, session and job that belong to them."""

    desk: Desk
    names: dict[str, str] = field(default_factory=dict)
    proof: JsonObject = field(default_factory=dict)


@dataclass
class World:
    """Two parties of each role on one runtime."""

    runtime: RuntimeProcess
    user: Desk
    tokens: dict[str, str] = field(default_factory=dict)
    lasting: dict[Role, Party] = field(default_factory=dict)

    @contextmanager
    def somebody(self, role: Role, rule: Rule) -> Iterator[Party]:
        """A party to call a route; a new one if the route may end its session, its job or its launcher."""
        if any(word in rule.path for word in ("{session}", "{job_id}", "{question_id}", "{launcher_id}", "/launcher/")):
            party = self.party(role, 1)
            with party.desk:
                yield party
            return
        if role not in self.lasting:
            self.lasting[role] = self.party(role, 1)
        yield self.lasting[role]

    def token(self, role: Role, which: int) -> str:
        """A named token, made at its first use."""
        name = f"{role}-{which}"
        if name not in self.tokens:
            made = read(self.user.post("/tokens", {"name": name, "role": role}), 201)
            self.tokens[name] = text(made["token"])
        return self.tokens[name]

    def party(self, role: Role, which: int) -> Party:
        """A running session, with the launcher that runs it; who calls is of this role."""
        # A job that another test left waiting would be handed to this launcher first.
        for waiting in self.user.get("/jobs", status="pending").json()["jobs"]:
            self.user.post(f"/jobs/{waiting['job_id']}/stop", {})
        with Desk(self.runtime.url, self.token(Role.LAUNCHER, which)) as launcher:
            launcher_id = text(read(launcher.post("/launcher/register", {"name": fresh()}))["launcher_id"])
            made = self.user.start(launcher_id=launcher_id)
            found = part(read(launcher.get("/launcher/jobs", launcher_id=launcher_id, wait=5))["job"])
            job: JsonObject = {**found, "launcher_id": launcher_id}
            read(launcher.post(f"/launcher/jobs/{made['job_id']}/started", proof(job)))
        named = {Role.USER: self.runtime.token, Role.SESSION: text(found["session_token"])}
        names = {
            "session": text(found["session_name"]),
            "job_id": text(found["job_id"]),
            "launcher_id": launcher_id,
            "name": fresh(),
            "token_name": fresh(),
            "inquiry_id": "inq_1",
            "hold_id": fresh(),
            "webhook": fresh(),
            "delivery_id": fresh(),
        }
        asked: JsonObject = {"kind": "text", "call_id": fresh(), "text": "Which?", "session_name": names["session"]}
        names["question_id"] = text(part(read(self.user.post("/questions", asked), 201)["question"])["question_id"])
        return Party(Desk(self.runtime.url, named.get(role) or self.token(role, which)), names, proof(job))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # Its launchers do not beat, and an agent's token ends with its job: nothing may turn lost on a slow machine.
    patient = {"LAUNCHER_HEARTBEAT_TIMEOUT": "3600"}
    process = RuntimeProcess(tmp_path_factory.mktemp("matrix"), environment=patient)
    process.start()
    with Desk(process.url, process.token) as user:
        made = World(process, user)
        yield made
        for party in made.lasting.values():
            party.desk.http.close()
    process.stop()


def ask(caller: Party, about: Party, rule: Rule) -> tuple[int, str]:
    """Call a route about what belongs to somebody; the status, and the code of a refusal."""
    path = rule.path.format(**about.names)
    query = {"launcher_id": about.names["launcher_id"], "wait": "0", "offset": "0"}
    headers = {
        "X-Launcher-Id": about.names["launcher_id"],
        "Content-Type": "application/octet-stream" if rule.body is Body.BYTES else "application/json",
    }
    json_body = dict(about.proof) if rule.path.startswith("/launcher/") else {}
    sends = rule.method != "GET" and rule.body is not Body.BYTES
    with caller.desk.http.stream(
        rule.method,
        path,
        params=query if rule.path.startswith("/launcher") else None,
        json=json_body if sends else None,
        headers=headers if not sends else {"X-Launcher-Id": about.names["launcher_id"]},
    ) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, ""
        answer.read()
        said = answer.json() if answer.status_code >= 400 else {}
        return answer.status_code, str(said.get("code", ""))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.method}-{rule.path}")
def test_a_role_reaches_its_own_as_promised_and_nothing_else(world: World, rule: Rule, role: Role) -> None:
    with world.somebody(role, rule) as caller:
        status, code = ask(caller, caller, rule)

    assert (code != "forbidden") == may(role, rule), (status, code)
    assert code != "unauthorized"
    assert status < 500


FENCED = [
    (rule, role)
    for rule in RULES
    for role, parts in (
        (Role.SESSION, ("{session}", "{job_id}", "{question_id}")),
        (Role.LAUNCHER, ("/launcher/", "{launcher_id}")),
    )
    if may(role, rule) and any(word in rule.path for word in parts) and rule.path != REGISTER
]


@pytest.mark.parametrize(("rule", "role"), FENCED, ids=lambda one: f"{one.method}-{one.path}" if one in RULES else one)
def test_what_belongs_to_somebody_else_is_refused(world: World, rule: Rule, role: Role) -> None:
    caller, other = world.party(role, 1), world.party(role, 2)
    with caller.desk, other.desk:
        status, code = ask(caller, other, rule)

    # A stranger learns nothing: not even whether there is what it names.
    things = {"job_id": "job_unknown", "question_id": "question_unknown"}
    thing = next((code for name, code in things.items() if name in rule.path), "session_unknown")
    unknown = "launcher_unknown" if role is Role.LAUNCHER else thing
    assert (status, code) == ((200, "") if rule.path == STATUS else (404, unknown))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.method}-{rule.path}")
def test_who_has_no_token_reaches_nothing_but_health_and_the_login(world: World, rule: Rule) -> None:
    named = ("session", "job_id", "question_id", "launcher_id", "name", "token_name", "inquiry_id", "hold_id")
    about = Party(world.user, dict.fromkeys((*named, "webhook", "delivery_id"), "x"))
    with Desk(world.runtime.url, None) as stranger:
        status, code = ask(Party(stranger), about, rule)

    assert (code == "unauthorized") == (rule.path not in OPEN), (status, code)


def test_a_launcher_that_names_two_launchers_is_refused(world: World) -> None:
    caller, other = world.party(Role.LAUNCHER, 1), world.party(Role.LAUNCHER, 2)
    own, foreign = caller.names["launcher_id"], other.names["launcher_id"]
    with caller.desk, other.desk:
        doubled = caller.desk.http.get(f"/launcher/jobs?launcher_id={foreign}&launcher_id={own}&wait=0")
        registered = read(caller.desk.post(REGISTER, {"launcher_id": foreign, "holding": []}))
        read(other.desk.post("/launcher/heartbeat", {"launcher_id": foreign}))

    assert doubled.status_code == 404
    assert registered["launcher_id"] not in (own, foreign)
    assert read(world.user.get(f"/jobs/{other.names['job_id']}"))["status"] == "running"


def test_a_launcher_with_the_id_of_its_own_does_not_report_for_another_ones_job(world: World) -> None:
    caller, other = world.party(Role.LAUNCHER, 1), world.party(Role.LAUNCHER, 2)
    forged = {**other.proof, "launcher_id": caller.names["launcher_id"], "error": "x"}
    with caller.desk, other.desk:
        for call in ("started", "completed", "failed", "stopped", "declined"):
            answer = caller.desk.post(f"/launcher/jobs/{other.names['job_id']}/{call}", forged)
            assert (answer.status_code, answer.json()["code"]) == (409, "not_current"), call


def test_an_agent_speaks_as_itself_whatever_its_header_says(world: World) -> None:
    caller, other = world.party(Role.SESSION, 1), world.party(Role.SESSION, 2)
    order = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x"}
    with caller.desk, other.desk:
        header = {"X-Agent-Session-Name": other.names["session"]}
        made = read(caller.desk.http.post("/jobs", json=order, headers=header), 201)

    assert (
        part(read(world.user.get(f"/sessions/{made['session_name']}"))["session"])["parent_session_name"]
        == (caller.names["session"])
    )


def test_an_agent_starts_no_session_outside_its_tree(world: World) -> None:
    caller, other = world.party(Role.SESSION, 1), world.party(Role.SESSION, 2)
    with caller.desk, other.desk:
        for parent in ("same", other.names["session"]):
            name = fresh()
            order = {"type": "start_session", "session_name": name, "agent_name": "echo", "prompt": "x"}
            order["parent_session_name"] = name if parent == "same" else parent
            answer = caller.desk.post("/jobs", dict(order))
            told = (answer.status_code, answer.json()["code"])
            assert told == ((403, "forbidden") if parent == "same" else (404, "parent_unknown"))


def test_an_agent_cannot_raise_its_limits(world: World) -> None:
    caller = world.party(Role.SESSION, 1)
    name = caller.names["session"]
    tight: JsonObject = {"type": "resume_session", "session_name": name, "prompt": "x", "limits": {"max_children": 1}}
    with caller.desk:
        read(world.user.post("/jobs", tight), 201)
        read(caller.desk.post("/jobs", {**tight, "limits": {"max_children": 100}}), 201)
        child: JsonObject = {"type": "start_session", "agent_name": "echo", "prompt": "x"}
        read(caller.desk.post("/jobs", {**child, "session_name": fresh()}), 201)
        second = caller.desk.post("/jobs", {**child, "session_name": fresh()})

    assert second.json()["code"] == "too_many_children"
