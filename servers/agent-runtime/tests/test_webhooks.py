"""News to the outside, in rows: told at least once over every crash, by one runtime, retried for a day."""

import asyncio
import functools
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from household import Household, PowerCutError
from inquiry import ALLOW, Inquiry

from agent_runtime.domain.errors import Conflict, Invalid, NotFound
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.job import JobStatus, Move
from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.webhook import (
    ALL_NEWS,
    KEPT_FOR,
    WEBHOOKS_MAX,
    Delivery,
    DeliveryStatus,
    News,
    Outcome,
    Webhook,
    WebhookFormat,
)
from agent_runtime.domain.webhook_links import is_page_url
from agent_runtime.domain.webhook_message import message_of, sentence_of
from agent_runtime.domain.webhook_targets import Targets
from agent_runtime.outside.calling import Outside
from agent_runtime.services.jobs.moves import move_job
from agent_runtime.services.ports.store import Announcement, Transaction
from agent_runtime.services.ports.webhooks import DeliveryFilter
from agent_runtime.services.webhooks.attempts import Taken, settle, take_due
from agent_runtime.services.webhooks.known_webhooks import (
    get_webhook,
    make_webhook,
    remove_webhook,
    replay_delivery,
    send_test,
)
from agent_runtime.upkeep import webhooks as upkeep_of_webhooks
from agent_runtime.upkeep.webhooks import WebhookUpkeep
from support.receiver import Receiver
from support.store_rig import StoreRig
from support.waiting import wait_until

LASTS = timedelta(seconds=20)
TAKEN, BROKEN = Outcome(204), Outcome(500, "it answered 500")


class Outlook:
    """A household with a webhook, and what is on its way there."""

    def __init__(self, house: Household) -> None:
        self.house = house

    def make(self, name: str = "hook", news: Sequence[News] = ALL_NEWS, **fields: object) -> Webhook:
        """Have a place told."""
        said = {"url": "https://example.com/x", "format": WebhookFormat.JSON, "secret": "${env:KEY}", **fields}
        asked = Webhook(
            name=name,
            news=[str(one) for one in news],
            through_seq=0,
            made_at=self.house.clock.now(),
            **said,  # type: ignore[arg-type]
        )
        return self.house.do(lambda tx: make_webhook(tx, asked, Targets()))

    def take(self, places: int = 100, *, dies: bool = False) -> Sequence[Delivery]:
        """Take what is due."""
        return [one for _, one in self.look(places, dies=dies).attempts]

    def look(self, places: int = 100, *, dies: bool = False) -> Taken:
        """Do one round."""
        return self.house.do(lambda tx: take_due(tx, {}, places, LASTS), dies=dies)

    def settle(self, delivery: Delivery, outcome: Outcome, *, dies: bool = False) -> Delivery | None:
        """Write down what came of an attempt."""
        return self.house.do(lambda tx: settle(tx, delivery, outcome), dies=dies)

    def all(self, name: str = "hook") -> Sequence[Delivery]:
        """All deliveries, oldest first."""
        return self.house.do(lambda tx: list(reversed(tx.webhooks.page(DeliveryFilter(name, 100)))))


@pytest.fixture
def outlook(house: Household) -> Outlook:
    """A household of which nobody outside is told yet."""
    return Outlook(house)


def test_each_kind_of_news_is_told_once_with_what_it_is_about(outlook: Outlook, inquiry: Inquiry) -> None:
    house = outlook.house
    before = house.run("before")
    house.end(before)
    outlook.make()
    job = house.run("asks")
    asked = inquiry.asked(job, text="May I?")
    (needs,) = outlook.take()
    inquiry.answer(asked, ALLOW)
    house.end(job, JobStatus.FAILED)
    ended, tree = sorted(outlook.take(), key=lambda one: one.news)

    assert (needs.news, needs.data["session_name"], needs.data["tool"]) == (News.SESSION_NEEDS_INPUT, "asks", "Bash")
    assert sentence_of(needs) == "asks asks: Bash: May I?"
    assert (ended.news, ended.data["status"], ended.data["job_id"]) == (News.JOB_ENDED, "failed", job.id)
    assert sentence_of(ended) == "asks failed: nonzero_exit: asks broke"
    assert (tree.news, tree.data["session_name"], tree.data["sessions"]) == (News.TREE_ENDED, "asks", {"failed": 1})
    assert outlook.take() == []
    assert len(outlook.all()) == 3


