"""The runtime's event stream, read so that a cut connection loses nothing and a proxy that spoils it does no harm."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runtime_client.client import RuntimeClient
from runtime_client.errors import NotTheRuntimeError, RefusedError, RuntimeClientError
from runtime_client.models import Event
from runtime_client.retry import Backoff
from runtime_client.transport import Call
from runtime_client.wire import as_object

TICK_SECONDS = 15.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class StreamRequest:
    """Which events to receive.

    Shape:   `session` is a name or id, None for all; no `types` means all of them;
             `after` is a sequence number, None for what happens from now on.
    """

    session: str | None = None
    types: tuple[str, ...] = ()
    after: int | None = None


@dataclass(frozen=True)
class Gap:
    """Events that were asked for are gone; the stream goes on behind `seq`."""

    seq: int


def events_of_stream(lines: Iterator[str]) -> Iterator[Event | Gap]:
    """Yield the events in the lines of a server-sent event stream, and the gaps between them.

    Errors:  ValueError, if a message is no event of ours.
    """
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if line:
            fields.setdefault(name, []).append(value.removeprefix(" "))
            continue
        if "data" in fields:
            yield _read(fields)
        fields = {}


def _read(fields: dict[str, list[str]]) -> Event | Gap:
    if fields.get("event") == ["gap"]:
        return Gap(int(fields["id"][-1]))
    return Event.read(as_object(json.loads("\n".join(fields["data"])), "event"))


def follow(client: RuntimeClient, request: StreamRequest, wait: Callable[[float], object]) -> Iterator[Event | None]:
    """Yield events for ever, and None whenever it is worth to look at the state itself.

    None comes at the beginning, after each time that the connection was lost, where events are gone, and where there is
    no stream (an older runtime, a proxy) every POLL_SECONDS. A caller that looks at the state on every item misses
    nothing either way.

    Units:   `wait` is called with seconds.
    Errors:  RefusedError, if the runtime refuses the stream for good, other than for not having one.
    """
    backoff = Backoff()
    after = request.after
    while True:
        yield None
        try:
            for event in _one_connection(client, request, after, backoff.reset):
                after = event.seq
                yield None if isinstance(event, Gap) else event
            wait(backoff.next_seconds())
        except RefusedError as error:
            if error.http_status not in {404, 405}:
                raise
            wait(POLL_SECONDS)
        except (NotTheRuntimeError, ValueError):
            wait(POLL_SECONDS)
        except RuntimeClientError:
            wait(backoff.next_seconds())


def _one_connection(
    client: RuntimeClient, request: StreamRequest, after: int | None, on_connected: Callable[[], None]
) -> Iterator[Event | Gap]:
    parameters = {} if request.session is None else {"session": request.session}
    if request.types:
        parameters["types"] = ",".join(request.types)
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    # The runtime sends a comment line when nothing happens, so a silence this long means a dead connection.
    call = Call("GET", "/events/stream", parameters=parameters, headers=headers, read_seconds=TICK_SECONDS * 3)
    with client.transport.lines(call) as lines:
        on_connected()
        yield from events_of_stream(lines)
