"""The table and what the keepers hold are brought in line, whichever of them died in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.configs import config_of
from launcher_rig.machines import OnPlayedKeepers, PlayedKeepers

from lib.admission import Admission
from lib.attempt.attempt import Attempt, Began, Delivered, Dropped, Ended, Phase, Reported
from lib.attempt.folder import RunFolders
from lib.errors import OrderFailed
from lib.keeper import words
from lib.keepers import Keepers
from lib.lifecycle import Lifecycle
from lib.registry import RunningJobsRegistry
from lib.supervisor import RECORD_GONE, Supervisor
from lib.version import VERSION
from lib.wire.models import Json, JsonObject


class Rig:
    """A supervisor whose keepers the test plays."""

    def __init__(self, folders: list[str]) -> None:
        self.lines = PlayedKeepers(folders)
        self.machine = OnPlayedKeepers(self.lines)
        self.registry = RunningJobsRegistry(self.machine)
        self.keepers = Keepers(self.lines, {}, self.machine)
        lifecycle = Lifecycle(self.machine)
        self.admission = Admission(self.registry.at_work, lifecycle, config_of(Path("/nowhere")), self.machine)
        runs = RunFolders(Path("/nowhere"), self.machine.disk)
        self.supervisor = Supervisor(self.registry, self.keepers, runs, self.admission, self.machine)

    def begin(self, *held: JsonObject) -> None:
        """Begin with one keeper that holds this."""
        self.lines.greet("1", VERSION, *held)
        self.supervisor.begin()

    def add(self, phase: Phase = Phase.RUNNING, keeper: str | None = "1", number: int = 1) -> Attempt:
        attempt = attempt_of(job("s", f"job_{number}"), self.machine)
        attempt.keeper = keeper
        self.registry.add_job(attempt.job.job_id, attempt)
        if phase is not Phase.BEGINNING:
            self.registry.store(attempt, Began())
        if phase is Phase.ENDED:
            self.registry.store(attempt, Ended({"exit_code": 0}))
        return attempt

    def step(self, seconds: float = 0.0) -> None:
        self.machine.now += seconds
        self.supervisor.step(lambda: None)

    def die(self, *held: JsonObject) -> None:
        """Have the keeper die, and another one that holds this take its place."""
        self.lines.cut("1")
        self.step(2.0)
        self.lines.greet("1", VERSION, *held)
        self.lines.sent.clear()
        self.step()


@pytest.fixture
def rig() -> Rig:
    return Rig(["1"])


def held(phase: str, number: int = 1, verdict: JsonObject | None = None, **more: Json) -> JsonObject:
    one = {**job("s", f"job_{number}").to_json()}
    return {"key": f"job_{number}.1", "job": one, "phase": phase, "pid": None, "verdict": verdict, **more}


def test_the_first_start_begins_with_one_keeper() -> None:
    rig = Rig([])
    rig.lines.on_open = lambda name: rig.lines.greet(name, VERSION)

    rig.supervisor.begin()

    assert rig.lines.opened == ["1"]
    assert rig.keepers.current() == "1"


def test_what_an_earlier_launcher_left_is_taken_up_as_far_as_it_is(rig: Rig) -> None:
    rig.begin(
        held("ordered"),
        held("running", 2, pid=77, started_at=1_700_000_000.5),
        held("ended", 3, {"exit_code": 4}),
    )

    ordered, running, ended = rig.registry.attempts()
    assert [one.phase for one in (ordered, running, ended)] == [Phase.UNBEGUN, Phase.RUNNING, Phase.ENDED]
    assert [one.keeper for one in (ordered, running, ended)] == ["1", "1", "1"]
    assert (running.pid, running.job.token, ended.returncode) == (77, "t", 4)
    assert running.started_at is not None
    assert running.started_at.timestamp() == 1_700_000_000.5
    assert rig.registry.take(0, 32) == [ordered, ended]


def test_a_job_that_cannot_be_read_does_not_hold_up_the_others(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    broken = held("running")
    broken["job"] = {"job_id": "../../etc"}
    rig.begin(broken, held("running", 2))

    assert list(rig.registry.get_running_jobs()) == ["job_2"]
    assert "a job of the keeper cannot be read key=job_1.1" in caplog.text


def test_a_keeper_that_does_not_answer_is_a_sentence_and_no_start(rig: Rig) -> None:
    rig.lines.on_wait = rig.machine.pass_time

    with pytest.raises(
        OrderFailed, match=r"the keeper of jobs does not answer \(see 'keeper.err' in the state folder's"
    ):
        rig.supervisor.begin()


def test_an_end_is_stored_once(rig: Rig) -> None:
    rig.begin()
    attempt = rig.add()
    for code in (3, 4):
        rig.lines.play("1", words.ENDED, key="job_1.1", verdict={"exit_code": code})
    rig.step()

    assert attempt.returncode == 3
    assert [rig.registry.take(0, 32), rig.registry.take(0, 32)] == [[attempt], []]


def test_an_end_of_what_is_over_is_acknowledged_again(rig: Rig) -> None:
    rig.begin()
    rig.lines.play("1", words.ENDED, key="job_9.1", verdict={"exit_code": 0})
    rig.lines.play("1", words.ORDERED, key="job_8.1")  # whoever ordered it has given up
    rig.step()

    assert {message["key"] for message in rig.lines.said(words.ACKNOWLEDGE)} == {"job_9.1", "job_8.1"}
    assert {message["key"] for message in rig.lines.said(words.DROP)} == {"job_9.1", "job_8.1"}


def test_what_waits_for_a_process_closes_the_launcher_for_a_while(rig: Rig) -> None:
    rig.begin()
    rig.add()
    rig.lines.play("1", words.WAITING, key="job_1.1", error="cannot fork")
    rig.step()
    assert (rig.admission.look().slots, rig.admission.look().refuse) == (0, "launcher_cannot_start_jobs")

    rig.machine.now += 60

    assert rig.admission.look().refuse is None


def test_a_word_to_go_that_a_dying_keeper_swallowed_is_said_again(rig: Rig) -> None:
    rig.begin()
    rig.add(number=1)
    rig.add(Phase.BEGINNING, number=2)
    rig.die(held("ordered", 1), held("ordered", 2))

    assert rig.lines.said(words.GO) == [{"say": words.GO, "key": "job_1.1"}]
    rig.die(held("running", 1), held("ordered", 2))
    assert rig.lines.said(words.GO) == []


def test_a_word_to_stop_that_a_dying_keeper_swallowed_is_said_again(rig: Rig) -> None:
    rig.begin()
    for number in (1, 2):
        rig.registry.mark_stop(rig.add(number=number), "stopped_by_user")

    rig.die(held("running", 1), held("ordered", 2))

    assert [message["key"] for message in rig.lines.said(words.STOP)] == ["job_1.1", "job_2.1"]
    assert rig.lines.said(words.GO) == []


def test_an_end_that_a_dying_keeper_had_not_told_is_told_by_the_next_one(rig: Rig) -> None:
    rig.begin()
    attempt = rig.add()
    rig.die(held("ended", 1, {"exit_code": 9}))

    assert attempt.returncode == 9


def test_an_acknowledgement_that_a_dying_keeper_swallowed_is_said_again(rig: Rig) -> None:
    rig.begin()
    attempt = rig.add(Phase.ENDED)
    rig.registry.store(attempt, Reported())
    rig.registry.store(attempt, Delivered("reported"))
    rig.die(held("ended", 1, {"exit_code": 0}), held("ordered", 2))

    assert {message["key"] for message in rig.lines.said(words.ACKNOWLEDGE)} == {"job_1.1", "job_2.1"}
    assert rig.registry.attempts() == []


def test_an_order_of_which_a_keepers_heir_tells_before_the_table_has_let_it_go_is_forgotten_too(rig: Rig) -> None:
    rig.begin(held("ordered"))
    attempt = rig.registry.find("job_1.1")
    assert attempt is not None
    rig.registry.tell(lambda: None, lambda *_: rig.die(held("ordered")))  # its own word to forget was for the dead one

    rig.registry.store(attempt, Dropped("given back"))

    assert [message["key"] for message in rig.lines.said(words.DROP, "1")] == ["job_1.1"]
    assert rig.registry.attempts() == []


def test_an_attempt_whose_record_is_gone_ends_and_says_so(rig: Rig) -> None:
    rig.begin()
    attempt, other = rig.add(), rig.add(keeper="2", number=2)
    beginning = rig.add(Phase.BEGINNING, number=3)
    rig.die()

    assert attempt.verdict is not None
    assert {name: attempt.verdict[name] for name in RECORD_GONE} == RECORD_GONE
    assert (other.phase, beginning.phase) == (Phase.RUNNING, Phase.BEGINNING)


def test_words_of_a_keeper_before_its_greeting_are_not_heard(rig: Rig) -> None:
    rig.begin()
    rig.lines.cut("1")
    rig.step(2.0)
    rig.lines.play("1", words.ENDED, key="job_9.1", verdict={})
    rig.step()

    assert rig.lines.said(words.ACKNOWLEDGE) == []


def test_a_keeper_that_is_gone_again_at_once_is_tried_at_the_sweeps_pace(rig: Rig) -> None:
    rig.begin()
    rig.machine.now += 10
    before = len(rig.lines.opened)
    for _ in range(50):
        rig.lines.cut("1")
        rig.step()
    assert len(rig.lines.opened) == before + 1

    for _ in range(5):
        rig.lines.cut("1")
        rig.step(1.0)

    assert before + 5 <= len(rig.lines.opened) <= before + 7


def test_a_keeper_that_cannot_be_reached_is_tried_again(rig: Rig) -> None:
    rig.begin()
    rig.lines.can_open = False
    rig.lines.cut("1")
    rig.step(2.0)
    tried = len(rig.lines.opened)
    rig.lines.can_open = True
    rig.lines.greet("1", VERSION)

    rig.step(2.0)
    rig.step()

    assert len(rig.lines.opened) == tried + 1
    assert rig.keepers.current() == "1"


def test_an_old_keeper_finishes_what_it_holds_and_goes_then(rig: Rig) -> None:
    rig.lines.greet("1", "0.0.1", held("running"))
    rig.lines.on_open = lambda name: rig.lines.greet(name, VERSION) if name == "2" else None
    rig.supervisor.begin()
    assert (rig.keepers.current(), rig.lines.opened) == ("2", ["1", "2"])
    attempt = rig.registry.attempts()[0]
    rig.step(5.0)
    assert rig.lines.discarded == []
    rig.lines.play("1", words.ENDED, key="job_1.1", verdict={"exit_code": 0})
    rig.step(5.0)
    assert (attempt.returncode, rig.lines.discarded) == (0, [])  # its end is not delivered

    rig.registry.store(attempt, Delivered("reported"))
    rig.step(5.0)

    assert rig.lines.discarded == ["1"]
    assert rig.keepers.current() == "2"


def test_a_second_keeper_of_our_own_version_is_let_go_too() -> None:
    rig = Rig(["1", "2"])
    for name in ("1", "2"):
        rig.lines.greet(name, VERSION)
    rig.supervisor.begin()

    rig.step(5.0)

    assert rig.lines.discarded == ["2"]


def test_codes_that_fell_to_the_launcher_are_looked_for_all_the_time(rig: Rig) -> None:
    from lib.machine.keeper_lines import collected

    rig.begin()
    rig.lines.fallen = [collected(7, "1", 0)]

    rig.step(2.0)

    assert len(rig.lines.said(words.COLLECTED, "1")) == 1
