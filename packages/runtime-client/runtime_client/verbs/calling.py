"""How `ao` calls its words: an `ao-*` command is run as it is, in this process; the others are modules here."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Never

from runtime_client.errors import UsageError
from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.command_line import print_text, run
from runtime_client.verbs.all_verbs import VERBS
from runtime_client.verbs.loading import main_of, run_script

COMPLETE = "__complete"


def call(words: Sequence[str], commands: Path) -> Never:
    """Do what the words after `ao` say, and exit; `commands` is the folder with the `ao-*` commands."""
    if not words or words[0] in {"-h", "--help", "help"}:
        run(_help, {})
    if words[0] == "--version":
        run(_version, {})
    if words[0] == COMPLETE:
        from runtime_client.verbs.completing import complete

        run(complete, {"words": words[1:], "commands": commands})
    name = words[0]
    if name not in VERBS:
        run(_refuse, {"word": name})
    sys.argv = [f"ao {name}", *words[1:]]
    if script := VERBS[name].script:
        run_script(commands / script, "__main__")
    run(main_of(name, commands))


def _help() -> int:
    width = max(map(len, VERBS))
    lines = [f"  {name:{width}}  {verb.summary}" for name, verb in VERBS.items()]
    own = ["Usage: ao COMMAND [OPTIONS]", "", "Commands:", *lines, ""]
    print_text(
        "\n".join([*own, "'ao COMMAND --help' says what a command takes; 'ao --version', which version this is."])
    )
    return ExitCode.SUCCESS


def _version() -> int:
    from runtime_client.version import VERSION

    print_text(f"ao {VERSION}")
    return ExitCode.SUCCESS


def _refuse(word: str) -> int:
    # Imported late: few mistype.
    from difflib import get_close_matches

    near = get_close_matches(word, [*VERBS, "--help", "--version"], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "'ao --help' lists them"
    raise UsageError(f"there is no command {word!r} ({hint})")
