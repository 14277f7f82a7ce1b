"""Reads JavaScript just far enough to say where its functions begin and end."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A slash after one of these begins a regular expression; after anything else it divides.
BEFORE_PATTERN = frozenset("(,=:[!&|?{};+>\n")
WORDS_BEFORE_PATTERN = ("return", "typeof", "case")
TEXTS = re.compile(r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.VERBOSE | re.DOTALL)
PATTERN = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
TEMPLATE_TEXT = re.compile(r"(?:\\.|(?!\$\{)[^`\\])*", re.DOTALL)
# A method whose name is a text has an empty one here: texts are blank by then.
HEADERS = re.compile(
    r"""\bfunction\b\s*\*?\s*(?P<function>[\w$]*)\s*\(
      | (?P<arrow>=>)
      | ^[ ]*(?:(?:static|async|get|set)[ ])*(?P<method>\#?[\w$]*)[ ]*\(""",
    re.VERBOSE | re.MULTILINE,
)
NO_METHODS = frozenset({"if", "for", "while", "switch", "catch", "return", "function"})
NAME_WITHIN_CHARACTERS = 400
OPENING, CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Function:
    """One function, a method or an arrow among them."""

    name: str
    line: int
    lines: int


def code_of(text: str) -> str:
    """The script with a space for every character of comments, texts and patterns; line ends stay."""
    kept: list[str] = []
    # For each template whose code is being read: how many braces of that code are open.
    templates: list[int] = []
    at = 0
    while at < len(text):
        if text[at] == "`" or (text[at] == "}" and templates and templates[-1] == 0):
            if text[at] == "}":
                templates.pop()
            end = _end_of_template_text(text, at + 1)
            begins_code = text.startswith("${", end)
            kept.append(text[at].replace("`", " ") + _blank(text[at + 1 : end]) + (" {" if begins_code else " "))
            templates += [0] if begins_code else []
            at = end + (2 if begins_code else 1)
            continue
        if templates:
            templates[-1] += {"{": 1, "}": -1}.get(text[at], 0)
        end = _end_of_text(text, at, kept)
        kept.append(_blank(text[at:end]) if end > at else text[at])
        at = max(end, at + 1)
    return "".join(kept)


def functions(text: str) -> Iterator[Function]:
    """Every function of a script, those within others too."""
    code = code_of(text)
    for header in HEADERS.finditer(code):
        start, end = header.start(), _end_of_function(code, header)
        if end is not None:
            line = code.count("\n", 0, start if header["method"] is None else header.start("method")) + 1
            name = header["function"] or header["method"] or _name_before(code, start)
            yield Function(name, line, code.count("\n", 0, end) + 2 - line)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _end_of_template_text(text: str, at: int) -> int:
    found = TEMPLATE_TEXT.match(text, at)
    return found.end() if found else at


def _end_of_text(text: str, at: int, kept: list[str]) -> int:
    """Where the comment, text or pattern that begins here ends; `at` itself where none does."""
    if text[at] not in "\"'/":
        return at
    found = TEXTS.match(text, at) or (PATTERN.match(text, at) if _pattern_may_begin(kept) else None)
    return found.end() if found else at


def _pattern_may_begin(kept: list[str]) -> bool:
    code = "".join(kept[-20:]).rstrip(" ")
    return not code or code[-1] in BEFORE_PATTERN or code.endswith(WORDS_BEFORE_PATTERN)


def _end_of_function(code: str, header: "re.Match[str]") -> int | None:
    if header["arrow"]:
        return _end_of_arrow(code, header.end())
    if header["method"] in NO_METHODS:
        return None
    parameters_end = _end_of_brackets(code, header.end() - 1)
    body = re.compile(r"\s*\{").match(code, parameters_end + 1)
    return None if body is None else _end_of_brackets(code, body.end() - 1)


def _end_of_arrow(code: str, at: int) -> int:
    body = re.compile(r"\s*\{").match(code, at)
    if body is not None:
        return _end_of_brackets(code, body.end() - 1)
    depth = 0
    for place in range(at, len(code)):
        if code[place] in OPENING:
            depth += 1
        elif code[place] in CLOSING:
            depth -= 1
        if depth < 0 or (depth == 0 and code[place] in ",;"):
            return place
    return len(code) - 1


def _end_of_brackets(code: str, at: int) -> int:
    depth = 0
    for place in range(at, len(code)):
        if code[place] in OPENING:
            depth += 1
        elif code[place] in CLOSING:
            depth -= 1
            if depth == 0:
                return place
    return len(code) - 1


def _name_before(code: str, at: int) -> str:
    before = code[max(0, at - NAME_WITHIN_CHARACTERS) : at]
    found = re.findall(r"([\w$]+)\s*[=:]\s*(?:useCallback\(|useMemo\()?\s*(?:async\s*)?[^=;\n]*$", before)
    return found[-1] if found else "a function"
