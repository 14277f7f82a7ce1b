"""What was found of an agent, one line for each thing that was looked at."""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """How one thing is."""

    OK = "ok"
    NOT = "cannot"
    BROKEN = "BROKEN"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what was found."""

    subject: str
    verdict: Verdict
    found: str

    def line(self) -> str:
        """Return it as people read it."""
        return f"{self.verdict.value:<8} {self.subject:<22} {self.found}".rstrip()


@dataclass
class Findings:
    """All of them, in the order in which they were looked at."""

    all: list[Finding] = field(default_factory=list)

    def ok(self, subject: str, found: str = "") -> None:
        """It is as the protocol wants it."""
        self.all.append(Finding(subject, Verdict.OK, found))

    def cannot(self, subject: str, found: str) -> None:
        """It is not there, which the protocol allows."""
        self.all.append(Finding(subject, Verdict.NOT, found))

    def broken(self, subject: str, found: str) -> None:
        """It is not as the protocol wants it."""
        finding = Finding(subject, Verdict.BROKEN, found)
        if finding not in self.all:
            self.all.append(finding)

    @property
    def is_well(self) -> bool:
        """Whether nothing is broken."""
        return all(finding.verdict is not Verdict.BROKEN for finding in self.all)
