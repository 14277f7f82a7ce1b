"""Several orders in one call: each is answered by itself, as the call of its own that it could have been."""

from collections.abc import Iterator

import httpx
import pytest

from runtime_client.address import RuntimeAddress
from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError
from runtime_client.models import Job, JobOrder, JobType
from support.runtime_process import RuntimeProcess

ORDER: dict[str, object] = {"type": "start_session", "agent_name": "echo", "prompt": "hello"}


@pytest.fixture
def calls(runtime: RuntimeProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=runtime.url, headers={"Authorization": f"Bearer {runtime.token}"}) as client:
        yield client


def order(name: str, **more: object) -> dict[str, object]:
    return {**ORDER, "session_name": name, **more}


def send(calls: httpx.Client, orders: object, key: str | None = None) -> list[dict[str, object]]:
    headers = {"Idempotency-Key": key} if key is not None else {}
    answer = calls.post("/jobs", json=orders, headers=headers)
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, object]] = answer.json()["answers"]
    return answers


def test_one_that_is_refused_refuses_no_other_one_and_says_what_it_would_have_said_alone(calls: httpx.Client) -> None:
    bad: list[object] = [
        order("several-1", prompt=None),
        order("several-2", agent_name="nobody"),
        order("several-3", no_such_field=1),
        "not an object",
    ]
    answers = send(calls, [order("several-0"), *bad, order("several-9")])
    assert [one["status"] for one in answers] == [201, 422, 404, 422, 422, 201]
    for body, told in zip(bad, answers[1:5], strict=True):
        alone = calls.post("/jobs", json=body)
        assert (told["status"], told["body"]) == (alone.status_code, alone.json())
    for told, name in ((answers[0], "several-0"), (answers[5], "several-9")):
        assert isinstance(told["body"], dict)
        assert told["body"]["session_name"] == name
        assert calls.get(f"/jobs/{told['body']['job_id']}").json()["status"] in ("pending", "claimed", "running")


def test_the_same_list_under_the_same_key_makes_no_second_job(calls: httpx.Client) -> None:
    orders = [order(f"again-{number}") for number in range(70)]
    first = send(calls, orders, "again")
    second = send(calls, orders, "again")
    assert {one["status"] for one in first} == {201}
    assert {one["status"] for one in second} == {200}
    assert [one["body"] for one in first] == [one["body"] for one in second]
    other = send(calls, [order("again-other"), *orders[1:]], "again")
    assert other[0]["status"] == 422, "a key belongs to what it was first sent with"
    assert [one["body"] for one in other[1:]] == [one["body"] for one in first[1:]]


@pytest.mark.parametrize("orders", [[], [ORDER] * 1001], ids=["none", "more than 1000"])
def test_a_list_that_is_empty_or_too_long_is_refused_as_a_whole(orders: list[object], calls: httpx.Client) -> None:
    answer = calls.post("/jobs", json=orders)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_parameters"
    assert answer.json()["detail"].startswith("invalid body: ")


def test_a_key_that_leaves_no_room_for_the_places_of_a_list_is_refused(calls: httpx.Client) -> None:
    answer = calls.post("/jobs", json=[order("long-key")], headers={"Idempotency-Key": "k" * 191})
    assert answer.status_code == 422
    assert "idempotency-key" in answer.json()["detail"]


def test_a_client_gets_for_each_order_its_job_or_why_it_was_refused(runtime: RuntimeProcess) -> None:
    def wanted(agent: str, name: str) -> JobOrder:
        return JobOrder(JobType.START_SESSION, name, "hello", agent_name=agent)

    with RuntimeClient(RuntimeAddress(runtime.url, runtime.token)) as client:
        made, refused = client.create_jobs([wanted("echo", "by-client"), wanted("nobody", "by-client-2")])
    assert isinstance(made, Job)
    assert made.session_name == "by-client"
    assert isinstance(refused, RefusedError)
    assert refused.code == "agent_unknown"
