"""The registry of kinds: what each says of itself is what it does, and what is found here is told."""

import importlib
import os
from pathlib import Path

import pytest

from agent_backends.kind import version_of
from agent_backends.registry import KINDS, BackendMissingError, kind_named, load_backend
from runtime_client.wire import JsonObject, UnexpectedAnswerError

FOLDER = Path(importlib.import_module("agent_backends").__file__ or "").parent


def test_each_folder_with_a_kind_is_in_the_registry() -> None:
    assert sorted(path.parent.name for path in FOLDER.glob("*/kind.py")) == sorted(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_describes_the_options_that_it_understands(name: str) -> None:
    module = "backend" if name == "command" else "options"
    understood = importlib.import_module(f"agent_backends.{name}.{module}").OPTIONS

    assert kind_named(name).name == load_backend(name).name == name
    assert sorted(option.name for option in kind_named(name).options) == sorted(understood)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "command"])
def test_a_kind_understands_the_choices_and_refuses_the_limits_that_it_says(name: str) -> None:
    kind = kind_named(name)
    limits = [limit for limit in ("max_turns", "max_cost_usd", "max_tokens") if is_refused(name, {}, {limit: 1})]

    assert limits == list(kind.cannot_hold)
    for option in kind.options:
        for choice in option.choices:
            assert not is_refused(name, {option.name: choice}, {}), f"{option.name} {choice}"
        assert is_refused(name, {option.name: "none-of-these"}, {}) or not option.choices, option.name
        if option.instead_of is not None:
            other = next(one for one in kind.options if one.name == option.instead_of)
            both: JsonObject = {option.name: option.choices[0], other.name: other.choices[0]}
            assert is_refused(name, both, {}), f"{option.name} and {other.name}"


def is_refused(name: str, options: JsonObject, limits: JsonObject) -> bool:
    module = importlib.import_module(f"agent_backends.{name}.options")
    reader = getattr(module, f"{name.capitalize()}Options").read
    try:
        reader(options, limits, *([None] if name == "acp" else []))
    except UnexpectedAnswerError:
        return True
    return False


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BackendMissingError, match="'codx': expected one of 'acp', 'claude', 'codex'"):
        load_backend("codx")


def client(folder: Path, name: str, script: str) -> dict[str, str]:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}


def test_what_is_found_here_is_the_program_its_version_and_whether_somebody_is_signed_in(tmp_path: Path) -> None:
    environment = client(tmp_path, "codex", "echo warning >&2; echo codex-cli 9.9")
    before = kind_named("codex").look({}, (), environment)
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/auth.json").write_text("{}")
    after = kind_named("codex").look({}, (), environment)

    assert (before.program, before.is_signed_in) == (str(tmp_path / "codex"), None)
    assert version_of(str(before.program), environment) == "codex-cli 9.9"
    assert after.is_signed_in is True


@pytest.mark.parametrize(("name", "command"), [("acp", ("no-such-agent",)), ("gemini", ()), ("command", ("no-such",))])
def test_what_is_not_here_is_not_found(tmp_path: Path, name: str, command: tuple[str, ...]) -> None:
    found = kind_named(name).look({}, command, {"PATH": str(tmp_path), "HOME": str(tmp_path)})

    assert found.program is None


def test_a_client_that_says_no_version_is_found_all_the_same(tmp_path: Path) -> None:
    environment = client(tmp_path, "gemini", "exit 3")
    found = kind_named("gemini").look({}, (), environment)

    assert (found.program, found.is_signed_in) == (str(tmp_path / "gemini"), False)
    assert version_of(str(found.program), environment) is None
