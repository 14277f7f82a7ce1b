"""What really ran: written by the world itself, never by the product."""

from __future__ import annotations

from dataclasses import dataclass, field

from lib.keeper.words import JsonObject
from simulation.agenda import Agenda
from simulation.fibers import Life

HELD_UP_SECONDS = 5.0
"""A keeper that dies may take so long from a word to where it would have asked."""

PROVED = "proved"
"""In a prompt: what its job asks of its end holds, and its command says so."""


@dataclass(eq=False)
class Run:
    """One command of one attempt, from its first to its last moment.

    Shape:   `how` is 'by itself', or what ended it; `exit_code` is minus the signal's number if a signal did.
             `left_code` is what it wrote down about itself, `agent_code` how it wrote that its agent failed, for one
             of our own commands. `asked` are the reasons for which it was told to end.
             `stop_heard_at` is when its keeper heard, while it ran, that it should be told so, and `stop_said_at`
             when it said so.
             `began_at` is when its keeper took it in hand, `spawned_at` when its process began.
             `alone_at` is when the last keeper died that had it and had not said how it ended.
             `is_recorded` is true once its keeper had the time to write down that it began.
             `verdict` is how a keeper said that it ended, and `is_said` tells that the disk took that; `said_seconds`
             is how long it said that it ran, each time; None for a keeper that did not know.
             `living` are the numbers of its processes, and `named` those that were said to have stayed behind.
             `fell_to` is the launcher that collects its exit code.
    """

    host: str
    boot: int
    job_id: str
    session_name: str
    attempt: int
    prompt: str
    began_at: float
    ended_at: float | None = None
    how: str | None = None
    exit_code: int | None = None
    left_code: int | None = None
    agent_code: int | None = None
    asked: list[str] = field(default_factory=list)
    stop_heard_at: float | None = None
    stop_said_at: float | None = None
    timeout_seconds: float = 0.0
    spawned_at: float = 0.0
    alone_at: float | None = None
    is_recorded: bool = False
    is_said: bool = False
    verdict: JsonObject | None = None
    said_seconds: set[float | None] = field(default_factory=set)
    living: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)
    fell_to: Life | None = None
    fell_at: float = 0.0

    @property
    def key(self) -> str:
        return f"{self.job_id}.{self.attempt}"

    @property
    def is_alone(self) -> bool:
        """Whether a keeper died that had it."""
        return self.alone_at is not None

    @property
    def ways(self) -> set[str | None]:
        """How it can be said to have ended: who is just about to stop it cannot know that it ends by itself."""
        ways = {self.how, *(self.asked if self.is_alone else ())}
        if self.ended_at is None or self.how == "power cut":
            return ways
        if self.is_alone:
            ways.add("by itself")
        if self.stop_heard_at is not None and self.ended_at <= self._asked_until(self.stop_heard_at):
            ways.add("stopped_by_user")
        if self.timeout_seconds and self.ended_at >= self.began_at + self.timeout_seconds:
            ways.add("timed_out")
        return ways

    def _asked_until(self, heard_at: float) -> float:
        """Until when an end may have come between its keeper's last look and the signal."""
        if self.stop_said_at is not None:
            return self.stop_said_at
        return heard_at + HELD_UP_SECONDS if self.is_alone else heard_at

    @property
    def went_well(self) -> bool:
        """Whether it ended by itself, without an error."""
        return (self.how, self.exit_code, self.agent_code) == ("by itself", 0, None)

    @property
    def may_count_as_well(self) -> bool:
        """Whether it may be said to have gone well, by what it wrote down if its keeper died."""
        return self.went_well or (self.is_alone and self.how == "by itself" and self.left_code == 0)

    @property
    def unseen(self) -> set[int]:
        """The living processes of which nobody was told that they stay behind."""
        return self.living - self.named


class Ledger:
    """All runs, in the order in which they began.

    Shape:   `in_doubt` are the attempts whose keeper died when it was about to begin them.
    """

    def __init__(self, agenda: Agenda) -> None:
        self.runs: list[Run] = []
        self.in_doubt: set[str] = set()
        self._agenda = agenda

    def begin(self, host: str, boot: int, job_id: str, session_name: str, attempt: int, prompt: str) -> Run:
        """Write that a command began."""
        now = self._agenda.now
        run = Run(host, boot, job_id, session_name, attempt, prompt, began_at=now, spawned_at=now)
        self.runs.append(run)
        return run

    def end(self, run: Run, how: str, exit_code: int | None) -> None:
        """Write how a command ended, once."""
        if run.ended_at is None:
            run.ended_at, run.how, run.exit_code = self._agenda.now, how, exit_code

    def alive(self) -> list[Run]:
        """Name the commands that run now, and those of which something else does."""
        return [run for run in self.runs if run.living]

    def of(self, job_id: str, attempt: int) -> Run | None:
        """Find the run of an attempt; there is at most one."""
        return next((run for run in self.runs if (run.job_id, run.attempt) == (job_id, attempt)), None)

    def of_key(self, key: str) -> Run | None:
        """Find the run of an attempt by its key."""
        return next((run for run in self.runs if run.key == key), None)