def test_a_session_that_is_lost_is_news(outlook: Outlook) -> None:
    house = outlook.house
    outlook.make(news=[News.SESSION_LOST])
    job = house.run("gone")
    house.do(lambda tx: move_job(tx, job, Move.LOSE, JobStatus.LOST, {}))

    (lost,) = outlook.take()

    assert (lost.news, lost.data["session_name"], lost.data["job_id"]) == (News.SESSION_LOST, "gone", job.id)


def test_a_tree_has_ended_when_all_of_it_is_at_rest_and_not_before(outlook: Outlook) -> None:
    house = outlook.house
    outlook.make(news=[News.TREE_ENDED])
    parent = house.run("parent")
    child = house.run("child", "parent", callback=False)
    house.end(parent)
    assert outlook.take() == []

    house.end(child)
    (tree,) = outlook.take()

    assert tree.data["sessions"] == {"finished": 2}
    assert (tree.data["session_name"], tree.data["last_session_name"]) == ("parent", "child")
    assert sentence_of(tree) == "parent and all below it are at rest: 2 finished"
    for name in ("parent", "child"):
        house.resume(name)
        (again,) = house.run_all()
        house.end(again)
    assert [one.data["last_session_name"] for one in outlook.take()] == ["child"]  # Two ends, and one of the tree.


def test_what_was_taken_back_or_answered_before_anybody_was_told_is_no_news(outlook: Outlook, inquiry: Inquiry) -> None:
    house = outlook.house
    outlook.make()
    job = house.run("quick")
    inquiry.answer(inquiry.asked(job), ALLOW)
    with_more = house.resume("quick")
    house.end(job)

    told = outlook.take()

    assert [(one.news, one.data["job_id"]) for one in told] == [(News.JOB_ENDED, job.id)]
    assert house.job(with_more.id).status is JobStatus.PENDING


def test_who_dies_before_or_after_any_step_tells_it_all_the_same_and_under_the_same_id(outlook: Outlook) -> None:
    house = outlook.house
    outlook.make(news=[News.JOB_ENDED])
    house.end(house.run("one"))
    with pytest.raises(PowerCutError):
        outlook.take(dies=True)  # Right before the commit: nothing is taken.
    house.crash()
    (first,) = outlook.take()
    house.crash()  # Right after: nobody sends it, until its time is over.
    assert outlook.take() == []
    house.clock.at += LASTS
    (second,) = outlook.take()
    with pytest.raises(PowerCutError):
        outlook.settle(second, TAKEN, dies=True)  # It was sent, and that is forgotten: it is sent once more.
    house.crash()
    house.clock.at += LASTS
    (third,) = outlook.take()
    assert outlook.settle(third, TAKEN) is not None
    house.clock.at += LASTS

    assert {first.id, second.id, third.id} == {first.id}
    assert [first.attempts, second.attempts, third.attempts] == [1, 2, 3]
    assert outlook.take() == []
    assert outlook.settle(second, BROKEN) is None  # One that counts as dead says nothing more.
    (over,) = outlook.all()
    assert (over.status, over.answered) == (DeliveryStatus.DELIVERED, 204)


def test_what_does_not_arrive_is_tried_less_and_less_often_for_a_day_and_can_then_be_replayed(outlook: Outlook) -> None:
    house = outlook.house
    outlook.make(news=[News.JOB_ENDED])
    house.end(house.run("one"))
    began = house.clock.now()
    waits: list[timedelta] = []
    while attempts := outlook.take():
        settled = outlook.settle(attempts[0], BROKEN)
        assert settled is not None
        if settled.next_at is not None:
            waits.append(settled.next_at - house.clock.now())
            house.clock.at = settled.next_at

    (given_up,) = outlook.all()
    assert (given_up.status, given_up.error, given_up.answered) == (DeliveryStatus.FAILED, "it answered 500", 500)
    assert timedelta(hours=20) < house.clock.now() - began <= timedelta(days=1)
    assert timedelta(seconds=5) <= waits[0] <= timedelta(seconds=6)
    assert all(earlier <= later * 1.2 for earlier, later in pairwise(waits))
    assert len(waits) < 25

    house.do(lambda tx: replay_delivery(tx, "hook", given_up.id))
    (again,) = outlook.take()
    assert (again.id, again.attempts) == (given_up.id, 1)
    outlook.settle(again, TAKEN)
    house.clock.at += KEPT_FOR + timedelta(hours=1)
    assert outlook.take() == []
    assert outlook.all() == []


