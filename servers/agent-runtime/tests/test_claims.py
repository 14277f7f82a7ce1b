"""Who gets which job, and what becomes of an answer that was lost."""

import pytest

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.job import JobStatus
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.launchers.claims import Ask, look_for_work
from agent_runtime.services.launchers.instances import Instance
from agent_runtime.services.launchers.presence import KnownAttempt, set_draining
from support.store_rig import StoreRig


def test_a_job_is_claimed_by_only_one_of_two_launchers(rig: StoreRig) -> None:
    rig.create()
    first, second = rig.launcher(), rig.launcher()

    found = [rig.poll(first), rig.poll(second)]

    assert [len(answer.claims) for answer in found] == [1, 0]


def test_a_claim_brings_the_whole_prompt_and_a_fresh_token(rig: StoreRig) -> None:
    rig.create(prompt="x" * 100_000)
    (claim,) = rig.poll(rig.launcher()).claims

    assert (claim.prompt, claim.job.attempt, len(claim.job.token or "")) == ("x" * 100_000, 1, 32)


def test_a_lost_answer_is_given_again_with_the_same_attempt_and_token(rig: StoreRig) -> None:
    rig.create()
    rig.create()
    launcher = rig.launcher()
    lost = rig.claim(launcher)
    rig.clock.move(seconds=20)

    again = rig.claim(launcher)

    assert (again.id, again.attempt, again.token) == (lost.id, lost.attempt, lost.token)
    assert again.claim_expires_at is not None
    assert lost.claim_expires_at is not None
    assert again.claim_expires_at > lost.claim_expires_at


def test_a_launcher_is_never_given_more_than_its_slots(rig: StoreRig) -> None:
    for _ in range(5):
        rig.create()
    launcher = rig.launcher()

    assert len(rig.poll(launcher, slots=3, batch=10).claims) == 3
    assert len(rig.poll(launcher, slots=3, batch=10).claims) == 3  # the same three once more
    assert not rig.poll(rig.launcher(), slots=0).claims


def test_a_launcher_that_names_no_slots_is_held_to_its_max_jobs(rig: StoreRig) -> None:
    for _ in range(3):
        rig.create()
    launcher = rig.launcher(max_jobs=2)

    rig.run(launcher)
    rig.start(rig.poll(launcher, slots=None).claims[0].job)

    assert not rig.poll(launcher, slots=None).claims


def test_a_batch_carries_as_many_as_were_asked_for(rig: StoreRig) -> None:
    for _ in range(5):
        rig.create()

    assert len(rig.poll(rig.launcher(), batch=4).claims) == 4


def test_higher_priority_goes_first_and_equal_ones_in_order(rig: StoreRig) -> None:
    names = [rig.create(priority=priority).session_name for priority in (0, 5, 0, 5)]
    launcher = rig.launcher()

    taken = [claim.job.session_name for claim in rig.poll(launcher, batch=4).claims]

    assert taken == [names[1], names[3], names[0], names[2]]


def test_only_a_launcher_with_the_wanted_labels_gets_the_job(rig: StoreRig) -> None:
    job = rig.create(agent_name="gpu", labels={"zone": "a"})
    plain, half, whole = (rig.launcher(labels=labels) for labels in ({}, {"gpu": "yes"}, {"gpu": "yes", "zone": "a"}))

    assert not rig.poll(plain).claims
    assert not rig.poll(half).claims
    assert rig.claim(whole).id == job.id


def test_a_job_for_one_launcher_waits_for_that_one(rig: StoreRig) -> None:
    wanted, other = rig.launcher(), rig.launcher()
    job = rig.create(launcher_id=wanted.id)

    assert not rig.poll(other).claims
    assert rig.claim(wanted).id == job.id


def test_a_resume_runs_on_the_host_where_the_session_lives(rig: StoreRig) -> None:
    here, there = rig.launcher(hostname="here"), rig.launcher(hostname="there")
    first = rig.create()
    queued = rig.resume(first.session_name)  # created before anybody knows the host
    rig.end(rig.run(here))

    assert not rig.poll(there).claims
    assert rig.claim(here).id == queued.id


def test_a_launcher_for_its_own_jobs_is_given_no_other_one(rig: StoreRig) -> None:
    typed = rig.launcher(only_own_jobs=True)
    rig.create()
    own = rig.create(launcher_id=typed.id)

    assert rig.run(typed).id == own.id
    assert not rig.poll(typed).claims


def test_a_draining_launcher_gets_no_job_but_still_hears_of_stops(rig: StoreRig) -> None:
    rig.create()
    launcher = rig.launcher()
    running = rig.run(launcher)
    rig.create()
    rig.do(lambda tx: set_draining(tx, launcher.id, draining=True))
    assert not rig.poll(launcher).claims

    rig.do(lambda tx: stop_job(tx, running.id))

    assert [job.id for job in rig.poll(launcher, slots=0).stop_jobs] == [running.id]


