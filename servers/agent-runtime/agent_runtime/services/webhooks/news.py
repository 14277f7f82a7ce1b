"""What of the events is news to the outside: they are read behind the writes, from where each webhook stands.

What is told is looked up when the event is read, a moment after it happened: an end that was taken back by then (the
job runs again) and a question that has its answer by then are no news.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from agent_runtime.domain.event import Event
from agent_runtime.domain.family import AT_WORK
from agent_runtime.domain.ids import QuestionId
from agent_runtime.domain.job import TERMINAL
from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.domain.question import QuestionStatus
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.webhook import DeliveryStatus, News, Webhook
from agent_runtime.domain.webhook_message import shortened
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.webhooks.known_webhooks import new_delivery

_ENDS = ("job.completed", "job.failed", "job.stopped")
EVENTS_OF: Mapping[News, Sequence[str]] = {
    News.JOB_ENDED: _ENDS,
    News.TREE_ENDED: _ENDS,
    News.SESSION_NEEDS_INPUT: ("question.asked",),
    News.SESSION_LOST: ("job.lost",),
    News.QUOTA_HELD: ("quota.held",),
}
MAY_BE_NEWS = frozenset(kind for kinds in EVENTS_OF.values() for kind in kinds)
PENDING_MAX = 10_000
"""How much may be on its way to one webhook; more is written down as failed, and can be replayed."""
_EVENTS_AT_ONCE = 500
_NOT_AT_REST = AT_WORK | {SessionStatus.WAITING_INPUT}
_QUIET_FACTS = frozenset({"said"})


def take_news(tx: Transaction) -> bool:
    """Make deliveries of what has happened, and tell whether there is more; the place is kept with the deliveries.

    Who dies in between does the step again, which changes nothing.
    """
    newest = tx.events.bounds()[1]
    return sum(_take(tx, webhook, newest) for webhook in tx.webhooks.all()) > 0


def _take(tx: Transaction, webhook: Webhook, newest: int) -> bool:
    through = min(newest, webhook.through_seq + _EVENTS_AT_ONCE)
    if through <= webhook.through_seq:
        return False
    wanted = [News(name) for name in webhook.news]
    kinds = sorted({kind for news in wanted for kind in EVENTS_OF[news]})
    found = tx.webhooks.events(webhook.through_seq, through, kinds)
    room = PENDING_MAX - tx.webhooks.count_pending(webhook.name) if found else 0
    for event in found:
        for news in wanted:
            data = _TOLD[news](tx, event) if event.new.type in EVENTS_OF[news] else None
            if data is not None:
                _add(tx, webhook, news, data, event, has_room=room > 0)
                room -= 1
    tx.webhooks.move(webhook.name, through)
    return through < newest


def _add(tx: Transaction, webhook: Webhook, news: News, data: JsonObject, event: Event, *, has_room: bool) -> None:
    delivery = new_delivery(tx, webhook, news, data, (event.seq, event.new))
    if not has_room:
        error = f"{PENDING_MAX} deliveries of this webhook are on their way already"
        delivery = replace(delivery, status=DeliveryStatus.FAILED, next_at=None, settled_at=tx.now, error=error)
    tx.webhooks.add(delivery)


def _ended_job(tx: Transaction, event: Event) -> "JsonObject | None":
    job = tx.jobs.get(event.new.job_id) if event.new.job_id is not None else None
    if job is None or job.status not in TERMINAL or job.attempt != event.new.attempt:
        return None
    return {
        **_whose(event),
        "agent": job.agent_name,
        "parent_session_name": job.parent_session_name,
        "status": job.status.value,
        "reason": job.reason,
        "error": shortened(job.error),
        "exit_code": job.exit_code,
        "run_seconds": job.run_seconds,
        "cost_usd": job.usage.cost_usd,
    }


def _ended_tree(tx: Transaction, event: Event) -> "JsonObject | None":
    root = event.new.root_session_id
    if root is None or tx.webhooks.is_followed(event, _ENDS):
        return None  # It is told of the last end.
    counts = tx.webhooks.count_tree(root)
    if not counts or _NOT_AT_REST.intersection(counts):
        return None
    session = tx.sessions.glance(root)
    sessions: dict[str, Json] = {status.value: count for status, count in sorted(counts.items())}
    return {
        "session_id": root,
        "session_name": session.name if session is not None else event.new.session_name,
        "sessions": sessions,
        "last_session_name": event.new.session_name,
    }


def _asked_question(tx: Transaction, event: Event) -> "JsonObject | None":
    question = tx.questions.get(QuestionId(str(event.new.data.get("question_id"))))
    if question is None or question.status is not QuestionStatus.OPEN:
        return None
    return {
        **_whose(event),
        "question_id": question.id,
        "kind": question.kind.value,
        "tool": question.tool,
        "text": shortened(question.text),
        "expires_at": question.expires_at.isoformat(),
    }


def _lost_session(tx: Transaction, event: Event) -> "JsonObject | None":
    del tx
    return {**_whose(event), "launcher_id": event.new.data.get("launcher_id")}


def _held_account(tx: Transaction, event: Event) -> "JsonObject | None":
    del tx
    return {name: fact for name, fact in event.new.data.items() if name not in _QUIET_FACTS}


def _whose(event: Event) -> JsonObject:
    new = event.new
    return {
        "session_id": new.session_id,
        "session_name": new.session_name,
        "root_session_id": new.root_session_id,
        "job_id": new.job_id,
        "attempt": new.attempt,
    }


_TOLD: Mapping[News, Callable[[Transaction, Event], "JsonObject | None"]] = {
    News.JOB_ENDED: _ended_job,
    News.TREE_ENDED: _ended_tree,
    News.SESSION_NEEDS_INPUT: _asked_question,
    News.SESSION_LOST: _lost_session,
    News.QUOTA_HELD: _held_account,
}
