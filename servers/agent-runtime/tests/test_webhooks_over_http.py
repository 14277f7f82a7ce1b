"""News as it arrives outside, on real sockets: signed, shown, replayed; and targets that do what they should not."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import Commands
from support.desk import Desk, JsonObject, fresh, items, part, read, refused, text
from support.postgres import Cluster
from support.receiver import Receiver, answering, flooding, never
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
SIGNED = "${env:AGENT_SECRET_HOOK}"
# So long that a busy machine reads in it what it is to refuse.
TIMEOUT_SECONDS = 2


def environment() -> dict[str, str]:
    """What a runtime must be told, for receivers of this machine."""
    return {
        "AGENT_RUNTIME_WEBHOOK_TARGETS": "127.0.0.1,hooks.example",
        "AGENT_RUNTIME_WEBHOOK_TIMEOUT": str(TIMEOUT_SECONDS),
        "AGENT_RUNTIME_PAGE_URL": "https://agents.example/",
        "AGENT_SECRET_HOOK": SECRET,
        "AGENT_SECRET_WRONG": "whsec_hello",
    }


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def runtime(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that may call this machine, on either database; this file's tests kill it too."""
    url = None
    if request.param == "postgresql":
        server: Cluster = request.getfixturevalue("cluster")
        url = server.new_database(request.getfixturevalue("postgres_template"))
    process = RuntimeProcess(tmp_path_factory.mktemp("hooks"), environment(), database_url=url)
    yield process.start()
    process.leave_nothing()


@pytest.fixture(autouse=True)
def nobody_is_told_any_more(desk: Desk) -> Iterator[None]:
    """Let each test find a runtime without webhooks."""
    yield
    for one in items(read(desk.get("/webhooks"))["webhooks"]):
        read(desk.http.delete(f"/webhooks/{text(one['name'])}"))


def make(desk: Desk, url: str, **fields: object) -> str:
    """Have a place told; the webhook's name."""
    body: JsonObject = {"name": fresh(), "url": url, "secret": SIGNED, **fields}  # type: ignore[dict-item]  # JSON
    return text(read(desk.post("/webhooks", body), 201)["name"])


def deliveries(desk: Desk, name: str) -> list[JsonObject]:
    """What is on its way to a webhook, newest first."""
    return items(read(desk.get(f"/webhooks/{name}/deliveries"))["deliveries"])


def end_a_job(desk: Desk) -> str:
    """Let a session's job end; the session's name."""
    job = desk.run()
    desk.complete(job)
    return text(job["session_name"])


def attempt(desk: Desk, name: str) -> JsonObject:
    """Send a test, and wait until its first attempt is over."""
    where = f"/webhooks/{name}/deliveries/{text(read(desk.post(f'/webhooks/{name}/test'), 201)['delivery_id'])}"

    def over() -> JsonObject | None:
        found = read(desk.get(where))
        return found if found["status"] != "pending" or found["error"] else None

    return wait_until(over, f"a test of {name} was sent")


def test_the_end_of_a_job_arrives_signed_is_shown_and_can_be_replayed(desk: Desk) -> None:
    with Receiver() as receiver:
        name = make(desk, receiver.url, news=["job.ended", "tree.ended"])
        session = end_a_job(desk)
        wait_until(lambda: len(set(receiver.ids)) == 2, "both pieces of news arrive")
        wait_until(lambda: {one["status"] for one in deliveries(desk, name)} == {"delivered"}, "it is written down")
        shown = next(one for one in deliveries(desk, name) if one["type"] == "job.ended")
        got = next(one for one in receiver.got if one.headers["webhook-id"] == shown["delivery_id"])
        before = receiver.ids.count(text(shown["delivery_id"]))
        read(desk.post(f"/webhooks/{name}/deliveries/{text(shown['delivery_id'])}/replay"))
        wait_until(lambda: receiver.ids.count(text(shown["delivery_id"])) > before, "it arrives once more")
        removed = read(desk.http.delete(f"/webhooks/{name}"))

    signed = b".".join((got.headers["webhook-id"].encode(), got.headers["webhook-timestamp"].encode(), got.body))
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{digest}"
    assert (got.path, got.headers["content-type"]) == ("/hook?a=b", "application/json")
    assert b'"type":"job.ended"' in got.body
    assert session.encode() in got.body
    assert (part(shown["data"])["session_name"], shown["attempts"], shown["http_status"]) == (session, 1, 204)
    assert receiver.got[-1].headers["webhook-id"] == shown["delivery_id"]
    assert receiver.got[-1].body == got.body
    assert (removed["url"], removed["secret"]) == (receiver.url, SIGNED)
    refused(desk.get(f"/webhooks/{name}/deliveries"), 404, "webhook_unknown")


