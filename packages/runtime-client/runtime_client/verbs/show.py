"""`ao show`: all about one session."""

from datetime import UTC, datetime

from runtime_client.exit_codes import ExitCode
from runtime_client.models import Session
from runtime_client.terminal.clock import age
from runtime_client.terminal.command_line import JsonOption, SessionArgument, connect, print_json, print_text
from runtime_client.terminal.plain_text import on_one_line
from runtime_client.why import why
from runtime_client.wire import nested, optional_number


def main(name: SessionArgument, as_json: JsonOption = False) -> int:
    """Show how a session is and why, what helps, what it said last, where it works and what it used."""
    with connect() as client:
        session = client.session(name)
    reason = why(session.raw)
    if as_json:
        print_json({**session.raw, "why": reason})
        return ExitCode.SUCCESS
    lines = [(title, told) for title, told in _facts(session, reason) if told]
    print_text("\n".join(f"{title + ':':11}{on_one_line(told)}" for title, told in lines))
    return ExitCode.SUCCESS


def _facts(session: Session, reason: str | None) -> list[tuple[str, str | None]]:
    raw, now = session.raw, datetime.now(UTC)
    usage = nested(raw, "usage")
    tokens = [f"{int(optional_number(usage, f'{kind}_tokens') or 0)} {kind}" for kind in ("input", "output")]
    cost = optional_number(raw, "cost_usd") or 0.0
    created, updated = (age(str(raw.get(field)), now) for field in ("created_at", "updated_at"))
    where = " on ".join(filter(None, (session.project_dir, session.hostname)))
    return [
        ("session", f"{session.session_name}  {session.session_id}"),
        ("status", session.status.value),
        ("why", reason),
        ("agent", session.agent_name),
        ("parent", session.parent_session_name),
        ("folder", where),
        ("begun", f"{created} ago, changed {updated} ago"),
        ("queued", f"{session.queued_jobs} jobs wait behind" if session.queued_jobs else None),
        ("used", f"{', '.join(tokens)} tokens" + (f", ${cost:.4f}" if cost else "")),
        ("said", str(raw.get("last_words") or "") or None),
    ]
