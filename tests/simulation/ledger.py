"""What really ran: written by the world itself, never by the product."""

from dataclasses import dataclass

from simulation.agenda import Agenda


@dataclass
class Run:
    """One command of one attempt, from its first to its last moment.

    Shape:   `how` is 'by itself', or what ended it; `exit_code` is None if a signal did.
             `is_alone` is true once its shim was killed, so that nobody can say how it ended.
    """

    host: str
    job_id: str
    session_name: str
    attempt: int
    prompt: str
    began_at: float
    ended_at: float | None = None
    how: str | None = None
    exit_code: int | None = None
    is_alone: bool = False

    @property
    def went_well(self) -> bool:
        """Whether it ended by itself, without an error."""
        return (self.how, self.exit_code) == ("by itself", 0)


class Ledger:
    """All runs, in the order in which they began."""

    def __init__(self, agenda: Agenda) -> None:
        self.runs: list[Run] = []
        self._agenda = agenda

    def begin(self, host: str, job_id: str, session_name: str, attempt: int, prompt: str) -> Run:
        """Write that a command began."""
        run = Run(host, job_id, session_name, attempt, prompt, self._agenda.now)
        self.runs.append(run)
        return run

    def end(self, run: Run, how: str, exit_code: int | None) -> None:
        """Write how a command ended, once."""
        if run.ended_at is None:
            run.ended_at, run.how, run.exit_code = self._agenda.now, how, exit_code

    def alive(self) -> list[Run]:
        """Name the commands that run now."""
        return [run for run in self.runs if run.ended_at is None]

    def of(self, job_id: str, attempt: int) -> Run | None:
        """Find the run of an attempt; there is at most one."""
        return next((run for run in self.runs if (run.job_id, run.attempt) == (job_id, attempt)), None)
