"""An account whose limit is used up: what would run into it waits, one job tries, and the others go on."""

from datetime import timedelta

import pytest
from wall import Wall

from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.domain.quota_hold import HoldState
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.jobs.quota_holds import jobs_held, sentence_of
from agent_runtime.services.launchers.presence import set_draining
from agent_runtime.upkeep.queue import free_due_jobs
from agent_runtime.upkeep.quota import LOOK_AGAIN_AFTER, PATIENCE, next_look


def test_a_limit_holds_its_account_on_all_launchers_and_nothing_else(wall: Wall) -> None:
    here, twin, other = wall.launcher("A"), wall.launcher("A", "twin"), wall.launcher("B", "other")
    first = wall.create()
    (running,) = wall.run(here)
    back = wall.refuse(running)
    waiting, elsewhere, own = wall.create(), wall.create("codex"), wall.create("own-key")

    assert (back.status, back.attempt) == (JobStatus.PENDING, 1)
    assert {job.id for job in wall.run(twin)} == {elsewhere.id, own.id}
    assert [job.id for job in wall.run(other)] == [first.id, waiting.id]
    (hold,) = wall.holds
    assert (hold.account, hold.backend, hold.model, hold.limit_name) == ("A", "claude", None, "5-hour limit")


def test_a_job_that_waits_for_a_limit_says_so_with_the_time(wall: Wall) -> None:
    launcher = wall.launcher("A")
    job = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create("opus")

    why = wall.why(job)

    (hold,) = wall.holds
    assert (why.reason, why.next_at) == ("quota_held", hold.until)
    assert why.sentence.startswith("held: claude's 5-hour limit on account 'A' until 2026-01-02 04:0")
    assert why.sentence.endswith("UTC (2 jobs)")
    assert timedelta(minutes=60) <= hold.until - wall.now <= timedelta(minutes=61)
    (held,) = wall.events("quota.held")
    assert (held.new.data["hold_id"], held.new.data["account"]) == (hold.id, "A")


def test_when_it_should_be_over_one_job_tries_and_the_first_answer_frees_the_others(wall: Wall) -> None:
    launcher = wall.launcher("A")
    first = wall.create()
    wall.refuse(wall.run(launcher)[0])
    others = [wall.create(), wall.create()]
    wall.pass_time(minutes=30)
    assert not wall.run(launcher)
    wall.pass_time(minutes=32)

    (probe,) = wall.run(launcher)
    assert probe.id == first.id  # It was at the front before.
    assert not wall.run(launcher)
    wall.speak(probe, role="user", text="the prompt is no answer")
    wall.pass_time(seconds=5)
    assert not wall.run(launcher)
    assert "tries it" in wall.why(others[0]).sentence
    wall.speak(probe, role="assistant", text="here I am")
    wall.pass_time(seconds=1)
    assert not wall.run(launcher)  # Some clients say so that they are refused.
    wall.pass_time(seconds=5)

    assert [job.id for job in wall.run(launcher)] == [job.id for job in others]
    assert not wall.holds
    assert wall.events("quota.lifted")[0].new.data["lifted_by"] == "answered"


@pytest.mark.parametrize("clock_ahead", [timedelta(hours=-3), timedelta(seconds=-6), timedelta(hours=3)], ids=str)
def test_words_count_as_an_answer_after_a_while_whatever_the_clock_of_the_machine_says(
    wall: Wall, clock_ahead: timedelta
) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    other = wall.create()
    wall.pass_time(minutes=62)
    (probe,) = wall.run(launcher)

    wall.speak(probe, role="assistant", text="You have run into your limit", clock_ahead=clock_ahead)
    wall.pass_time(seconds=1)
    assert not wall.run(launcher)
    wall.speak(probe, role="assistant", text="or have you?", clock_ahead=clock_ahead)
    wall.pass_time(seconds=4)
    assert not wall.run(launcher)
    wall.pass_time(seconds=1)

    assert [job.id for job in wall.run(launcher)] == [other.id]
    assert not wall.holds