def test_a_target_that_asks_for_time_is_given_it_and_one_that_is_gone_is_left_alone(outlook: Outlook) -> None:
    outlook.make()
    outlook.house.do(lambda tx: send_test(tx, "hook"))
    (delivery,) = outlook.take()
    settled = outlook.settle(delivery, Outcome(429, "it answered 429", 600.0))
    assert settled is not None
    assert settled.next_at is not None
    assert timedelta(seconds=600) <= settled.next_at - outlook.house.clock.now() <= timedelta(seconds=720)
    outlook.house.clock.at = settled.next_at
    (delivery,) = outlook.take()

    gone = outlook.settle(delivery, Outcome(410, "it answered 410"))

    assert gone is not None
    assert gone.status is DeliveryStatus.FAILED


def test_of_two_runtimes_one_delivers(outlook: Outlook, rig: StoreRig) -> None:
    outlook.make()
    for _ in range(20):
        outlook.house.do(lambda tx: send_test(tx, "hook"))
    taken: list[Delivery] = []

    async def take() -> None:
        for _ in range(5):
            found = await rig.store.write(lambda tx: take_due(tx, {}, 2, LASTS))
            taken.extend(one for _, one in found.attempts)

    async def both() -> None:
        await asyncio.gather(*(take() for _ in range(4)))

    rig.runner.run(both())
    while more := outlook.take(2):
        taken += more

    assert len(taken) == len({one.id for one in taken}) == 20


def test_one_webhook_has_so_many_places_and_another_one_its_own(outlook: Outlook) -> None:
    for name in ("slow", "hook"):
        outlook.make(name)
        for _ in range(3):
            outlook.house.do(lambda tx, name=name: send_test(tx, name))  # type: ignore[misc]

    taken = outlook.house.do(lambda tx: take_due(tx, {"slow": 0}, 2, LASTS))
    more = outlook.house.do(lambda tx: take_due(tx, {"slow": 0, "hook": 2}, 2, LASTS))

    assert [webhook.name for webhook, _ in taken.attempts] == ["hook", "hook"]
    assert [webhook.name for webhook, _ in more.attempts] == ["hook"]
    assert more.next_at is not None


def test_a_webhook_that_is_removed_takes_its_deliveries_along(outlook: Outlook) -> None:
    outlook.make()
    outlook.house.do(lambda tx: send_test(tx, "hook"))
    (delivery,) = outlook.take()
    outlook.house.do(lambda tx: remove_webhook(tx, "hook"))

    assert outlook.settle(delivery, TAKEN) is None
    with pytest.raises(NotFound, match="no webhook 'hook'"):
        outlook.house.do(lambda tx: get_webhook(tx, "hook"))
    outlook.make()
    assert outlook.take() == []


def test_what_cannot_be_a_webhook_is_refused_with_a_sentence(outlook: Outlook) -> None:
    for fields, why in (
        ({"secret": "whsec_abc"}, "a secret is named, not said"),
        ({"secret": None}, "what is sent as 'json' is signed"),
        ({"news": []}, "at least one of 'job.ended', "),
        ({"url": "https://10.0.0.7/x"}, "the address 10.0.0.7 is not a public one, and not in the list of targets"),
        ({"url": "http://[::ffff:169.254.169.254]/"}, "the address 169.254.169.254 is not a public one"),
        ({"url": "https://x/${env:KEY}"}, "a reference is the whole URL, or none of it"),
        ({"url": "gopher://x"}, "'https://HOST/…' is expected"),
    ):
        with pytest.raises(Invalid, match="invalid ") as refused:
            outlook.make(**fields)
        assert why in str(refused.value)
    outlook.make(url="${env:URL}", secret=None, format=WebhookFormat.SLACK)
    with pytest.raises(Conflict, match="there is a webhook 'hook'"):
        outlook.make()
    for number in range(1, WEBHOOKS_MAX):
        outlook.make(f"hook-{number}")
    with pytest.raises(Conflict, match=f"there are {WEBHOOKS_MAX} webhooks, which is all"):
        outlook.make("one-more")


