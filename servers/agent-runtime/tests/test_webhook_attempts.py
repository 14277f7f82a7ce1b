"""An attempt at a webhook is settled whatever breaks in it: its pauses grow, and after a day it is over."""

import asyncio
import logging
from datetime import timedelta
from itertools import pairwise

import pytest
from household import Household

from agent_runtime.domain.webhook import Delivery, DeliveryStatus, News, Outcome, Webhook, WebhookFormat
from agent_runtime.domain.webhook_targets import Targets
from agent_runtime.outside.calling import Outside, Request
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.ports.webhooks import DeliveryFilter
from agent_runtime.services.webhooks import attempts
from agent_runtime.services.webhooks.known_webhooks import make_webhook, send_test
from agent_runtime.upkeep import webhooks as upkeep_of_webhooks
from agent_runtime.upkeep.webhooks import OUR_MISTAKE, WebhookUpkeep
from support.store_rig import StoreRig

ODD = Outcome(503, "it answered 503")


class Breaking(Outside):
    """A way outside with a mistake in it, or a target whose answer nobody has thought of."""

    def __init__(self, failure: Exception | None) -> None:
        super().__init__(Targets(), 1.0)
        self.failure = failure

    async def post(self, _request: Request) -> Outcome:
        """Break, or tell of an odd answer."""
        if self.failure is not None:
            raise self.failure
        return ODD


def settle_or_break(tx: Transaction, delivery: Delivery, outcome: Outcome) -> Delivery | None:
    """Settle what can be settled."""
    if outcome == ODD:
        raise OverflowError("what it asked for is too much")
    return attempts.settle(tx, delivery, outcome)


@pytest.mark.parametrize("failure", [OverflowError("in the sending"), None], ids=["sending", "settling"])
def test_what_breaks_by_a_mistake_of_ours_is_tried_ever_more_rarely_and_fails_after_a_day(
    house: Household,
    rig: StoreRig,
    failure: Exception | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(upkeep_of_webhooks, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(upkeep_of_webhooks, "settle", settle_or_break)
    upkeep = WebhookUpkeep(rig.store, Breaking(failure), 1.0, {"URL": "https://example.com/x"})
    hook = Webhook(
        name="hook",
        url="${env:URL}",
        format=WebhookFormat.NTFY,
        secret=None,
        news=[News.JOB_ENDED],
        through_seq=0,
        made_at=house.clock.now(),
    )
    house.do(lambda tx: make_webhook(tx, hook, Targets()))
    house.do(lambda tx: send_test(tx, "hook"))
    began, waits = house.clock.now(), list[timedelta]()

    for _ in range(25):
        with caplog.at_level(logging.ERROR):
            rig.runner.run(asyncio.wait_for(upkeep.do_round(), 10))
        (delivery,) = house.do(lambda tx: tx.webhooks.page(DeliveryFilter("hook", 10)))
        if delivery.next_at is None:
            break
        waits.append(delivery.next_at - house.clock.now())
        house.clock.at = delivery.next_at

    assert (delivery.status, delivery.answered, delivery.error) == (DeliveryStatus.FAILED, None, OUR_MISTAKE)
    assert timedelta(hours=20) < house.clock.now() - began <= timedelta(days=1)
    assert timedelta(seconds=5) <= waits[0] <= timedelta(seconds=6)
    assert all(earlier <= later * 1.2 for earlier, later in pairwise(waits))
    assert len([one for one in caplog.records if one.exc_info]) == len(waits) + 1
