"""What docs/reference and the glossary say is what the code says."""

import ast
import re
from collections.abc import Iterator

import pytest

from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.reasons import OpenReason, Reason, SuccessReason, WaitReason
from agent_runtime.domain.session import SessionStatus
from tidy.tree import ROOT, Source, python, python_sources
from write_reference import REFERENCE, pages

SETTING = re.compile(r"^(AGENT|LAUNCHER|POLL|HEARTBEAT|PROJECT|XDG)_[A-Z_]+$")
DOCUMENTED = re.compile(r"`((?:AGENT|LAUNCHER|POLL|HEARTBEAT|PROJECT|XDG)_[A-Z_]+)`")


def settings_read(source: Source) -> Iterator[str]:
    """The names of environment variables that stand in a file as words of their own."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SETTING.match(node.value):
            yield node.value


@pytest.mark.timeout(600)  # each of sixty programs is asked for its help
@pytest.mark.parametrize("name", pages())
def test_the_generated_pages_are_up_to_date(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")

    assert written == pages()[name](), f"'{name}' is behind the code (make reference)"


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    in_code = {name for source in python_sources() if source.is_product for name in settings_read(source)}
    in_document = set(DOCUMENTED.findall((ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")))

    assert in_document == in_code


@pytest.mark.parametrize("words", [JobStatus, SessionStatus, Reason, SuccessReason, WaitReason, OpenReason])
def test_every_state_and_reason_is_in_the_glossary(
    words: type[JobStatus | SessionStatus | Reason | SuccessReason | WaitReason | OpenReason],
) -> None:
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")

    assert [str(word) for word in words if f"`{word}`" not in glossary] == []


def test_a_setting_is_found_wherever_it_is_read() -> None:
    assert list(settings_read(python('x = environment.get("AGENT_NEW_THING", "AGENT or so")\n'))) == ["AGENT_NEW_THING"]


@pytest.mark.parametrize("page", ["testing-checklist.md", "fault-tests.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / "docs/reference" / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:servers/agent-(?:launcher|runtime)/)?tests/[\w/]+\.py)::(\w+)`", text)

    assert named
    assert [name for path, name in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")] == []
