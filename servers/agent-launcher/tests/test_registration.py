"""One way to register again, whoever notices first that it is needed; and one way to leave."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.machines import OnPlayedKeepers, PlayedKeepers
from launcher_rig.parts import Parts

from lib.api_client import ApiClient, Wanted
from lib.attempt.attempt import Began, Ended, Phase
from lib.errors import CallFailed, CallRejected, IdentityLost, LauncherUnknown, Superseded
from lib.identity import IdentityFile
from lib.keeper.words import object_of
from lib.lifecycle import Event
from lib.lifecycle import Phase as Life
from lib.machine.machine import Machine
from lib.registration import RIVAL_SECONDS
from lib.wire.models import RegistrationResponse, objects_of


@pytest.fixture
def parts(api: ApiClient, tmp_path: Path) -> Parts:
    return Parts(OnPlayedKeepers(PlayedKeepers()), api, tmp_path).with_keeper()


def loss_of(parts: Parts) -> IdentityLost:
    """What a call finds after the runtime has forgotten us, or has somebody else in our place."""
    with pytest.raises(IdentityLost) as raised:
        parts.api.heartbeat(parts.registration.launcher_id or "")
    return raised.value


def renewed_together(parts: Parts, losses: list[IdentityLost], seen: RegistrationResponse | None) -> list[bool]:
    """Have as many threads as losses renew at the same moment."""
    together, done = threading.Barrier(len(losses)), list[bool]()

    def renew(loss: IdentityLost) -> None:
        together.wait(30)
        done.append(parts.registration.renewed(loss, seen))

    threads = [threading.Thread(target=renew, args=(loss,)) for loss in losses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return done


def test_the_errors_are_cut_by_what_one_does_about_them() -> None:
    for about_us in (LauncherUnknown, Superseded):
        assert issubclass(about_us, IdentityLost)
        assert not issubclass(about_us, CallRejected)  # or an attempt's report would be put aside for it
    assert not issubclass(CallRejected, IdentityLost)


def test_of_many_that_were_not_known_exactly_one_registers_again(fake: FakeRuntime, parts: Parts) -> None:
    seen = parts.registered().registration.current
    fake.jobs.forget_launcher()
    losses = [loss_of(parts) for _ in range(8)]
    assert all(isinstance(loss, LauncherUnknown) for loss in losses)

    assert renewed_together(parts, losses, seen) == [True] * 8
    assert len(fake.jobs.registrations) == 2
    assert parts.registration.current is not seen


def test_each_thread_that_hears_it_renews_against_what_it_saw(fake: FakeRuntime, parts: Parts) -> None:
    parts.registered()
    attempt = attempt_of(job("s", "job_9"), parts.machine)
    parts.registry.add_job("job_9", attempt)
    for change in (Began(), Ended({"exit_code": 0})):
        parts.registry.store(attempt, change)

    for number, act in enumerate((parts.heartbeat.step, parts.poller.step, parts.reporter.step)):
        fake.jobs.forget_launcher()
        act()
        assert len(fake.jobs.registrations) == number + 2
        parts.heartbeat.step()  # it is known again: nobody registers once more
        assert len(fake.jobs.registrations) == number + 2
    fake.jobs.add("job_1")
    parts.take_all(parts.api.poll(parts.registration.launcher_id or "", Wanted()))
    assert len(fake.jobs.registrations) == 4


def test_a_starter_that_is_not_known_registers_again_and_gets_its_grant(fake: FakeRuntime, parts: Parts) -> None:
    parts.registered()
    fake_job = fake.jobs.add("job_1")
    found = parts.api.poll_job(parts.registration.launcher_id or "")
    assert found is not None
    fake.jobs.forget_launcher()

    parts.starter.start([found])

    assert len(fake.jobs.registrations) == 2
    assert fake.jobs.registrations[1]["holding"] == [{"job_id": "job_1", "attempt": 1, "token": found.token}]
    assert fake_job.status == "running"


def is_superseded_at(who: str, parts: Parts) -> None:
    """Have one of those that call the runtime be the one who hears of it."""
    if who == "starter":
        parts.starter.start([job("s", "job_1")])
    else:
        getattr(parts, who).step()


@pytest.fixture(params=["heartbeat", "poller", "reporter", "starter"])
def who(request: pytest.FixtureRequest, fake: FakeRuntime, parts: Parts) -> str:
    """Who hears of it; a job is queued, and an end is yet to be reported."""
    parts.registered()
    fake.jobs.add("job_1")
    ended = attempt_of(job("s", "job_9"), parts.machine)
    parts.registry.add_job("job_9", ended)
    parts.registry.store(ended, Ended({"exit_code": 0}))
    return str(request.param)


def test_whoever_is_superseded_registers_once_as_a_new_process_and_goes_on(
    fake: FakeRuntime, parts: Parts, who: str
) -> None:
    fake.jobs.supersede()

    is_superseded_at(who, parts)

    old, new = (object_of(one["instance"]) for one in fake.jobs.registrations)
    assert new["id"] != old["id"]
    assert (new["call"], new["began"]) == (1, old["began"])
    assert fake.jobs.registrations[1]["launcher_id"] == "lnch_1"
    assert "job_9" in [one["job_id"] for one in objects_of(fake.jobs.registrations[1], "holding")]
    assert parts.lifecycle.next_event(0.01) is None
    parts.heartbeat.step()
    assert len(fake.jobs.registrations) == 2


def test_whoever_is_superseded_again_never_registers_and_has_the_launcher_leave(
    fake: FakeRuntime, parts: Parts, who: str
) -> None:
    fake.jobs.supersede()
    parts.heartbeat.step()
    fake.jobs.supersede()

    is_superseded_at(who, parts)

    assert len(fake.jobs.registrations) == 2
    assert parts.lifecycle.next_event(0.01) is Event.SUPERSEDED
    assert [one.phase for one in parts.registry.attempts() if one.job.job_id == "job_9"] == [Phase.ENDED]
    assert "go" not in parts.words_about("job_1.1")


def test_a_rival_long_ago_does_not_count(fake: FakeRuntime, parts: Parts) -> None:
    parts.registered()
    for _ in range(3):
        fake.jobs.supersede()
        parts.heartbeat.step()
        parts.machine.pass_time(RIVAL_SECONDS)

    assert len(fake.jobs.registrations) == 4
    assert parts.lifecycle.next_event(0.01) is None


def test_a_new_process_that_was_not_heard_registers_again(fake: FakeRuntime, parts: Parts) -> None:
    parts.registered()
    fake.jobs.supersede()
    fake.fail("register", Fault.SERVER_ERROR)

    parts.heartbeat.step()
    assert len(fake.jobs.registrations) == 1
    parts.heartbeat.step()

    assert len(fake.jobs.registrations) == 2
    assert parts.lifecycle.next_event(0.01) is None


def test_a_new_process_that_is_not_taken_has_the_launcher_leave(fake: FakeRuntime, parts: Parts) -> None:
    parts.registered()
    fake.jobs.supersede(for_good=True)

    parts.heartbeat.step()

    assert len(fake.jobs.registrations) == 1
    assert parts.lifecycle.next_event(0.01) is Event.SUPERSEDED


def test_of_many_that_were_superseded_exactly_one_registers_again(fake: FakeRuntime, parts: Parts) -> None:
    seen = parts.registered().registration.current
    fake.jobs.supersede()
    losses = [loss_of(parts) for _ in range(8)]
    assert all(isinstance(loss, Superseded) for loss in losses)

    assert renewed_together(parts, losses, seen) == [True] * 8
    assert len(fake.jobs.registrations) == 2


def test_a_runtime_that_does_not_answer_is_no_reason_to_leave(fake: FakeRuntime, parts: Parts) -> None:
    seen = parts.registered().registration.current
    fake.jobs.forget_launcher()
    loss = loss_of(parts)
    fake.fail("register", Fault.SERVER_ERROR)

    assert parts.registration.renewed(loss, seen)
    assert parts.registration.current is seen
    assert parts.registration.renewed(loss, seen)
    assert parts.registration.current is not seen


def test_registering_while_leaving_is_refused(fake: FakeRuntime, parts: Parts) -> None:
    parts.lifecycle.advance(Life.LEAVING)

    with pytest.raises(CallFailed, match="is leaving"):
        parts.registration.register(None)
    assert fake.jobs.registrations == []


def test_the_id_is_kept_and_each_call_says_which_of_this_process_it_is(
    fake: FakeRuntime, parts: Parts, api: ApiClient, tmp_path: Path
) -> None:
    parts.registered()
    parts.registration.register(parts.registration.current)
    again = Parts(parts.machine, api, tmp_path)
    assert again.registration.launcher_id == "lnch_1"  # before it has registered
    again.registered()

    first, second, third = fake.jobs.registrations
    assert "launcher_id" not in first
    assert (second["launcher_id"], third["launcher_id"]) == ("lnch_1", "lnch_1")
    calls = [object_of(one["instance"]) for one in (first, second, third)]
    assert [call["call"] for call in calls] == [1, 2, 1]
    assert [call["id"] == calls[0]["id"] for call in calls] == [True, True, False]


def test_an_identity_that_cannot_be_kept_does_not_hold_up_the_launcher(
    parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "identity.json").mkdir()

    parts.registered()

    assert parts.registration.launcher_id == "lnch_1"
    assert "cannot keep the launcher id" in caplog.text


def test_a_copied_identity_is_not_taken_for_ours(parts: Parts, tmp_path: Path) -> None:
    parts.registered()
    path = tmp_path / "identity.json"
    told = json.loads(path.read_text("utf-8"))
    assert parts.identity.read() == "lnch_1"

    path.write_text(json.dumps(told | {"machine": "another", "folder": "another"}), "utf-8")
    assert parts.identity.read() is None
    path.write_text("[", "utf-8")
    assert parts.identity.read() is None


def test_a_renamed_machine_and_a_container_made_anew_are_what_they_were(parts: Parts, tmp_path: Path) -> None:
    parts.registered()
    renamed = RenamedMachine()
    identity = IdentityFile(tmp_path / "identity.json", renamed)

    assert (identity.read(), identity.host_name()) == ("lnch_1", parts.machine.host_name())
    identity.write("lnch_1")
    again = IdentityFile(tmp_path / "identity.json", parts.machine)
    assert (again.read(), again.host_name()) == ("lnch_1", parts.machine.host_name())


def test_a_copy_on_another_machine_has_a_name_of_its_own(parts: Parts, tmp_path: Path) -> None:
    parts.registered()
    elsewhere = tmp_path / "copy"
    elsewhere.mkdir()
    shutil.copy(tmp_path / "identity.json", elsewhere)
    copy = IdentityFile(elsewhere / "identity.json", RenamedMachine())

    assert (copy.read(), copy.host_name()) == (None, "renamed")


def test_the_name_that_somebody_sets_is_the_machines_name_from_then_on(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    IdentityFile(path, parts.machine, "lab-7").write("lnch_1")

    assert IdentityFile(path, RenamedMachine()).host_name() == "lab-7"


class RenamedMachine(Machine):
    """This machine under another name."""

    def host_name(self) -> str:
        return "renamed"

    def identity(self) -> str:
        return "renamed and-another-machine-id"
