"""The launcher and the commands share no code, and one rule about what is not inherited."""

import ast

from tidy.tree import ROOT

RULES = ("servers/agent-launcher/lib/attempt/inherited.py", "packages/agent-backends/agent_backends/turn/inherited.py")


def test_launcher_and_commands_drop_the_same_variables() -> None:
    launcher, commands = (ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in RULES)
    launchers = [node for node in launcher.body if not isinstance(node, ast.ImportFrom)]
    own = [node for node in commands.body if not isinstance(node, ast.ImportFrom)]

    assert [ast.dump(node) for node in launchers] == [ast.dump(node) for node in own]
