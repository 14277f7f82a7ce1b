"""What an agent, or an MCP server of it, wants to know of people: a form, and what they filled in.

Clients hand it on in words of their own, and mean the same: https://modelcontextprotocol.io (elicitation).
"""

from collections.abc import Mapping

from agent_backends.client.loose import part, word
from agent_backends.protocol import People, Said
from runtime_client.wire import Json, JsonObject

NOBODY: JsonObject = {"action": "cancel"}
_NO: JsonObject = {"action": "decline"}
_OF_FORMS = ("", "form")


async def filled_in(people: People, params: JsonObject) -> JsonObject:
    """Have people fill in the form of a request, and return what its client is told.

    An address to open is declined: that is for somebody who sits before the client, and nobody does.
    """
    form = part(params, "requestedSchema") or part(params, "requested_schema")
    if word(params, "mode") not in _OF_FORMS or not part(form, "properties"):
        return _NO
    return _told(await people.ask(_asked(params, form)))


def _asked(params: JsonObject, form: JsonObject) -> JsonObject:
    server = word(params, "serverName") or word(params, "mcp_server_name")
    words: Json = " ".join(one for one in (f"{server}:" if server else "", word(params, "message")) if one) or None
    return {"kind": "form", "text": words, "form": {"type": "object", **form}}


def _told(said: Said) -> JsonObject:
    return {"action": "accept", "content": dict(said.answer)} if isinstance(said.answer, Mapping) else NOBODY
