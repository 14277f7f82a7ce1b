"""A launcher's words mean the same whoever reads them."""

import importlib.util
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from agent_backends.job.launchers_words import arguments_in
from runtime_client.terminal.arguments import CommandLine

COMMANDS = Path(__file__).parents[3] / "commands"


def function_of(command: str) -> Callable[..., int]:
    """The function that a command runs."""
    loader = SourceFileLoader(command.replace("-", "_"), str(COMMANDS / command))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    main: Callable[..., int] = module.main
    return main


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ao-start", ["one", "--agent", "echo", "--prompt", "do it", "--project-dir", "/work"]),
        ("ao-start", ["one", "--agent", "echo", "--prompt", "--help"]),
        ("ao-start", ["one", "--prompt", "", "--project-dir", "relative/../x"]),
        ("ao-start", ["ü ñ", "--prompt", "--"]),
        ("ao-start", ["one"]),
        ("ao-resume", ["one", "--prompt", "-p"]),
    ],
)
def test_the_words_that_a_launcher_writes_mean_what_the_parser_reads(
    monkeypatch: pytest.MonkeyPatch, command: str, words: list[str]
) -> None:
    monkeypatch.setattr("os.execv", lambda *_: None)  # it would start itself anew, isolated
    main = function_of(command)

    read = arguments_in(words, main.__annotations__)

    assert read is not None
    parsed = CommandLine(command, main).read(words)
    assert {name: value for name, value in parsed.items() if name in read} == read
    assert not any(value for name, value in parsed.items() if name not in read)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ao-start", []),
        ("ao-start", ["--agent", "echo", "--", "-one"]),
        ("ao-start", ["one", "two", "three"]),
        ("ao-start", ["one", "--prompt"]),
        ("ao-start", ["one", "-p", "x"]),
        ("ao-start", ["one", "--prompt", "x", "--prompt", "y"]),
        ("ao-start", ["one", "--prompt", "x", "--detach", "--json"]),
        ("ao-start", ["one", "--prompt=x", "--detach"]),
        ("ao-start", ["one", "--name", "x"]),
        ("ao-resume", ["one", "--agent", "echo"]),
    ],
)
def test_all_other_words_are_for_the_parser(monkeypatch: pytest.MonkeyPatch, command: str, words: list[str]) -> None:
    monkeypatch.setattr("os.execv", lambda *_: None)  # it would start itself anew, isolated

    assert arguments_in(words, function_of(command).__annotations__) is None
