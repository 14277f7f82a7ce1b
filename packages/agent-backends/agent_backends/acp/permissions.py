"""What an agent is answered that asks whether it may use a tool: only what it offers, and never for always."""

from collections.abc import Mapping

from agent_backends.client.loose import parts, word
from agent_backends.client.permission import Permission
from runtime_client.wire import JsonObject

CANCELLED: JsonObject = {"outcome": {"outcome": "cancelled"}}
_KIND: Mapping[Permission, str] = {Permission.ALLOW_ONCE: "allow_once", Permission.REJECT: "reject_once"}


def answer_to(asked: JsonObject, permission: Permission) -> JsonObject | None:
    """Return the answer to a request for permission; None if the agent offers nothing that may be chosen.

    What is allowed or rejected for always stays on the disk, and counts for whoever works there next.
    """
    offered = parts(asked, "options")
    chosen = next((word(one, "optionId") for one in offered if word(one, "kind") == _KIND[permission]), "")
    return {"outcome": {"outcome": "selected", "optionId": chosen}} if chosen else None
