"""What the document of the API allows, the runtime takes: nothing that is sound by the document is called nonsense.

The requests are drawn at random from the document's schemas, and are the same at each run.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.specs.openapi.schemas import OpenApiSchema

from agent_runtime.http.door.rules import RULES, Rule
from agent_runtime.http.wire.fields import HIDDEN
from support.desk import Desk, fresh
from support.runtime_process import RuntimeProcess

if TYPE_CHECKING:
    from schemathesis.specs.openapi.schemas import OpenApiOperation

Case: TypeAlias = "schemathesis.Case[OpenApiOperation]"

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "reference" / "openapi.json"
EXAMPLES = 30
ROUTES = [rule for rule in RULES if rule.path not in ("/events/stream", "/openapi.json")]
BEYOND_A_SCHEMA = (
    "the 'next_cursor' of an earlier page is expected",  # What a runtime has said, and nobody else knows.
    "cannot choose an agent: none is named",  # What launchers can run decides.
    "'order': 'run' is an order of all pending jobs",  # Two parameters that do not go together.
    "as in the path, or none at all",  # A field that repeats the path.
    "has no option '",  # What an agent's options are, its backend says; so do the next five.
    "options '",
    "option '",
    "cannot be held to '",
    "cannot give way while it asks",
    "there is no backend '",
    "a rule such as 'Bash'",  # What a rule is, has a grammar of its own; so do the next three.
    "takes no pattern",
    "must name a domain",
    "rule '",
    "say the same (keep one)",
    "a question of the kind '",  # Which fields a question has, its kind says; so do the next two.
    "invalid form: ",
    "who is no session must name the one that asks",
    "invalid url: ",  # What may be called, the list of targets says; so do the formats of a secret.
    "invalid secret: ",
)
"""Refusals of what a schema cannot say: they are about more than one value."""


@dataclass
class Heard:
    """How the requests of one route were answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def document() -> OpenApiSchema:
    """The committed document, which is what the code says (test_rules.py); it says of NUL in its description."""
    generation = GenerationConfig(with_security_parameters=False, database="none", allow_x00=False)
    projects = ProjectsConfig(default=ProjectConfig(generation=generation))
    said = loads(DOCUMENT.read_text(encoding="utf-8"))
    return schemathesis.openapi.from_dict(said, config=schemathesis.Config(projects=projects))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime of its own, for what is sent here by chance."""
    process = RuntimeProcess(tmp_path_factory.mktemp("takes"), {"LAUNCHER_HEARTBEAT_TIMEOUT": "3600"})
    yield process.start()
    process.leave_nothing()


@pytest.mark.parametrize("rule", ROUTES, ids=lambda rule: f"{rule.method} {rule.path}")
def test_what_the_document_allows_is_not_called_nonsense(
    document: OpenApiSchema, runtime: RuntimeProcess, rule: Rule
) -> None:
    operation = document[rule.path][rule.method.lower()]
    heard = Heard()
    with requests.Session() as line:
        line.trust_env = False

        @hypothesis.settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
        def ask_all(case: Case) -> None:
            _ask(case, runtime, line, heard)

        ask_all()

    assert heard.statuses, "nothing was asked"
    assert heard.refusals == []


def _ask(case: Case, runtime: RuntimeProcess, line: requests.Session, heard: Heard) -> None:
    if any(parameter.name == "wait" for parameter in case.operation.query):
        case.query["wait"] = 0
    headers = {"Authorization": f"Bearer {runtime.token}"}
    answer = case.call(runtime.url, session=line, headers=headers, allow_redirects=False, timeout=60)
    heard.statuses[answer.status_code] += 1
    if answer.status_code == 422:
        sentence = str(answer.json()["detail"])
        if not any(known in sentence for known in BEYOND_A_SCHEMA):
            heard.refusals.append(sentence)


def test_the_document_names_each_character_that_is_refused_in_a_short_text(runtime: RuntimeProcess) -> None:
    with Desk(runtime.url, runtime.token) as desk:
        for first, last in (part.split("-") if "-" in part else (part, part) for part in _ranges()):
            for code in {first, last}:
                order = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x"}
                answer = desk.post("/jobs", {**order, "callback_group": f"a{chr(int(code, 16))}"})
                assert answer.status_code == 422, code


def _ranges() -> list[str]:
    parts = HIDDEN.replace("-\\u", "-").split("\\u")
    return [part for part in parts if part]


def test_no_two_schemas_of_the_document_have_one_title() -> None:
    schemas = loads(DOCUMENT.read_text(encoding="utf-8"))["components"]["schemas"]
    titles = Counter(schema["title"] for schema in schemas.values() if "title" in schema)

    assert [title for title, times in titles.items() if times > 1] == []
