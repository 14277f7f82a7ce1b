"""What a late refusal, a person, a fallback and a crash make of a hold."""

from datetime import timedelta

import pytest
from wall import Wall

from agent_runtime.domain.errors import Conflict, Invalid
from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.quota_hold import HoldState
from agent_runtime.services.jobs.quota_holds import LIFTED_BY_USER, extend_hold, lift_hold
from agent_runtime.store.rows.quota import QuotaTable


def test_what_a_person_says_while_the_upkeep_waits_for_its_turn_counts(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    (hold,) = wall.holds
    later, lock = wall.now + timedelta(hours=9), QuotaTable.lock

    def lock_late(table: QuotaTable) -> None:
        lock(table)
        table.change(hold.id, {"until": later})

    monkeypatch.setattr(QuotaTable, "lock", lock_late)
    wall.pass_time(minutes=62)

    assert [(one.state, one.until) for one in wall.holds] == [(HoldState.CLOSED, later)]


def test_a_person_lifts_and_extends_a_hold(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    (hold,) = wall.holds
    with pytest.raises(Invalid, match="which is over"):
        wall.rig.do(lambda tx: extend_hold(tx, hold.id, tx.now))
    later = wall.now + timedelta(hours=3)
    assert wall.rig.do(lambda tx: extend_hold(tx, hold.id, later)).until == later
    wall.pass_time(hours=2)
    assert not wall.run(launcher)

    wall.rig.do(lambda tx: lift_hold(tx, hold, LIFTED_BY_USER))

    assert launcher.id in wall.rig.news[-1].launchers
    assert len(wall.run(launcher)) == 1
    with pytest.raises(Conflict, match="it is lifted"):
        wall.rig.do(lambda tx: extend_hold(tx, hold.id, later + timedelta(hours=1)))


def test_who_began_before_the_limit_was_hit_makes_no_second_hold(wall: Wall) -> None:
    launcher = wall.launcher("A")
    jobs = [wall.create() for _ in range(3)]
    running = wall.run(launcher)
    for job in running:
        wall.refuse(job)

    assert len(wall.holds) == 1
    assert len(wall.events("quota.held")) <= len(jobs)


def test_who_began_before_the_limit_was_hit_says_nothing_new_unless_it_knows_of_a_later_end(wall: Wall) -> None:
    launcher = wall.launcher("A")
    for _ in range(4):
        wall.create()
    first, untold, sooner, later = wall.run(launcher)
    wall.refuse(first)
    (hold,) = wall.holds
    wall.rig.news.clear()

    wall.refuse(untold, minutes=None)
    wall.refuse(sooner, minutes=5)
    assert wall.holds == [hold]
    wall.refuse(later, minutes=300)

    (held_on,) = wall.holds
    assert held_on.until >= wall.now + timedelta(minutes=300)
    assert (held_on.id, held_on.refusals) == (hold.id, 1)
    assert [news.due_at for news in wall.rig.news if news.due_at is not None] == [held_on.until]


def test_a_late_refusal_of_who_began_before_ends_a_try_only_if_it_knows_of_a_later_end(wall: Wall) -> None:
    launcher = wall.launcher("A")
    for _ in range(3):
        wall.create()
    first, untold, later = wall.run(launcher)
    wall.refuse(first)
    wall.pass_time(minutes=65)
    (probe,) = wall.run(launcher)

    wall.refuse(untold, minutes=None)
    (tried,) = wall.holds
    assert tried.probe_job_id == probe.id == first.id
    wall.refuse(later, minutes=300)

    (held_on,) = wall.holds
    assert (held_on.probe_job_id, held_on.state) == (None, HoldState.CLOSED)
    assert held_on.until >= wall.now + timedelta(minutes=300)
    assert wall.holds[0].refusals == 1


def test_without_an_account_the_machine_stands_for_it(wall: Wall) -> None:
    silent = wall.rig.launcher(hostname="silent")
    wall.create()
    wall.refuse(wall.run(silent)[0])

    assert wall.holds[0].account == "host silent"
    assert len(wall.run(wall.rig.launcher(hostname="another"))) == 1


def test_a_new_session_goes_to_a_fallback_while_every_launcher_waits_for_the_limit(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])

    fallen = wall.create("careful")

    assert fallen.agent_name == "codex"
    assert [event.new.data.get("instead_of") for event in wall.events("session.created")] == [None, "careful"]
    wall.launcher("B", "other")
    assert wall.create("careful").agent_name == "careful"


def test_a_job_that_is_not_to_wait_for_its_limit_fails_and_holds_the_others(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create("opus", retries={"quota": 0})

    failed = wall.refuse(wall.run(launcher)[0])

    assert (failed.status, failed.reason) == (JobStatus.FAILED, "quota_exhausted")
    assert len(wall.holds) == 1


def test_holds_survive_a_crash_with_what_tries_them(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create("opus")
    wall.pass_time(minutes=62)
    (probe,) = wall.run(launcher)

    wall.rig.reopen()

    assert [hold.probe_job_id for hold in wall.holds] == [probe.id]
    assert not wall.run(launcher)
