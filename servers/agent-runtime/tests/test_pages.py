"""Every list is read in the same way: a page at a time, each behind the one before."""

import pytest

from support.desk import Desk, Json, items, read, refused, text
from support.waiting import wait_until

LISTS = {
    "/jobs": ("jobs", "job_id"),
    "/sessions": ("sessions", "session_id"),
    "/callbacks": ("callbacks", "callback_id"),
    "/audit": ("audit", "seq"),
}


@pytest.fixture
def parent(desk: Desk) -> str:
    """A session with four children whose ends are to be told to it, all of which the audit knows."""
    name = text(desk.start()["session_name"])
    for _ in range(4):
        desk.start(parent_session_name=name, callback=True)
    wait_until(lambda: len(items(read(desk.get("/audit"))["audit"])) > 4, "the audit has what was ordered")
    return name


def _first_four(desk: Desk, path: str, field: str, mark: str) -> tuple[list[Json], list[Json]]:
    """The first four items, read as two pages and as part of one."""
    first = read(desk.get(path, limit=2))
    second = read(desk.get(path, limit=2, cursor=text(first["next_cursor"])))
    paged = [item[mark] for page in (first, second) for item in items(page[field])]
    whole = [item[mark] for item in items(read(desk.get(path, limit=500))[field])]
    # The audit goes on meanwhile, and its newest entry stands first.
    start = whole.index(paged[0])
    return paged, whole[start : start + 4]


@pytest.mark.parametrize("path", LISTS)
def test_a_page_begins_right_behind_the_one_before(desk: Desk, parent: str, path: str) -> None:
    paged, whole = _first_four(desk, path, *LISTS[path])

    assert len(paged) == 4
    assert paged == whole


def test_the_messages_of_a_session_are_paged_like_everything_else(desk: Desk, parent: str) -> None:
    for _ in range(4):
        read(desk.post("/jobs", {"type": "resume_session", "session_name": parent, "prompt": "more"}), 201)

    paged, whole = _first_four(desk, f"/sessions/{parent}/messages", "messages", "job_id")

    assert len(paged) == 4
    assert paged == whole


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("cursor", ["x", "0", "am9i", "job_" + "0" * 26])
def test_what_is_no_cursor_is_refused_by_every_list(desk: Desk, path: str, cursor: str) -> None:
    assert "'next_cursor' of an earlier page" in refused(desk.get(path, cursor=cursor), 422, "invalid_parameters")
