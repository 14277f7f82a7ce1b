"""How the runtime's answers are shown to a person at a terminal."""

from collections.abc import Sequence

from runtime_client.models import Event
from runtime_client.wire import Json, JsonObject, nested, objects, optional_number

VALUE_CHARACTERS = 300


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns under their headings; nothing if there are no rows."""
    if not rows:
        return ""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    aligned = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in aligned)


def session_row(session: JsonObject) -> list[str]:
    """Return what a list of sessions shows of one."""
    fields = ("session_name", "status", "agent_name", "updated_at", "project_dir")
    return [_shown(session.get(field)) for field in fields]


def tree_lines(branch: JsonObject, before: str = "", is_last: bool | None = None) -> list[str]:
    """Return a session and all below it as a drawing, with what each branch has used."""
    joint = "" if is_last is None else "└─ " if is_last else "├─ "
    spent = nested(branch, "tree_spent")
    facts = [_shown(branch.get(field)) for field in ("session_name", "status", "agent_name")]
    cost, seconds = optional_number(spent, "cost_usd") or 0.0, optional_number(spent, "run_seconds") or 0.0
    used = f"{seconds:.1f} s" + (f", ${cost:.2f}" if cost else "")
    lines = [f"{before}{joint}{'  '.join(facts)}  {used}"]
    below = before + ("" if is_last is None else "   " if is_last else "│  ")
    children = objects(branch, "children")
    for place, child in enumerate(children, start=1):
        lines += tree_lines(child, below, place == len(children))
    return lines


def event_line(event: Event) -> str:
    """Return one event as a line: when, what, and the part that a reader looks for."""
    time = event.at[11:19]
    data = event.data
    match event.type:
        case "message":
            return f"{time} {_shown(data.get('role'))}: {_shown(data.get('text'))}"
        case "pre_tool":
            return f"{time} -> {_shown(data.get('tool'))} {_short(data.get('input'))}"
        case "post_tool":
            mark = "failed" if data.get("is_error") is True else "<-"
            return f"{time} {mark} {_shown(data.get('tool'))} {_short(data.get('output'))}"
        case "result":
            return f"{time} result: {_shown(data.get('text'))}"
        case _:
            return f"{time} {event.type} {_facts(data)}".rstrip()


def _facts(data: JsonObject) -> str:
    return " ".join(f"{key}={_short(value)}" for key, value in data.items() if value is not None)


def _short(value: Json) -> str:
    text = _shown(value).replace("\n", "\\n")
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}..."


def _shown(value: Json) -> str:
    return "-" if value is None else str(value)
