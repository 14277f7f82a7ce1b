"""A query's parameters: one that a route does not have is refused, for what it was to narrow would come unnarrowed."""

from fastapi import Request
from fastapi.routing import APIRoute

from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.near_words import did_you_mean
from agent_runtime.http.door.rules import Matched
from agent_runtime.http.wire.answers import short


# Waits for nothing: a plain function would have a thread of its own for each request.
async def refuse_unknown_query(request: Request) -> None:
    """Refuse a parameter that the route does not have.

    Errors:  Invalid.
    """
    route, matched = request.scope.get("route"), getattr(request.state, "matched", None)
    if not isinstance(route, APIRoute) or not isinstance(matched, Matched) or matched.rule.is_tolerant:
        return
    known = [parameter.alias for parameter in route.dependant.query_params]
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        raise Invalid(
            "invalid_parameters",
            f"invalid query: there is no parameter '{short(unknown)}' here{did_you_mean(unknown, known)}",
        )
