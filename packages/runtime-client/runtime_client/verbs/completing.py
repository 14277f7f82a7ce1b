"""What a shell offers for the word that is typed: words of `ao`, options, sessions, agents, launchers."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from runtime_client.address import find_runtime
from runtime_client.configured import configured
from runtime_client.errors import RuntimeClientError
from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Argument, CommandLine, Flag, Option, Told
from runtime_client.terminal.command_line import print_text
from runtime_client.transport import Call, Transport
from runtime_client.verbs.all_verbs import VERBS
from runtime_client.verbs.loading import main_of
from runtime_client.wire import objects

ANSWER_SECONDS = 2.0
SESSIONS_MAX = 200


def complete(words: Sequence[str], commands: Path) -> int:
    """Print one offer a line; `words` are those of the command line, its command first, the last one half typed.

    A runtime that does not answer, or anything else that goes wrong, is no offer and no sentence in somebody's prompt.
    """
    try:
        print_text("\n".join(_offers(list(words), commands)))
    except RuntimeClientError:
        return ExitCode.JOB_FAILED
    return ExitCode.SUCCESS


def _offers(words: list[str], commands: Path) -> list[str]:
    if not words:
        return []
    name, typed = os.path.basename(words[0]), words[1:]  # noqa: PTH119 - as it was typed
    if name == "ao":
        if len(typed) < 2:
            return _fitting([*VERBS, "--help", "--version"], typed[-1] if typed else "")
        name, typed = typed[0], typed[1:]
    verb = name if name in VERBS else next((word for word, verb in VERBS.items() if verb.script == name), None)
    if verb is None or not typed:
        return []
    told = CommandLine(name, main_of(verb, commands)).told
    return _fitting(_candidates(told, typed[:-1], typed[-1]), typed[-1])


def _candidates(told: Sequence[Told], before: Sequence[str], word: str) -> Iterable[str]:
    options = {name: one for one in told if isinstance(one, Option) for name in (one.name, one.short) if name}
    if before and before[-1] in options:
        one = options[before[-1]]
        return _things(one.completes or one.metavar)
    if word.startswith("-"):
        flags = [name for one in told if isinstance(one, Flag) for name in (one.name, one.off) if name]
        return [*(name for name in options if name.startswith("--")), *flags, "--help"]
    placed = [one for one in told if isinstance(one, Argument)]
    given = sum(1 for place, one in enumerate(before) if _is_placed(before, place, options) and one)
    is_free = placed and (placed[-1].is_list or given < len(placed))
    return _things(placed[min(given, len(placed) - 1)].completes) if is_free else []


def _is_placed(before: Sequence[str], place: int, options: Iterable[str]) -> bool:
    return not before[place].startswith("-") and not (place and before[place - 1] in options)


def _things(kind: str) -> Iterable[str]:
    match kind:
        case "session":
            return _names("/sessions", "sessions", "session_name")
        case "agent":
            return _names("/agents", "agents", "name")
        case "launcher":
            return _names("/launchers", "launchers", "name")
        case _:
            return kind.split("|") if "|" in kind else []


def _names(path: str, field: str, name: str) -> list[str]:
    parameters = {"limit": str(SESSIONS_MAX)} if field == "sessions" else {}
    transport = Transport(find_runtime(configured(os.environ)))
    try:
        found = transport.send_for_json(Call("GET", path, parameters=parameters, read_seconds=ANSWER_SECONDS))
        return [str(one.get(name)) for one in objects(found, field) if one.get("status") != "gone"]
    except ValueError:
        return []
    finally:
        transport.close()


def _fitting(words: Iterable[str], begun: str) -> list[str]:
    # A name that would do something to a terminal, or be two lines, is not offered.
    return sorted({word for word in words if word.startswith(begun) and word.isprintable() and word})
