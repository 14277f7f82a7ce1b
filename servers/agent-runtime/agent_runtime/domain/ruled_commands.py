"""What a line for the shell would run, as far as words alone can tell it: for rules about commands.

An allowing rule is held to what is written, word for word. One that denies or asks is held to whatever might be meant:
quotes and spaces count for nothing, and what stands in another command, or behind one that runs others, counts too.
"""

import re
from collections.abc import Iterator

ACTS_MAX = 10_000
_JOINTS = re.compile(r"&&|\|\||[;&|\n]")
# What puts one command into another, or its output into a file, is more than the words at its head say.
_HIDES_MORE = re.compile(r"[`<>]|\$\(|\$\{|\\\n")
_ANY_JOINT = re.compile(r"[;&|\n`(){}<>]")
_QUOTING = re.compile(r"\$?[\"']|\\\n|\\")
_ASSIGNMENT = re.compile(r"\w+=\S*")
# fmt: off
_RUN_OTHERS = frozenset((
    "!", "bash", "builtin", "busybox", "command", "dash", "do", "doas", "elif", "else", "env", "eval", "exec", "find",
    "if", "nice", "nohup", "setsid", "sh", "ssh", "stdbuf", "sudo", "then", "time", "timeout", "until", "watch",
    "while", "xargs", "zsh",
))
# fmt: on
_WORDS_BEHIND = 20


def matches(pattern: str, text: str) -> bool:
    """Tell whether a text is like a pattern, of which each star stands for anything; in linear time."""
    head, *others = pattern.split("*")
    if not others:
        return pattern == text
    tail = others.pop()
    if len(text) < len(head) + len(tail) or not (text.startswith(head) and text.endswith(tail)):
        return False
    place, end = len(head), len(text) - len(tail)
    for part in others:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def is_like(pattern: str, command: str) -> bool:
    """Tell whether one command is as a rule says: `npm test:*` is it alone, or with more words."""
    if pattern.endswith(":*"):
        head = pattern[:-2]
        return command == head or command.startswith(f"{head} ")
    return matches(pattern, command)


def written(command: str) -> tuple[str, ...]:
    """Return the commands of a line as they are written; none if more may be hidden in it."""
    if _HIDES_MORE.search(command) is not None:
        return ()
    return tuple(part.strip() for part in _JOINTS.split(command) if part.strip())


def meant(command: str) -> frozenset[str] | None:
    """Return all that a line might run, each with single spaces and without quotes; None if it is too much to tell."""
    found = {command.strip()}
    for plain in (command, _QUOTING.sub("", command)):
        for part in _ANY_JOINT.split(plain.replace("\\\n", " ")):
            found.update(_acts_in(part.split()))
            if len(found) > ACTS_MAX:
                return None
    return frozenset(found)


def _acts_in(words: list[str]) -> Iterator[str]:
    """Give a command, and without what stands before it: variables, the folder of its program, what runs others."""
    behind = 0
    while behind < len(words) and _ASSIGNMENT.fullmatch(words[behind]):
        behind += 1
    words = words[behind:]
    if not words:
        return
    yield from _named(words)
    if words[0].rpartition("/")[2] in _RUN_OTHERS:
        for place in range(1, min(len(words), _WORDS_BEHIND)):
            yield from _named(words[place:])


def _named(words: list[str]) -> Iterator[str]:
    yield " ".join(words)
    program = words[0].rpartition("/")[2]
    if program != words[0]:
        yield " ".join((program, *words[1:]))
