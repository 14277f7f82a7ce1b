"""The tool that waits for agents, a little at a time, so that no client's patience ends before it answers."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from orchestrator_mcp.answers import Waited, Watched
from orchestrator_mcp.caller import Caller
from orchestrator_mcp.cursor import Cursor, read_cursor
from orchestrator_mcp.desk import Desk
from runtime_client.client import RuntimeClient
from runtime_client.watching.waiting import Rest, wait_for_rest

WAIT_SECONDS_MAX = 40.0


class WaitingTools:
    """Wait for sessions to come to rest."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def wait_for_agent_sessions(
        self,
        caller: Caller,
        session_names: Annotated[
            list[str], Field(description="The sessions to wait for; may be empty if you pass a cursor.")
        ] = [],  # noqa: B006 - nobody changes it
        mode: Annotated[
            Literal["all", "any"],
            Field(description="'all' waits for every one; 'any' for the next one that you have not been told of."),
        ] = "all",
        timeout_seconds: Annotated[
            float, Field(ge=0, le=WAIT_SECONDS_MAX, description="How long to wait in this call, at most 40.")
        ] = WAIT_SECONDS_MAX,
        cursor: Annotated[str | None, Field(description="What the last call returned, to go on from there.")] = None,
    ) -> Waited:
        """Wait until agents are done, up to 40 seconds per call.

        If they are still at work the answer is state 'running' with a cursor, and no error: call again with the cursor
        and the same mode. Use this only if you need the result within this turn; otherwise end your turn, and you are
        woken by the callback.
        """
        wanted = read_cursor(session_names, cursor)
        return self._desk.ask(caller, lambda client, _: _wait(client, wanted, mode == "any", timeout_seconds))


def _wait(client: RuntimeClient, wanted: Cursor, any_is_enough: bool, timeout_seconds: float) -> Waited:
    names = (wanted.open_names if any_is_enough else wanted.names) or wanted.names
    rests = wait_for_rest(client, names, any_is_enough=any_is_enough, timeout_seconds=timeout_seconds)
    at_rest = {asked for asked, rest in zip(names, rests, strict=True) if rest.is_at_rest}
    newly = [name for name in names if name in at_rest and name not in wanted.reported]
    after = replace(wanted, reported=wanted.reported | at_rest)
    is_done = bool(at_rest) if any_is_enough else len(at_rest) == len(names)
    return Waited(
        state="done" if is_done else "running",
        sessions=[_watched(rest) for rest in rests],
        newly_at_rest=newly,
        cursor=after.encode(),
        next=_advice(is_done, after, newly),
    )


def _watched(rest: Rest) -> Watched:
    return Watched(
        session_name=rest.session_name,
        status=rest.status,
        at_rest=rest.is_at_rest,
        reason=rest.reason,
        error=rest.error,
    )


def _advice(is_done: bool, after: Cursor, newly: list[str]) -> str:
    if not is_done:
        return "They are still at work: call wait_for_agent_sessions again with this cursor, or end your turn."
    read = f"Call get_agent_session_result for {', '.join(newly)}." if newly else "You were told of all of them."
    if after.open_names:
        return f"{read} For the others call wait_for_agent_sessions again with this cursor."
    return read
