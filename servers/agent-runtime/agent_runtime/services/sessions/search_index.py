"""Brings the words by which sessions are found in step with what happened, a few sessions at a time."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice

from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.search_words import words_of
from agent_runtime.services.ports.search import SearchPosition
from agent_runtime.services.ports.store import Transaction

CHANGES_WORDS = frozenset(
    {
        "session.created",
        "session.updated",
        "session.deleted",
        "job.created",
        "job.edited",
        "job.completed",
        "job.failed",
        "job.stopped",
        "job.lost",
        "job.healed",
        "result",
    }
)
"""The events after which a session may be found by other words."""
TEXT_CHARACTERS_MAX = 8_000
JOBS_MAX = 40
WORDS_MAX = 8_000
_EVENTS_AT_ONCE = 500
_SESSIONS_AT_ONCE = 50


def advance(tx: Transaction) -> bool:
    """Take the next step, and tell whether there may be another; the position is written with the words.

    Who dies in between does the step again, which changes nothing.
    """
    if not tx.leads("search index"):
        return True
    position = tx.search.position() or SearchPosition(tx.events.bounds()[1], SessionId(""))
    if position.swept_through is not None:
        found = tx.search.behind(position.swept_through, _SESSIONS_AT_ONCE)
        _index(tx, found)
        tx.search.move(replace(position, swept_through=found[-1] if found else None))
        return True
    newest = tx.events.bounds()[1]
    through = min(newest, position.through_seq + _EVENTS_AT_ONCE)
    if through <= position.through_seq:
        return False
    _index(tx, tx.search.touched(position.through_seq, through, sorted(CHANGES_WORDS)))
    tx.search.move(replace(position, through_seq=through))
    return through < newest


def _index(tx: Transaction, sessions: Sequence[SessionId]) -> None:
    for session_id in sessions:
        texts = tx.search.texts(session_id, TEXT_CHARACTERS_MAX, JOBS_MAX)
        if texts is None:
            tx.search.forget(session_id)
        else:
            tx.search.keep(session_id, list(islice(chain.from_iterable(map(words_of, texts)), WORDS_MAX)))
