"""The tools that stop agents and delete sessions."""

from typing import Annotated

from pydantic import Field

from orchestrator_mcp.answers import Deleted, Stopped
from orchestrator_mcp.caller import Caller
from orchestrator_mcp.desk import Desk
from orchestrator_mcp.starting import SessionName
from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError
from runtime_client.models import SessionQuery
from runtime_client.wire import objects, text, texts

SESSIONS_MAX = 1000


class EndingTools:
    """Stop a session with its descendants; delete what is at rest."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def stop_agent_session(
        self,
        caller: Caller,
        session_name: SessionName,
        with_descendants: Annotated[
            bool, Field(description="Stop also all that it has started, any level deep.")
        ] = True,
    ) -> Stopped:
        """Stop what runs and what waits in a session, and in everything that it started.

        The session stays and can be resumed.
        """
        return self._desk.ask(caller, lambda client, _: _stop(client, session_name, with_descendants))

    def delete_all_agent_sessions(self, caller: Caller) -> Deleted:
        """Delete sessions that are at rest, with all that they recorded. This cannot be undone.

        Inside a session it deletes only what you started yourself; outside, all of them. What is at work is kept.
        """
        return self._desk.ask(caller, _delete)


def _stop(client: RuntimeClient, session_name: str, with_descendants: bool) -> Stopped:
    answer = client.stop_session(session_name, tree=with_descendants)
    sessions = objects(answer, "sessions") if "sessions" in answer else []
    waited = objects(answer, "withdrawn") if "withdrawn" in answer else []
    return Stopped(
        session_name=text(answer, "session_name"),
        stopped_jobs=list(texts(answer, "stopped_jobs")),
        withdrawn_messages=[text(one, "prompt_preview") for one in waited],
        stopped_sessions=[text(session, "session_name") for session in sessions],
        next="They are told to stop and may take some seconds; get_agent_session_status says when they have.",
    )


def _delete(client: RuntimeClient, caller: Caller) -> Deleted:
    if caller.session_name is None:
        answer = client.delete_sessions()
        deleted, kept = len(texts(answer, "deleted")), len(texts(answer, "kept"))
    else:
        deleted, kept = _delete_descendants(client, caller.session_name)
    return Deleted(
        deleted=deleted,
        kept=kept,
        next="Call stop_agent_session for those that were kept, if they shall go too." if kept else "Nothing is left.",
    )


def _delete_descendants(client: RuntimeClient, name: str) -> tuple[int, int]:
    """Delete children before their parents would lose them from sight: the deepest go first."""
    deleted = kept = 0
    for child in client.sessions(SessionQuery(parent=name), SESSIONS_MAX).items:
        below = _delete_descendants(client, child.session_name)
        deleted, kept = deleted + below[0], kept + below[1]
        if not child.is_at_rest or below[1]:
            kept += 1
            continue
        try:
            client.delete_session(child.session_name)
            deleted += 1
        except RefusedError as error:
            if error.code != "session_busy":
                raise
            kept += 1
    return deleted, kept
