"""The table of rules and the routes are the same list, and the document of the interface is the committed one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from agent_runtime.http.door.rules import RULES, Matched, RuleBook
from agent_runtime.services.access.callers import Role
from support.desk import JsonObject, part

PROGRAM = Path(sys.executable).with_name("agent-runtime")
COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> str:
    """What `agent-runtime openapi` prints."""
    return subprocess.run([str(PROGRAM), "openapi"], capture_output=True, text=True, check=True).stdout


def operations(document: str) -> dict[tuple[str, str], JsonObject]:
    """Each method and path of the document with what it says of it."""
    paths = part(cast("JsonObject", json.loads(document))["paths"])
    return {
        (method.upper(), path): part(said) for path, methods in paths.items() for method, said in part(methods).items()
    }


def test_every_route_has_a_rule_and_every_rule_a_route(document: str) -> None:
    ruled = {(rule.method, rule.path) for rule in RULES} - {("GET", "/openapi.json")}

    assert ruled == set(operations(document))


def test_what_has_no_rule_is_not_found() -> None:
    rules = RuleBook()

    assert rules.find("GET", "/jobs/x/secret") == frozenset()
    assert rules.find("PATCH", "/jobs") == frozenset({"GET", "POST"})


def test_a_path_names_what_it_is_about() -> None:
    matched = RuleBook().find("GET", "/sessions/build/events")

    assert isinstance(matched, Matched)
    assert matched.names == {"session": "build"}


def test_a_viewer_may_only_read_and_an_agent_never_speaks_as_a_launcher() -> None:
    for rule in RULES:
        if rule.roles is not None and Role.VIEWER in rule.roles:
            assert rule.method == "GET" or rule.path == "/logout", rule
        if rule.roles is not None and Role.SESSION in rule.roles:
            assert not rule.path.startswith(("/launcher/", "/launchers")), rule


def test_every_route_documents_its_answer_and_its_refusals(document: str) -> None:
    for (method, path), said in operations(document).items():
        statuses = set(part(said["responses"]))
        if path != "/health":
            assert {"401", "403", "500"} <= statuses, f"{method} {path}: {sorted(statuses)}"
        assert said.get("summary"), f"{method} {path}"


def test_the_committed_document_is_what_the_code_says(document: str) -> None:
    assert COMMITTED.read_text(encoding="utf-8") == document, "write it anew with 'make reference'"
