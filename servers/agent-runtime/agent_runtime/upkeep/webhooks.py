"""Carries news to webhooks: reads what has happened, sends what is due, and writes down what came of it.

All of it is rows: what was taken and never settled, because its runtime died, is taken again when its time is over.
"""

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from agent_runtime.domain.errors import Unavailable
from agent_runtime.domain.webhook import Delivery, Outcome, Webhook, is_reference, keys_of, signature
from agent_runtime.domain.webhook_message import Message, message_of
from agent_runtime.domain.webhook_targets import place_of
from agent_runtime.outside.calling import Outside, Request
from agent_runtime.outside.in_thread import in_thread
from agent_runtime.outside.references import value_of
from agent_runtime.services.ports.store import Announcement, Store
from agent_runtime.services.webhooks.attempts import settle, take_due
from agent_runtime.services.webhooks.known_webhooks import STIRS
from agent_runtime.services.webhooks.news import MAY_BE_NEWS
from agent_runtime.upkeep.background import Background
from agent_runtime.version import VERSION

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Attempts at one webhook at the same time: one that hangs holds up nobody else."""
PAUSE_SECONDS = 0.25
"""Of a crowd of commits, not each is looked for; a crowd of news that is taken well waits for no pause."""
LOOKS_UP_EVERY_SECONDS = 60.0
SETTLED_WITHIN_SECONDS = 3.0
"""An attempt that is over is written down within this time, or counts as dead."""
OUR_MISTAKE = "failed by a mistake of ours: what it was is in the log of the runtime"


class WebhookUpkeep(Background):
    """Sends beside the loop; each webhook has its own few places."""

    def __init__(
        self,
        store: Store,
        outside: Outside,
        timeout_seconds: float,
        environment: Mapping[str, str] = os.environ,
        page_url: str = "",
    ) -> None:
        super().__init__("webhooks")
        self._store = store
        self._outside = outside
        self._timeout_seconds = timeout_seconds
        self._lasts = timedelta(seconds=2 * timeout_seconds + SETTLED_WITHIN_SECONDS)
        self._environment = environment
        self._page_url = page_url
        self._stirred = asyncio.Event()
        self._freed = asyncio.Event()
        self._at_work: dict[str, set[asyncio.Task[bool]]] = {}

    def hear(self, announcement: Announcement) -> None:
        """Learn of a commit after which there may be news, or another webhook."""
        if self._stirred.is_set():
            return
        # Whoever has just begun to hear is told of no event of before, only that something may be due.
        begins_to_hear = not announcement.events and announcement.due_at is not None
        if begins_to_hear or any(event.new.type in MAY_BE_NEWS | STIRS for event in announcement.events):
            self._stirred.set()

    async def do_round(self) -> None:
        """Send what is due, and wait until there is more."""
        self._stirred.clear()
        self._freed.clear()
        next_in = await self._send_due()
        # Without a pause while there is more to read, and after what was taken: more may have waited for its place.
        if next_in != 0 and not await _comes(self._freed, PAUSE_SECONDS):
            await _comes(self._stirred, next_in)

    async def stop(self) -> None:
        """End; what is under way counts as dead in its time, and is sent again."""
        await super().stop()
        tasks = [task for tasks in self._at_work.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_due(self) -> float | None:
        """Begin what is due, and tell in how many seconds to look again; None if only news can change anything."""
        if not await self._store.read(lambda tx: tx.webhooks.all()):
            return None
        places = {name: AT_ONCE - len(tasks) for name, tasks in self._at_work.items()}
        now, taken = await self._store.write(lambda tx: (tx.now, take_due(tx, places, AT_ONCE, self._lasts)))
        for webhook, delivery in taken.attempts:
            self._begin(webhook, delivery)
        return _seconds_until(taken.next_at, now)

    def _begin(self, webhook: Webhook, delivery: Delivery) -> None:
        tasks = self._at_work.setdefault(webhook.name, set())
        task = asyncio.get_running_loop().create_task(self._attempt(webhook, delivery), name=f"webhook {delivery.id}")
        tasks.add(task)

        def leave(task: asyncio.Task[bool]) -> None:
            tasks.discard(task)
            if not task.cancelled() and task.result():
                self._freed.set()
            self._stirred.set()

        task.add_done_callback(leave)

    async def _attempt(self, webhook: Webhook, delivery: Delivery) -> bool:
        """Send it and write down what came of that; tell whether it was taken."""
        try:
            outcome, settled = await self._try(webhook, delivery)
        except Unavailable:  # The store has said so; the attempt counts as dead in its time.
            return False
        except Exception:
            log.exception("what came of an attempt at a webhook could not be written down; it counts as dead")
            return False
        if outcome.error is not None:
            facts = {"webhook": webhook.name, "delivery_id": delivery.id, "attempt": delivery.attempts}
            status = settled.status.value if settled is not None else "replaced"
            log.warning("news did not reach a webhook", extra={**facts, "status": status, "cause": outcome.error})
        return outcome.is_delivered

    async def _try(self, webhook: Webhook, delivery: Delivery) -> tuple[Outcome, Delivery | None]:
        try:
            outcome = await self._send(webhook, delivery)
            return outcome, await self._settle(delivery, outcome)
        except Unavailable:
            raise
        except Exception:
            log.exception("an attempt at a webhook failed by a mistake of ours; it is settled as one that failed")
        # Settled all the same: what only counts as dead knows no longer pauses and no end, and fails again for ever.
        outcome = Outcome(None, OUR_MISTAKE)
        return outcome, await self._settle(delivery, outcome)

    async def _settle(self, delivery: Delivery, outcome: Outcome) -> Delivery | None:
        return await self._store.write(lambda tx: settle(tx, delivery, outcome))

    async def _send(self, webhook: Webhook, delivery: Delivery) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                url, secret = await in_thread(lambda: self._values(webhook), "webhook-secrets")
            message = message_of(delivery, webhook.format, self._page_url)
            request = _request(delivery, message, url, secret)
        except TimeoutError:
            return Outcome(None, f"its references could not be read within {self._timeout_seconds:g} seconds")
        except ValueError as error:
            return Outcome(None, str(error))
        return await self._outside.post(request)

    def _values(self, webhook: Webhook) -> tuple[str, str | None]:
        url = value_of(webhook.url, self._environment) if is_reference(webhook.url) else webhook.url
        return url, value_of(webhook.secret, self._environment) if webhook.secret is not None else None


def _request(delivery: Delivery, message: Message, url: str, secret: str | None) -> Request:
    """Word one attempt.

    Errors:  ValueError, which quotes neither the secret nor the URL.
    """
    # By the wall's clock and not by the store's: the target compares it with its own.
    timestamp = int(time.time())
    headers = {
        "Content-Type": message.content_type,
        "User-Agent": f"agent-runtime/{VERSION}",
        **message.headers,
        "webhook-id": delivery.id,
        "webhook-timestamp": str(timestamp),
    }
    if secret is not None:
        headers["webhook-signature"] = signature(keys_of(secret), delivery.id, timestamp, message.body)
    return Request(place_of(url), headers, message.body)


async def _comes(event: asyncio.Event, within_seconds: float | None) -> bool:
    try:
        async with asyncio.timeout(within_seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _seconds_until(moment: datetime | None, now: datetime) -> float:
    seconds = (moment - now).total_seconds() if moment is not None else LOOKS_UP_EVERY_SECONDS
    return min(max(seconds, 0.0), LOOKS_UP_EVERY_SECONDS)