def test_a_stop_is_announced_at_once_and_then_every_five_seconds(rig: StoreRig) -> None:
    rig.create()
    launcher = rig.launcher()
    job = rig.run(launcher)
    rig.do(lambda tx: stop_job(tx, job.id))

    heard = []
    for _ in range(12):
        heard.append(bool(rig.poll(launcher, slots=0).stop_jobs))
        rig.clock.move(seconds=1)

    assert [second for second, told in enumerate(heard) if told] == [0, 5, 10]


def test_a_launcher_that_nobody_knows_is_told_to_register(rig: StoreRig) -> None:
    ask = Ask(LauncherId("lnch_nobody"))
    with pytest.raises(
        NotFound, match=r"^no launcher 'lnch_nobody' \(register again, and say what you hold\)$"
    ) as told:
        rig.do(lambda tx: look_for_work(tx, ask))

    assert told.value.code == "launcher_unknown"


@pytest.mark.parametrize("holding", [[], None])
def test_an_older_epoch_is_superseded_and_its_claims_go_to_the_new_life(
    rig: StoreRig, holding: list[KnownAttempt] | None
) -> None:
    rig.create()
    old = rig.launcher()
    claimed = rig.claim(old)
    new = rig.launcher(launcher_id=old.id, holding=holding)

    with pytest.raises(Conflict) as told:
        rig.poll(old)
    again = rig.claim(new)

    assert told.value.code == "superseded"
    assert (again.id, again.attempt) == (claimed.id, claimed.attempt + 1)
    assert rig.job(again).status is JobStatus.CLAIMED


def test_a_registration_that_is_heard_twice_supersedes_nobody_and_takes_nothing_away(rig: StoreRig) -> None:
    rig.create()
    process = Instance("process-1", 1)
    first = rig.launcher(instance=process, holding=[])
    running = rig.run(first)

    again = rig.launcher(launcher_id=first.id, instance=process, holding=[])

    assert again == rig.launcher(instance=process, holding=[])
    assert (again.id, again.epoch) == (first.id, first.epoch)
    assert rig.job(running).status is JobStatus.RUNNING
    assert not rig.poll(first).claims


def test_a_process_that_registers_anew_keeps_its_epoch_and_says_again_what_it_holds(rig: StoreRig) -> None:
    rig.create()
    first = rig.launcher(instance=Instance("process-1", 1), holding=[])
    running = rig.run(first)

    again = rig.launcher(launcher_id=first.id, instance=Instance("process-1", 2), holding=[])

    assert again.epoch == first.epoch
    assert rig.job(running).status is JobStatus.LOST


def test_a_late_registration_of_an_earlier_process_does_not_supersede_the_living_one(rig: StoreRig) -> None:
    old = rig.launcher(instance=Instance("process-1", 1))
    new = rig.launcher(launcher_id=old.id, instance=Instance("process-2", 1))

    with pytest.raises(Conflict) as told:
        rig.launcher(launcher_id=old.id, instance=Instance("process-1", 2))

    assert told.value.code == "superseded"
    assert new.epoch == old.epoch + 1
    assert not rig.poll(new).claims


def test_a_registration_that_was_on_its_way_while_its_process_was_replaced_does_not_supersede_the_living_one(
    rig: StoreRig,
) -> None:
    first = rig.launcher(boot_id="boot-1", instance=Instance("process-1", 1, began=100.0))
    new = rig.launcher(launcher_id=first.id, boot_id="boot-1", instance=Instance("process-3", 1, began=300.0))

    with pytest.raises(Conflict) as told:
        rig.launcher(launcher_id=first.id, boot_id="boot-1", instance=Instance("process-2", 1, began=200.0))
    rebooted = rig.launcher(launcher_id=first.id, boot_id="boot-2", instance=Instance("process-4", 1, began=20.0))

    assert told.value.code == "superseded"
    assert (new.epoch, rebooted.epoch) == (first.epoch + 1, first.epoch + 2)


def test_a_clock_that_was_set_back_keeps_no_job_from_being_claimed(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create()
    rig.create(priority=5)
    rig.clock.move(minutes=-30)

    assert len(rig.poll(launcher, batch=2).claims) == 2


def test_a_job_is_never_claimed_before_it_was_created_whatever_the_clocks_of_two_transactions_say(
    rig: StoreRig,
) -> None:
    launcher = rig.launcher()
    created = rig.create()
    rig.clock.move(milliseconds=-46)

    assert rig.claim(launcher).claimed_at == created.created_at
