"""How the runtime's answers are shown to a person at a terminal."""

import json
from datetime import date, datetime

from runtime_client.models import Event
from runtime_client.terminal.clock import age, local_time
from runtime_client.terminal.plain_text import on_one_line
from runtime_client.why import why
from runtime_client.wire import Json, JsonObject, nested, objects, optional_number

VALUE_CHARACTERS = 300


def session_row(session: JsonObject, now: datetime) -> list[str]:
    """Return what a list of sessions shows of one."""
    name, status, agent, changed, folder = (
        _shown(session.get(field)) for field in ("session_name", "status", "agent_name", "updated_at", "project_dir")
    )
    return [name, status, agent, age(changed, now), folder, why(session) or ""]


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
    lines += [f"{below}{'│  ' if children else '   '}{_asked(one)}" for one in _objects_if_any(branch, "questions")]
    for place, child in enumerate(children, start=1):
        lines += tree_lines(child, below, place == len(children))
    return lines


def _asked(question: JsonObject) -> str:
    whom = _shown(question.get("waits_for")).replace("_", " ")
    return on_one_line(f"waits for {whom}: {_shown(question.get('question_id'))} {_short(question.get('asks'))}")


def _objects_if_any(source: JsonObject, field: str) -> list[JsonObject]:
    # A runtime of an older version does not say it.
    return objects(source, field) if field in source else []


def event_line(event: Event, today: date) -> str:
    """Return one event as exactly one line: when, what, and the part that a reader looks for."""
    return on_one_line(f"{local_time(event.at, today)} {_what_happened(event.type, event.data)}".rstrip())


def _what_happened(kind: str, data: JsonObject) -> str:
    match kind:
        case "message":
            return f"{_shown(data.get('role'))}: {_shown(data.get('text'))}"
        case "pre_tool":
            return f"-> {_shown(data.get('tool'))} {_short(data.get('input'))}"
        case "post_tool":
            mark = "failed" if data.get("is_error") is True else "<-"
            return f"{mark} {_shown(data.get('tool'))} {_short(data.get('output'))}"
        case "verification":
            mark = "passed" if data.get("passed") is True else "failed"
            return f"verification {mark}: {_shown(data.get('command'))} {_short(data.get('output'))}"
        case "result":
            return f"result: {_shown(data.get('text'))}"
        case _:
            return f"{kind} {_facts(data)}"


def _facts(data: JsonObject) -> str:
    return " ".join(f"{key}={_short(value)}" for key, value in data.items() if value is not None)


def _short(value: Json) -> str:
    text = on_one_line(_shown(value))
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}..."


def _shown(value: Json) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ",".join(map(_shown, value))
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