def test_a_target_that_misbehaves_costs_bounded_time_and_bytes_and_holds_up_nobody(desk: Desk) -> None:
    elsewhere = Receiver()
    bad = {
        "never answers": (never, f"no answer within {TIMEOUT_SECONDS} seconds"),
        "redirects": (answering(307, f"Location: {elsewhere.url}"), "it answered 307, and a redirect is not followed"),
        "fails": (answering(500), "it answered 500"),
        "is endless at its head": (flooding(b"HTTP/1.1 200 OK\r\nA: "), "the head of its answer is longer than 16384"),
        "promises for ever": (flooding(b"HTTP/1.1 100 Continue\r\n\r\n" * 9), "it will answer, again and again"),
        "speaks otherwise": (flooding(b"220 smtp.example\r\n\r\n"), "its answer is not HTTP/1.1"),
    }
    with elsewhere, Receiver() as good:
        names: list[str] = []
        for does, (answer, why) in bad.items():
            with Receiver(answer) as receiver:
                names.append(make(desk, receiver.url))
                told = attempt(desk, names[-1])
                assert why in text(told["error"]), does
                assert told["status"] == "pending"
                assert receiver.sent_bytes < 64 << 20
        with Receiver(flooding(b"HTTP/1.1 200 OK\r\n\r\n")) as endless, Receiver(never) as silent:
            hangs = make(desk, silent.url)
            for _ in range(5):
                read(desk.post(f"/webhooks/{hangs}/test"), 201)
            wait_until(lambda: silent.got, "the first of them hangs")
            assert attempt(desk, make(desk, endless.url))["status"] == "delivered"
            assert attempt(desk, make(desk, good.url))["status"] == "delivered"
            wait_until(lambda: len(set(silent.ids)) == 5, "each was tried")
            assert silent.at_once_max == 2
            assert endless.sent_bytes < 64 << 20
    assert elsewhere.got == []


def test_nothing_inside_is_called_that_is_not_in_the_list_whatever_it_is_called(desk: Desk, tmp_path: Path) -> None:
    with Receiver() as receiver:
        for host in ("127.0.0.2", "[::ffff:127.0.0.2]", "0.0.0.0", "169.254.169.254", "inside.example"):
            refusal = desk.post(
                "/webhooks", {"name": fresh(), "url": f"http://{host}:{receiver.port}/", "secret": SIGNED}
            )
            assert "the list of targets" in refused(refusal, 422, "invalid_parameters")
        # What a reference stands for is known only when it is called;
        secret_url = tmp_path / "url"
        reference = f"${{file:{secret_url}}}"
        secret_url.write_text(f"http://127.0.0.3:{receiver.port}/tk-geheim\n")
        told = attempt(desk, make(desk, reference))
        assert "'127.0.0.3' is not in the list of targets" in text(told["error"])
        for url, secret, why in (
            ("${env:NOWHERE}", SIGNED, "'${env:NOWHERE}' is not set in the environment of the runtime"),
            ("${file:/no/such/file}", SIGNED, "cannot be read on the machine of the runtime: No such file"),
            (receiver.url, "${env:AGENT_SECRET_WRONG}", "its secret is of another form"),
        ):
            told = attempt(desk, make(desk, url, secret=secret))
            assert why in text(told["error"])
            assert "hello" not in text(told["error"])
        secret_url.write_text(receiver.url)
        assert attempt(desk, make(desk, reference))["status"] == "delivered"
    assert len(receiver.got) == 1