def test_news_fits_what_slack_and_ntfy_read(outlook: Outlook) -> None:
    outlook.make()
    outlook.house.do(lambda tx: send_test(tx, "hook"))
    (test,) = outlook.take()
    data = {"session_name": "s", "status": "failed", "error": "<!channel>\n & ünï\u202e"}
    delivery = Delivery(**{**vars(test), "news": News.JOB_ENDED, "data": data})

    slack, ntfy = message_of(delivery, WebhookFormat.SLACK), message_of(delivery, WebhookFormat.NTFY)

    assert slack.body.decode() == '{"text":"s failed: &lt;!channel&gt; &amp; ünï","mrkdwn":false}'
    assert ntfy.body.decode() == "s failed: <!channel> & ünï"
    assert ntfy.headers == {"Title": "Job ended", "Tags": "checkered_flag", "Priority": "default"}


def test_news_leads_to_what_it_is_about_where_it_is_known_how_people_reach_the_page(outlook: Outlook) -> None:
    outlook.make()
    outlook.house.do(lambda tx: send_test(tx, "hook"))
    (test,) = outlook.take()
    data: JsonObject = {"session_name": "a/b", "question_id": "qst_1", "until": "2026-01-02T03:04:05Z"}
    page = "https://agents.example/ao"
    led = {
        news.value: message_of(Delivery(**{**vars(test), "news": news, "data": data}), WebhookFormat.NTFY, page).headers
        for news in News
    }
    slack, told = (message_of(test, form, f"{page}/").body for form in (WebhookFormat.SLACK, WebhookFormat.JSON))

    assert {news: headers["Click"] for news, headers in led.items()} == {
        "job.ended": f"{page}/#/sessions/a%2Fb",
        "session.needs_input": f"{page}/#/questions/qst_1",
        "session.lost": f"{page}/#/sessions/a%2Fb",
        "quota.held": f"{page}/#/queue",
        "tree.ended": f"{page}/#/sessions/a%2Fb",
        "webhook.test": f"{page}/#/webhooks/hook",
    }
    assert f"'hook' {page}/#/webhooks/hook" in slack.decode()
    assert f'"link":"{page}/#/webhooks/hook"' in told.decode()


def test_what_is_no_address_of_a_page_is_refused_before_anything_is_sent() -> None:
    assert all(is_page_url(url) for url in ("https://a.example", "http://127.0.0.1:8765/ao/"))
    for url in (
        "a.example",
        "ftp://a",
        "https://",
        "https://u:p@a/",
        "https://a/#b",
        "https://a/?b",
        "https://a/\r\nX: y",
        "https://[",
    ):
        assert not is_page_url(url), url


def say_much(tx: Transaction, number: int) -> None:
    """Let so much happen that is no news."""
    for _ in range(number):
        tx.emit(NewEvent(type="agent.changed", at=tx.now, data={}))


def test_a_crowd_of_news_among_other_events_waits_for_no_pause(
    outlook: Outlook, rig: StoreRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_of_webhooks, "PAUSE_SECONDS", 3600.0)
    with Receiver() as receiver:
        upkeep = WebhookUpkeep(rig.store, Outside(Targets.of(["127.0.0.1"]), 5.0), 5.0, {"URL": receiver.url})
        outlook.make(url="${env:URL}", secret=None, format=WebhookFormat.NTFY, news=[News.JOB_ENDED])
        outlook.house.do(lambda tx: say_much(tx, 1200))
        for number in range(6):
            outlook.house.end(outlook.house.run(f"job-{number}"))

        async def all_arrive() -> None:
            upkeep.start()
            all_are_there = functools.partial(wait_until, lambda: len(set(receiver.ids)) == 6, "all of it arrives")
            await asyncio.to_thread(all_are_there)
            await upkeep.stop()

        rig.runner.run(all_arrive())


def test_who_has_just_begun_to_hear_looks_for_what_was_told_before(rig: StoreRig) -> None:
    upkeep = WebhookUpkeep(rig.store, Outside(Targets(), 1.0), 1.0)

    async def hears_of_the_past() -> None:
        waiting = asyncio.create_task(upkeep.do_round())
        await asyncio.sleep(0)  # it has begun, and hears from here on
        upkeep.hear(Announcement(due_at=rig.clock.now()))
        await asyncio.wait_for(waiting, 10)

    rig.runner.run(hears_of_the_past())
