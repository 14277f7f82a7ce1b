"""What launchers tell of the clients that they can run."""

from typing import Annotated

from pydantic import BaseModel, Field

from agent_runtime.domain.launcher import Clients, Launcher
from agent_runtime.http.wire.fields import PlainText

_Client = Annotated[PlainText, Field(min_length=1, max_length=250)]
_Path = Annotated[PlainText, Field(max_length=4096)]
_Word = Annotated[PlainText, Field(max_length=200)]


class ClientWire(BaseModel):
    """What there is of one client at a launcher.

    `client` is the backend's name, or for `acp` the backend's and the program's, with a blank between them; without
    `program` it is not installed; `is_signed_in` is null where nobody can tell without spending money.
    `account` tells the accounts of clients apart and names none of their secrets; null where nobody can tell.
    """

    client: _Client
    program: _Path | None = None
    version: _Word | None = None
    is_signed_in: bool | None = None
    account: _Word | None = None


ClientsBody = Annotated[list[ClientWire], Field(max_length=100)]
"""What a launcher can run: empty while it looks for the first time."""


def clients_by_name(told: list[ClientWire] | None) -> Clients | None:
    """Say in the services' words what a launcher can run; nothing if it does not say."""
    return None if told is None else {one.client: one.model_dump(exclude={"client"}) for one in told}


def clients_wire(launcher: Launcher) -> list[ClientWire] | None:
    """Show what a launcher can run."""
    if launcher.clients is None:
        return None
    return [ClientWire.model_validate({"client": name, **facts}) for name, facts in launcher.clients.items()]
