"""A session's events as they come, each once and in order, until the session is at rest."""

import threading
from collections.abc import Iterator

from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError
from runtime_client.models import Event
from runtime_client.watching.stream import StreamRequest, follow

LOOK_SECONDS = 0.5


def events_until_rest(client: RuntimeClient, session: str, after: int) -> Iterator[Event]:
    """Yield the events after `after`, and go on until the session is at rest.

    The list of events is read, and the stream only says when: so nothing is missed while the connection is down.

    Errors:  RefusedError, if the session does not exist.
    """
    pause = threading.Event()
    for _ in follow(client, StreamRequest(session), pause.wait):
        try:
            # The status first: what is recorded before the rest is then surely in the list that is read after it.
            is_at_rest = client.session(session).is_at_rest
            for event in client.session_events(session, after):
                after = event.seq
                yield event
        except RefusedError:
            raise
        except RuntimeClientError:
            continue
        if is_at_rest:
            return


def output_of_last_job(client: RuntimeClient, session: str, *, is_followed: bool) -> Iterator[bytes]:
    """Yield what a session's newest job has printed; with `is_followed` go on until it ended."""
    pause = threading.Event()
    for job in client.jobs_of_session(session):
        offset = 0
        while True:
            piece, offset, is_complete = client.job_log(job.job_id, offset)
            if piece:
                yield piece
            elif is_complete or not is_followed:
                return
            else:
                pause.wait(LOOK_SECONDS)
