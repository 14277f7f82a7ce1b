"""Which session a request comes from."""

from fastapi import Request

from agent_runtime.services.access.callers import Caller, Role


def calling_session(request: Request, header: str | None) -> str | None:
    """Tell which session calls: the one that the token proves, else the one that the caller names."""
    caller = getattr(request.state, "caller", None)
    if isinstance(caller, Caller) and caller.role is Role.SESSION:
        return caller.name
    return header
