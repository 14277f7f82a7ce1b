"""What is shown as next to run is what the claims take next, and everything else stands behind it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from agent_runtime.domain.job import Job
from agent_runtime.services.jobs.run_order import next_to_run
from support.desk import Desk, fresh, items, read, refused
from support.store_rig import StoreRig


def _line(rig: StoreRig, limit: int = 100) -> list[str]:
    return [job.session_name for job in rig.do(lambda tx: next_to_run(tx, limit))]


def _claimed_one_by_one(rig: StoreRig) -> Iterator[str]:
    launcher = rig.launcher()
    while claims := rig.poll(launcher, slots=1, batch=1).claims:
        rig.start(claims[0].job)
        yield claims[0].job.session_name


def _create(rig: StoreRig, group: str, count: int, priority: int = 0) -> list[Job]:
    names = [f"{group}-{number}" for number in range(count)]
    return [rig.create(name, labels={"group": group}, priority=priority) for name in names]


def test_the_order_that_is_shown_is_the_order_of_the_claims(rig: StoreRig) -> None:
    _create(rig, "large", 6)
    _create(rig, "small", 3)
    _create(rig, "urgent", 2, priority=7)
    _create(rig, "idle", 2, priority=-3)
    shown = _line(rig)

    assert shown[:6] == ["urgent-0", "urgent-1", "large-0", "small-0", "large-1", "small-1"]
    assert list(_claimed_one_by_one(rig)) == shown


@pytest.mark.parametrize("limit", [1, 3, 4, 7])
def test_a_shorter_line_is_the_beginning_of_a_longer_one(rig: StoreRig, limit: int) -> None:
    for number, count in enumerate((1, 5, 2)):
        for place in range(count):
            rig.create(f"kind-{number}-{place}", labels={"kind": str(number)})
    _create(rig, "later", 2, priority=-1)
    whole = _line(rig)

    assert len(whole) == 10
    assert whole[-2:] == ["later-0", "later-1"]
    assert _line(rig, limit) == whole[:limit]


def test_what_has_waited_long_alternates_with_what_is_more_urgent(rig: StoreRig) -> None:
    _create(rig, "old", 1)
    rig.clock.move(minutes=1)
    _create(rig, "young", 1)
    rig.clock.move(seconds=31)
    _create(rig, "urgent", 3, priority=3)

    assert set(_line(rig)[:2]) == {"urgent-0", "old-0"}
    assert _line(rig)[2:] == ["urgent-1", "urgent-2", "young-0"]


def test_what_no_launcher_may_run_stands_behind_and_what_waits_for_something_else_last(rig: StoreRig) -> None:
    talk = rig.create("talk")
    rig.run(rig.launcher(labels={"gpu": "no"}))
    rig.resume("talk")
    rig.create("at-noon", not_before=rig.clock.at + timedelta(hours=2))
    rig.create("at-eleven", not_before=rig.clock.at + timedelta(hours=1))
    rig.create("needs-gpu", labels={"gpu": "yes"}, priority=100)
    rig.create("plain")

    assert _line(rig) == ["plain", "needs-gpu", "at-eleven", "at-noon", talk.session_name]
    assert _line(rig, 3) == ["plain", "needs-gpu", "at-eleven"]


def test_a_launcher_that_drains_is_not_counted_upon(rig: StoreRig) -> None:
    rig.create("anywhere", priority=-1)
    launcher = rig.launcher(labels={"gpu": "yes"})
    rig.create("needs-gpu", labels={"gpu": "yes"})
    rig.launcher()
    assert _line(rig) == ["needs-gpu", "anywhere"]

    rig.do(lambda tx: tx.launchers.change(launcher.id, {"draining": True}))

    assert _line(rig) == ["anywhere", "needs-gpu"]


def test_the_list_of_what_runs_next_tells_how_many_wait_in_all(desk: Desk) -> None:
    names = [fresh() for _ in range(3)]
    for name in names:
        desk.start(name, priority=90)

    found = read(desk.get("/jobs", order="run", limit=2))

    assert [job["session_name"] for job in items(found["jobs"])] == names[:2]
    assert found["waiting"] == len(items(read(desk.get("/jobs", status="pending", limit=500))["jobs"]))
    assert items(found["jobs"])[0]["reason"] is not None
    assert read(desk.get("/jobs", limit=1)).get("waiting") is None


@pytest.mark.parametrize("filters", [{"status": "running"}, {"session": "any"}, {"launcher": "any"}, {"cursor": "any"}])
def test_the_order_of_running_is_that_of_all_that_waits(desk: Desk, filters: dict[str, str]) -> None:
    told = refused(desk.get("/jobs", order="run", **filters), 422, "invalid_parameters")

    assert "'run' is an order of all pending jobs" in told
    assert read(desk.get("/jobs", order="run", status="pending"))["waiting"] == 0