def test_a_try_that_is_refused_holds_on_and_a_try_that_fails_otherwise_lets_another_one_try(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create()
    wall.pass_time(minutes=62)
    (probe,) = wall.run(launcher)
    wall.refuse(probe, minutes=10)
    assert [hold.state for hold in wall.holds] == [HoldState.CLOSED]
    assert not wall.run(launcher)

    wall.pass_time(minutes=11)
    (probe,) = wall.run(launcher)
    wall.end(probe, JobStatus.FAILED, "nonzero_exit")
    wall.pass_time(seconds=5)
    (probe,) = wall.run(launcher)
    wall.pass_time(seconds=(PATIENCE.total_seconds() + 5))

    assert [hold.probe_job_id for hold in wall.holds] == [None]
    wall.end(probe, JobStatus.COMPLETED)


def test_who_tries_and_is_lost_may_be_back_so_nobody_tries_beside_it_for_a_while(wall: Wall) -> None:
    here, twin = wall.launcher("A"), wall.launcher("A", "twin")
    wall.create()
    wall.refuse(wall.run(here)[0])
    waiting = wall.create()
    wall.pass_time(minutes=65)
    (probe,) = wall.run(here)

    wall.rig.launcher(launcher_id=here.id, holding=[])
    wall.pass_time(seconds=5)

    assert wall.rig.job(probe).status is JobStatus.LOST
    assert wall.run(twin) == []
    wall.pass_time(seconds=PATIENCE.total_seconds())
    assert [job.id for job in wall.run(twin)] == [waiting.id]


def test_however_often_and_long_a_limit_refuses_a_job_all_its_own_tries_are_left(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create(retries={"network": 1})
    for _ in range(7):
        wall.refuse(wall.run(launcher)[0], minutes=24 * 60)
        wall.pass_time(minutes=25 * 60)

    ends = []
    for _ in range(2):
        ends.append(wall.end(wall.run(launcher)[0], JobStatus.FAILED, "model_unreachable").status)
        wall.pass_time(minutes=7)
        wall.rig.do(free_due_jobs)

    assert ends == [JobStatus.PENDING, JobStatus.FAILED]


def test_without_a_told_time_it_is_tried_soon_and_then_ever_later(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    waits = []
    for _ in range(3):
        (job,) = wall.run(launcher)
        wall.end(job, JobStatus.FAILED, "rate_limited")
        waits.append((wall.holds[0].until - wall.now) // timedelta(minutes=1))
        wall.pass_time(hours=1)

    assert waits == [1, 2, 4]


def test_when_it_should_be_over_those_who_could_run_it_are_told_to_look_and_nobody_else(wall: Wall) -> None:
    here, _other = wall.launcher("A"), wall.launcher("B", "other")
    wall.create()
    wall.refuse(wall.run(here)[0])
    wall.rig.news.clear()

    wall.pass_time(minutes=65)

    assert [told for news in wall.rig.news for told in news.launchers] == [here.id]


def test_the_upkeep_looks_when_a_limit_should_be_over_and_soon_again_while_one_tries(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    nothing = wall.rig.do(next_look)
    wall.refuse(wall.run(launcher)[0])
    (hold,) = wall.holds

    assert (nothing, wall.rig.do(next_look)) == (None, hold.until)
    wall.pass_time(minutes=65)
    assert wall.rig.do(next_look) is None, "the next claim is what to wait for"
    wall.run(launcher)
    assert wall.rig.do(next_look) == wall.now + LOOK_AGAIN_AFTER


def test_a_limit_of_which_nobody_knows_whose_it_is_makes_its_own_job_wait_and_holds_nobody(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create("script")
    until = wall.now + timedelta(minutes=60)

    back = wall.refuse(wall.run(launcher)[0])

    assert back.status is JobStatus.PENDING
    assert back.not_before is not None
    assert back.not_before >= until
    assert wall.holds == []


def test_a_limit_of_one_model_leaves_the_others(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create("opus")
    wall.refuse(wall.run(launcher)[0], is_of_model=True)
    plain = wall.create()
    wall.create("opus")

    assert [job.id for job in wall.run(launcher)] == [plain.id]
    assert wall.holds[0].model == "opus"


def test_a_hold_for_which_nobody_waits_any_more_ends_by_itself(wall: Wall) -> None:
    launcher = wall.launcher("A")
    job = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.rig.do(lambda tx: stop_job(tx, job.id))

    wall.pass_time(minutes=62)

    assert not wall.holds
    assert wall.events("quota.lifted")[0].new.data["lifted_by"] == "nobody_waits"


def test_a_hold_that_should_be_over_ends_by_itself_when_those_who_waited_are_gone(wall: Wall) -> None:
    launcher = wall.launcher("A")
    job = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.pass_time(minutes=62)
    assert [hold.state for hold in wall.holds] == [HoldState.TRYING]
    wall.rig.do(lambda tx: stop_job(tx, job.id))

    wall.pass_time(seconds=5)

    assert not wall.holds


def test_who_drains_runs_nothing_of_what_waits_for_a_limit_elsewhere(wall: Wall) -> None:
    launcher = wall.launcher("A")
    leaving = wall.launcher("B", "leaving")
    wall.rig.do(lambda tx: set_draining(tx, leaving.id, draining=True))
    first = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create()

    assert wall.why(first).reason == "quota_held"
    assert wall.why(first).sentence.endswith("(2 jobs)")
    fallen = wall.create("careful")
    assert (fallen.agent_name, [job.id for job in wall.run(launcher)]) == ("codex", [fallen.id])
    wall.pass_time(minutes=62)
    assert len(wall.run(launcher)) == 1


def test_where_the_limits_of_all_accounts_are_used_up_one_job_tries_each(wall: Wall) -> None:
    mine, other = wall.launcher("A"), wall.launcher("B", "other")
    for _ in range(3):
        wall.create()
    for launcher in (mine, other):
        for job in wall.run(launcher):
            wall.refuse(job)

    listed = [sentence_of(hold, wall.rig.do(lambda tx, hold=hold: jobs_held(tx, hold))) for hold in wall.holds]  # type: ignore[misc]
    assert [sentence.endswith("(3 jobs)") for sentence in listed] == [True, True]
    wall.pass_time(minutes=62)

    assert [len(wall.run(launcher)) for launcher in (mine, other)] == [1, 1]


def test_one_tries_first_also_if_nobody_could_when_the_limit_should_have_been_over(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create()
    wall.rig.do(lambda tx: tx.launchers.change(launcher.id, {"status": LauncherStatus.LOST}))

    wall.pass_time(minutes=62)

    assert len(wall.run(launcher)) == 1
