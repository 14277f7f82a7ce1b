"""An hour without the runtime, on a clock that is made up: every part of the launchers is the real one."""

from collections import Counter
from collections.abc import Callable

import pytest

from agent_runtime.domain.job import JobType, Order
from simulation.host import Host
from simulation.runtime import Database
from simulation.world import World

BEGINS, HOUR = 60.0, 3600.0
LAUNCHERS, JOBS_EACH = 8, 4
# Two of each launcher's jobs end while nobody hears of it; the others go on past the hour.
DURATIONS = (600.0, 3000.0, 4000.0, 4200.0)
ALL_ARE_BACK_SECONDS = 35.0
CALLS_OF_ALL_IN_A_SECOND_MAX = 2 * LAUNCHERS
EVENTS_MAX = 400_000


class Hour(World):
    """A world in which nothing goes wrong but one thing, for an hour."""

    def __init__(self, database: Database) -> None:
        super().__init__(7, database)
        self.faults.is_calm = True
        self.poll_seconds = 50.0
        self.chaos_seconds = BEGINS + HOUR + 1.0
        self.hosts = [Host(self, f"host-{number}", {"gpu": "yes"}, JOBS_EACH) for number in range(LAUNCHERS)]
        self.arrivals: list[float] = []

    def order(self) -> None:
        """Order all jobs."""
        for seconds in DURATIONS:
            for number in range(LAUNCHERS):
                name = f"job-{seconds:g}-{number}"
                prompt = f"work {seconds} {number % 2} 0.1 #{seconds:g}-{number}"
                self.clients._order(Order(JobType.START_SESSION, name, prompt, agent_name="echo"))

    def is_away(self) -> bool:
        return BEGINS <= self.agenda.now < BEGINS + HOUR

    def runtime_stays_down(self) -> None:
        """Every connection is refused at once."""
        runtime, self.runtime = self.runtime, None
        assert runtime is not None
        runtime.die()
        self.agenda.after(HOUR, self._start_runtime)

    def everybody_is_cut_off(self) -> None:
        """Nothing ever answers."""
        for host in self.hosts:
            self.network.cut(host.name, HOUR)

    def _let_happen(self) -> None:
        for _ in range(EVENTS_MAX):
            if self.is_over or self.checks.findings:
                return
            self._next_event()
        self.checks.find("rest", "there was no end")


@pytest.fixture(scope="module")
def database() -> Database:
    return Database()


@pytest.mark.parametrize("outage", [Hour.runtime_stays_down, Hour.everybody_is_cut_off], ids=["refused", "black hole"])
def test_an_hour_without_the_runtime_harms_no_job_loses_no_report_and_ends_without_a_rush(
    database: Database, outage: Callable[[Hour], None]
) -> None:
    world = Hour(database)
    deliver = world.network.deliver
    lives: list[object] = []

    def count_and_deliver(*call: object) -> None:
        if world.runtime is not None and not world.is_away():
            world.arrivals.append(world.agenda.now)
        deliver(*call)  # type: ignore[arg-type]

    world.network.deliver = count_and_deliver  # type: ignore[method-assign, assignment]
    world.agenda.after(5.0, world.order)
    world.agenda.after(BEGINS - 1.0, lambda: lives.extend(host.life for host in world.hosts))
    world.agenda.after(BEGINS, lambda: outage(world))
    outcome = world.run()

    assert outcome.findings == (), outcome.story[-4000:]
    ours = [run for run in world.ledger.runs if run.session_name.startswith("job-")]
    assert len(ours) == LAUNCHERS * len(DURATIONS)
    assert {run.how for run in ours} == {"by itself"}
    assert sum(is_within(run.ended_at) for run in ours) == LAUNCHERS * 2
    assert lives == [host.life for host in world.hosts], "no launcher gave up"
    back = Counter(int(at - BEGINS - HOUR) for at in world.arrivals if at >= BEGINS + HOUR)
    assert max(back[second] for second in range(int(ALL_ARE_BACK_SECONDS))) <= CALLS_OF_ALL_IN_A_SECOND_MAX, back


def is_within(ended_at: float | None) -> bool:
    """Whether something ended within the hour."""
    return ended_at is not None and BEGINS <= ended_at < BEGINS + HOUR
