"""The launcher and the commands share no code; rules that both must keep stand in both, and are the same."""

import ast

import pytest

from tidy.tree import ROOT

LAUNCHER, BACKENDS, CLIENT = "servers/agent-launcher/lib", "packages/agent-backends", "packages/runtime-client"
RULES = {
    "what is not inherited": (f"{LAUNCHER}/attempt/inherited.py", f"{BACKENDS}/agent_backends/turn/inherited.py"),
    "which trace a job is": (
        f"{LAUNCHER}/wire/trace_of_job.py",
        "servers/agent-runtime/agent_runtime/domain/trace_of_job.py",
    ),
    "which proxy is on the way": (f"{LAUNCHER}/wire/proxies.py", f"{CLIENT}/runtime_client/proxies.py"),
}


@pytest.mark.parametrize("rule", RULES)
def test_launcher_and_commands_keep_the_same_rule(rule: str) -> None:
    launchers, commands = (_rule_in(path) for path in RULES[rule])

    assert launchers == commands


def _rule_in(path: str) -> list[str]:
    """What a module does, whatever its own room calls an error of its settings."""
    text = (ROOT / path).read_text(encoding="utf-8").replace("ConfigurationError", "UsageError")
    return [ast.dump(node) for node in ast.parse(text).body if not isinstance(node, ast.ImportFrom)]
