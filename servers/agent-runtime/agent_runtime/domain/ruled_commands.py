"""What a line for the shell would run, as far as words alone can tell it: for rules about commands.

An allowing rule is held to what is written, word for word. One that denies or asks is held to whatever might be meant:
quotes and spaces count for nothing, and what stands in another command, or behind one that runs others, counts too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, pairwise

ACTS_MAX = 10_000
ACTS_CHARACTERS_MAX = 2_000_000
LINE_CHARACTERS_MAX = 150_000
TOKENS_MAX = 20_000
_BRACED_WORDS_MAX = 200
_BRACES_MAX = 20
_BLANKS = " \t\n"
_JOINTS = re.compile(r"&&|\|\||[;&|\n]")
# What puts one command into another, or its output into a file, is more than the words at its head say.
_HIDES_MORE = re.compile(r"[`<>]|\$\(|\$\{|\\\n")
_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"")
_QUOTING = re.compile(r"\$?[\"']|\\\n|\\")
_ASSIGNMENT = re.compile(r"\w+(?:\[.*?\])?\+?=", re.DOTALL)
_BRACE_RANGE = re.compile(r"\{(-?\w+)\.\.(-?\w+)(?:\.\.-?\d+)?\}")
# Braces and commas in quotes are kept apart from those that stand for several words.
_SET_ASIDE: Mapping[int, str] = {ord("{"): "\ue000", ord("}"): "\ue001", ord(","): "\ue002"}
_PUT_BACK: Mapping[int, str] = {0xE000: "{", 0xE001: "}", 0xE002: ","}
_ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9A-Fa-f]{1,2})|[uU](?P<u>[0-9A-Fa-f]{1,8})|(?P<o>[0-7]{1,3})|(?P<c>.))", re.DOTALL
)
_NAMED_ESCAPES: Mapping[str, str] = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
# fmt: off
_RUN_OTHERS = frozenset((
    "!", "-", "alias", "bash", "builtin", "busybox", "chroot", "chrt", "command", "coproc", "dash", "do", "doas",
    "elif", "else", "env", "eval", "exec", "find", "fish", "flock", "if", "ionice", "ksh", "nice", "nocorrect",
    "noglob", "nohup", "nsenter", "parallel", "pkexec", "repeat", "runuser", "script", "setpriv", "setsid", "sh", "ssh",
    "stdbuf", "strace", "su", "sudo", "systemd-run", "taskset", "then", "time", "timeout", "toybox", "trap",
    "unshare", "until", "watch", "while", "xargs", "zsh", "{",
))
# fmt: on


# How a line is cut outside of double quotes; between these two stands what is a shell's own.
_FIRST = r"(?P<escape>\\.)|(?P<letters>\$'(?:[^'\\]|\\.)*'?)|(?P<single>'[^']*'?)|(?P<quote>\$?\")"
_LAST = r"(?P<backtick>`)|(?P<group>\()|(?P<closing>\))|(?P<blank>[ \t]+)|(?P<text>[^ \t\n'\"\\`$<>=;&|(){}]+|.)"
_OPENING = r"(?P<opening>[$<>=]\()"
_COMMENT = r"(?P<comment>(?<![^ \t\n;&|()`])#[^\n]*)"
_SUBSCRIPT = r"(?P<subscript>[A-Za-z_]\w*\[[^\]\n]{0,200}\]\+?=(?!\())"
# Nobody knows which shell it will be, and they differ: in bash `&>x` and `{n}>x` name files, a brace begins a word, and
# there may be blanks in `a[1 + 1]=x`; in zsh a brace begins a command, and `>!x` names a file.
_INTO_FILE_IN_BASH = r"(?P<redirection>(?:\d+|\{\w+\})?(?:&>|[<>](?!\())[<>]*[&|]*)"
_INTO_FILE = r"(?P<redirection>\d*[<>](?!\()[<>]*[&|!]*)"
_AS_BASH = re.compile(
    rf"{_FIRST}|{_INTO_FILE_IN_BASH}|(?P<joint>[;&|\n])|{_OPENING}|{_COMMENT}|{_SUBSCRIPT}|{_LAST}", re.DOTALL
)
_AS_OTHERS = re.compile(rf"{_FIRST}|{_INTO_FILE}|(?P<joint>[;&|\n{{}}])|{_OPENING}|{_COMMENT}|{_LAST}", re.DOTALL)
# Loosely, all that is fed to a command or put into it begins another, and so does what follows that.
_LOOSELY = re.compile(rf"{_FIRST}|(?P<joint>[;&|\n`(){{}}<>])|{_LAST}", re.DOTALL)
_IN_QUOTES = re.compile(
    r"(?P<quote>\")|(?P<escape>\\[$`\"\\\n])|(?P<opening>\$\()|(?P<backtick>`)|(?P<quoted>[^\"\\$`]+|.)", re.DOTALL
)


class _TooMuchError(Exception):
    """A line is too long, or says too much in few letters, for all of it to be looked at."""


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
    if _HIDES_MORE.search(command) is not None or _may_open_a_bracket(command):
        return ()
    parts = (part.strip(_BLANKS) for part in _JOINTS.split(command))
    return tuple(part for part in parts if part)


def meant(command: str) -> frozenset[str] | None:
    """Return all that a line might run, each with single spaces and without quotes; None if it is too much to tell."""
    if len(command) > LINE_CHARACTERS_MAX:
        return None
    found = {command.strip()}
    characters = 0
    try:
        for act in _acts_in_all_readings(command):
            if act not in found:
                found.add(act)
                characters += len(act)
            if len(found) > ACTS_MAX or characters > ACTS_CHARACTERS_MAX:
                return None
    except _TooMuchError:
        return None
    return frozenset(found)


def _may_open_a_bracket(command: str) -> bool:
    """Tell whether a bracket may stand outside of quotes, where zsh runs what is in it: `=(…)`, `*(e:…:)`."""
    if "(" not in command:
        return False
    # Over several lines a comment may hold the one half of a pair of quotes, and not every shell knows `$'…'`.
    return "\n" in command or "$'" in command or "(" in _QUOTED.sub("", command)


def _acts_in_all_readings(command: str) -> Iterator[str]:
    for reading in (_AS_BASH, _AS_OTHERS, _LOOSELY):
        yield from _acts_in_line(command, reading)
    # A quote in a comment or in a text that is fed to a command hides nothing from those who look for none.
    for reading in (_AS_OTHERS, _LOOSELY):
        yield from _acts_in_line(_QUOTING.sub("", command), reading)


def _acts_in_line(line: str, reading: re.Pattern[str], *, is_behind: bool = False) -> Iterator[str]:
    """Give what a line might run; if it is `behind` what runs others, its first command may begin at any word."""
    for place, words in enumerate(_Reader(reading).commands(line)):
        is_first_behind = is_behind and place == 0
        raw = [word.raw for word in words]
        plain = [word.plain.translate(_PUT_BACK) for word in words if word.plain]
        yield from _acts_in(raw, is_behind=is_first_behind)
        yield from _acts_in(plain, is_behind=is_first_behind)
        if any("{" in word.plain for word in words):
            yield from _acts_in(_without_braces(words), is_behind=is_first_behind)
        # What runs others may run what is in quotes, which is then read as a line of its own.
        if raw != plain and (is_first_behind or _runs_others(plain)):
            inner = " ".join(plain if is_first_behind else _without_assignments(plain)[1:])
            if len(inner) < len(line):
                yield from _acts_in_line(inner, reading, is_behind=True)


def _acts_in(words: list[str], *, is_behind: bool) -> Iterator[str]:
    """Give a command, and without what stands before it: variables, the folder of its program, what runs others."""
    is_anywhere = is_behind or _runs_others(words)
    words = _without_assignments(words)
    for place in range(len(words) if is_anywhere else min(len(words), 1)):
        yield from _named(words[place:])


def _named(words: list[str]) -> Iterator[str]:
    yield " ".join(words)
    program = words[0].rpartition("/")[2]
    if program != words[0]:
        yield " ".join((program, *words[1:]))


def _without_assignments(words: list[str]) -> list[str]:
    first = next((place for place, word in enumerate(words) if not _ASSIGNMENT.match(word)), len(words))
    return words[first:]


def _runs_others(words: list[str]) -> bool:
    program = next(iter(_without_assignments(words)), "")
    return program.rpartition("/")[2] in _RUN_OTHERS


def _without_braces(words: "list[_Word]") -> list[str]:
    """Write out the words that braces stand for: `{rm,-rf,x}`, `r{m,}`, `r{m..m}`."""
    found: list[str] = []
    for word in words:
        text = _BRACE_RANGE.sub(lambda ends: ends[1] if ends[1] == ends[2] else f"{{{ends[1]},{ends[2]}}}", word.plain)
        if text.count("{") > _BRACES_MAX:
            raise _TooMuchError
        several = list(islice(_one_by_one(text), _BRACED_WORDS_MAX + 1))
        if len(several) > _BRACED_WORDS_MAX:
            raise _TooMuchError
        found += [one.translate(_PUT_BACK) for one in several if one]
    return found


def _one_by_one(text: str) -> Iterator[str]:
    """Give all that a word with braces stands for, in their order."""
    if "{" not in text:
        yield text
        return
    depth, cuts = 0, [0]
    for place, character in enumerate(text):
        if character == "{":
            depth += 1
            cuts = [place] if depth == 1 else cuts
        elif character == "," and depth == 1:
            cuts.append(place)
        elif character == "}" and depth > 0:
            depth -= 1
            if depth == 0 and len(cuts) > 1:
                break
    else:
        yield text
        return
    for begin, end in pairwise([*cuts, place]):
        for one in _one_by_one(text[begin + 1 : end]):
            for rest in _one_by_one(text[place + 1 :]):
                yield f"{text[: cuts[0]]}{one}{rest}"


def _character(escape: re.Match[str]) -> str:
    if escape["c"]:
        return _NAMED_ESCAPES.get(escape["c"], escape["c"])
    return chr(int(escape["x"] or escape["u"] or escape["o"], 8 if escape["o"] else 16) % 0x110000)


@dataclass
class _Word:
    """One word of a command: as it is written, and as its program would get it."""

    raw: str = ""
    plain: str = ""


@dataclass
class _Place:
    """Where a reader is: which words of its command it has read, and what the next one is."""

    is_in_backticks: bool = False
    is_in_quotes: bool = False
    is_file_next: bool = False
    words: list[_Word] = field(default_factory=list)
    word: _Word | None = None


class _Reader:
    """Reads a line into its commands, each without the files it reads or writes; what is put into one is one too."""

    def __init__(self, reading: re.Pattern[str]) -> None:
        self._reading = reading
        self._commands: list[list[_Word]] = []
        self._now = _Place()
        self._outer: list[_Place | None] = []

    def commands(self, line: str) -> list[list[_Word]]:
        """Return the commands of a line."""
        place = tokens = 0
        while place < len(line):
            tokens += 1
            if tokens > TOKENS_MAX:
                raise _TooMuchError
            token = (_IN_QUOTES if self._now.is_in_quotes else self._reading).match(line, place)
            assert token is not None, "each way to read ends with any character"
            self._take(str(token.lastgroup), token.group())
            place = token.end()
        while self._outer:
            self._leave()
        self._end_command()
        return self._commands

    def _take(self, kind: str, text: str) -> None:
        match kind:
            case "text" | "subscript" | "quoted" | "escape" | "single" | "letters" | "quote":
                self._add(kind, text)
            case "opening":
                self._enter(text)
            case "backtick" if not self._now.is_in_backticks:
                self._enter(text)
            case "closing" | "backtick":
                self._leave()
            case "group":
                self._end_command()
                self._outer.append(None)
            case "redirection":
                self._end_word()
                self._now.is_file_next = True
            case "joint":
                self._end_command()
            case "blank":
                self._end_word()

    def _add(self, kind: str, text: str) -> None:
        if text == "\\\n":
            return
        word = self._now.word = self._now.word or _Word()
        word.raw += text
        match kind:
            case "text" | "subscript":
                word.plain += text
            case "quote":
                self._now.is_in_quotes = not self._now.is_in_quotes
            case "letters":
                # bash ends such a text at the first character 0.
                inside = _ESCAPE.sub(_character, text[2:].removesuffix("'")).partition("\0")[0]
                word.plain += inside.translate(_SET_ASIDE)
            case _:
                inside = text[1:] if kind == "escape" else text.strip("'") if kind == "single" else text
                word.plain += inside.translate(_SET_ASIDE)

    def _enter(self, text: str) -> None:
        # What comes out of it may be nothing: `rm$(true) x`. Of `a=(…)` the first half tells what it is.
        word = self._now.word = self._now.word or _Word()
        word.raw += text
        word.plain += "=" if text == "=(" else ""
        self._outer.append(self._now)
        self._now = _Place(is_in_backticks=text == "`")

    def _leave(self) -> None:
        self._end_command()
        if self._outer and (outer := self._outer.pop()) is not None:
            self._now = outer

    def _end_word(self) -> None:
        if self._now.word is None:
            return
        if not self._now.is_file_next:
            self._now.words.append(self._now.word)
        self._now.word, self._now.is_file_next = None, False

    def _end_command(self) -> None:
        self._end_word()
        if self._now.words:
            self._commands.append(self._now.words)
        self._now.words, self._now.is_file_next = [], False