def test_news_survives_a_runtime_that_is_killed_before_it_has_arrived(runtime: RuntimeProcess, desk: Desk) -> None:
    with Receiver(never) as receiver:
        name = make(desk, receiver.url, news=["job.ended"])
        session = end_a_job(desk)
        wait_until(lambda: receiver.got, "an attempt is under way")
        unread = end_a_job(desk)
        runtime.kill()
        runtime.wait()
        receiver.change(answering(204))
        runtime.start()

        def arrived() -> list[JsonObject]:
            found = deliveries(desk, name)
            return found if [one["status"] for one in found] == ["delivered", "delivered"] else []

        told = wait_until(arrived, "both ends arrive, the one that was under way once more")

    assert [part(one["data"])["session_name"] for one in told] == [unread, session]
    assert receiver.ids[0] == told[1]["delivery_id"]
    assert sorted(set(receiver.ids)) == sorted(text(one["delivery_id"]) for one in told)
    assert receiver.ids.count(receiver.ids[0]) > 1


def test_an_account_whose_limit_is_used_up_is_told_to_a_phone(desk: Desk) -> None:
    with Receiver() as receiver:
        make(desk, receiver.url, format="ntfy", secret=None, news=["quota.held"])
        host = fresh()
        desk.use_up_limit(host)
        (got,) = wait_until(lambda: list(receiver.got), "the news arrives")

    until = re.escape(f"claude's 5-hour limit on account 'host {host}' is used up until ")
    assert re.fullmatch(until + r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", got.body.decode())
    assert (got.headers["title"], got.headers["priority"]) == ("Limit used up", "default")
    assert got.headers["click"] == "https://agents.example/#/queue"
    assert "webhook-signature" not in got.headers


def test_the_numbers_tell_what_is_on_its_way_and_what_failed(desk: Desk) -> None:
    with Receiver(answering(410)) as gone:
        assert attempt(desk, make(desk, gone.url))["status"] == "failed"
    numbers = desk.get("/metrics").text

    assert 'agent_runtime_webhook_deliveries{status="failed"}' in numbers
    assert 'agent_runtime_webhook_deliveries{status="pending"}' in numbers


def test_a_person_adds_tests_lists_replays_and_removes_a_webhook_by_the_command(
    runtime: RuntimeProcess, desk: Desk, tmp_path: Path
) -> None:
    commands = Commands(runtime.url, tmp_path, runtime.token)
    name = fresh()
    with Receiver() as receiver:
        added = commands.run("ao-notify", "add", name, "--url", receiver.url, "--secret", SIGNED, "--news", "job.ended")
        tested = commands.run("ao", "notify", "test", name)
        listed = commands.run("ao-notify", "list")
        (shown,) = deliveries(desk, name)
        replayed = commands.run("ao-notify", "replay", name, "--delivery", text(shown["delivery_id"]))
        wait_until(lambda: len(receiver.got) > 1, "it arrives once more")
        receiver.change(answering(410))
        failed = commands.run("ao-notify", "test", name)
        history = commands.run("ao-notify", "deliveries", name, "--status", "failed")
        removed = commands.run("ao-notify", "remove", name)
    unknown = commands.run("ao-notify", "test", name)
    wrong = commands.run("ao-notify", "shout", name)

    assert (added.exit_code, added.out) == (0, f"{name}  add\n")
    assert (tested.exit_code, tested.out) == (0, f"{name}  delivered  HTTP 204\n")
    assert receiver.url in listed.out
    assert (replayed.exit_code, removed.exit_code) == (0, 0)
    assert (failed.exit_code, failed.out) == (1, f"{name}  failed  it answered 410\n")
    assert [line.split()[1] for line in history.out.splitlines()] == ["NEWS", "webhook.test"]
    assert (unknown.exit_code, wrong.exit_code) == (3, 2)
    assert "no webhook" in unknown.err
    assert "one of list, add, remove, test, deliveries, replay is expected" in wrong.err
