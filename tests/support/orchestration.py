"""What tests on real trees of sessions ask of a runtime: the tree's shape, the news, and what woke whom."""

from typing import TypedDict, cast

from support.runtime_api import JobRow, JsonObject, RuntimeApi
from support.waiting import wait_until

NEWS = "<agent-news "


class CallbackRow(TypedDict):
    """A callback as `GET /callbacks` answers it; only what tests look at."""

    child_session_name: str
    state: str
    reason: str | None
    outcome: str | None
    round: int
    delivery_job_id: str | None


def callbacks(api: RuntimeApi, parent: str) -> list[CallbackRow]:
    """The news for a parent, oldest first."""
    rows = api.ask("GET", f"/sessions/{parent}/callbacks?limit=200")["callbacks"]
    return list(reversed(cast("list[CallbackRow]", rows)))


def turns(api: RuntimeApi, session: str) -> list[JobRow]:
    """All jobs of a session, oldest first."""
    rows = api.ask("GET", f"/jobs?session={session}&limit=200")["jobs"]
    return list(reversed(cast("list[JobRow]", rows)))


def wakings(api: RuntimeApi, session: str) -> list[str]:
    """The whole messages by which the runtime woke a session, oldest first."""
    prompts = [str(api.ask("GET", f"/jobs/{turn['job_id']}")["prompt"]) for turn in turns(api, session)]
    return [prompt for prompt in prompts if prompt.startswith(NEWS)]


def tree(api: RuntimeApi, session: str) -> JsonObject:
    """The tree below a session."""
    return api.ask("GET", f"/sessions/{session}/tree")


def wait_until_all_is_told(api: RuntimeApi, parent: str, children: int, timeout: float = 60.0) -> list[CallbackRow]:
    """Wait until a parent is at rest and has consumed the news of so many children."""

    def told() -> list[CallbackRow] | None:
        rows = callbacks(api, parent)
        is_told = len(rows) == children and all(row["state"] == "consumed" for row in rows)
        return rows if is_told and api.session_status(parent) == "finished" else None

    try:
        return wait_until(told, f"session {parent} has consumed the news of {children} children", timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{callbacks(api, parent)}\n{turns(api, parent)}") from error
