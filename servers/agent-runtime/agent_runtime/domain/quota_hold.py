"""A quota hold: an account's limit at a backend is used up, so nothing is sent there until it ends.

closed ──► trying ──► lifted
  ▲  └───────┼──────────▲     by a person, or because nobody waits any more
  └──────────┘  the job that tried it was refused too
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import Launcher

HoldId = NewType("HoldId", str)
UNTOLD_FIRST: Mapping[str, timedelta] = {
    "rate_limited": timedelta(minutes=1),
    "quota_exhausted": timedelta(minutes=15),
}
"""How long to hold at first where nobody says when the limit ends."""
UNTOLD_MAX = timedelta(hours=1)
TOLD_MAX = timedelta(days=35)
JITTER_SHARE, JITTER_MAX = 0.05, timedelta(minutes=1)


class HoldState(StrEnum):
    """`trying` lets one job through at a time, until one of them was answered."""

    CLOSED = "closed"
    TRYING = "trying"
    LIFTED = "lifted"


@dataclass(frozen=True)
class QuotaOf:
    """Whose limits the jobs of an agent use up.

    Shape:   `backend` is the kind of client, as in `Launcher.clients`; `model` the one that the blueprint names;
             `account` is set where the agent brings credentials of its own, whatever machine it runs on.
    """

    backend: str
    model: str | None = None
    account: str | None = None


@dataclass(frozen=True)
class Limit:
    """What a client said of the limit that it ran into.

    Shape:   `is_of_model` when other models of the same account go on.
    """

    name: str | None = None
    retry_at: datetime | None = None
    is_of_model: bool = False


@dataclass(frozen=True, kw_only=True)
class QuotaHold:
    """A row of the quota holds, as it was read.

    Shape:   `model` is None for all models, and empty for the one that is used where a blueprint names none;
             `until` is when the limit should be over; `said` is what the client said; `refusals` counts how often in a
             row it refused; `probe_job_id` is the job that tries whether the limit is over, in attempt `probe_attempt`.
    """

    id: HoldId
    account: str
    backend: str
    model: str | None
    limit_name: str
    state: HoldState = HoldState.CLOSED
    until: datetime
    said: str | None
    made_by_job_id: JobId
    refusals: int = 1
    probe_job_id: JobId | None = None
    probe_attempt: int | None = None
    probe_began_at: datetime | None = None
    made_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    def covers(self, account: str, quota: QuotaOf) -> bool:
        """Tell whether jobs of this account would run into it."""
        is_model = self.model is None or self.model == (quota.model or "")
        return self.account == account and self.backend == quota.backend and is_model

    @property
    def lets_one_through(self) -> bool:
        """Whether the next job may try if the limit is over."""
        return self.state is HoldState.TRYING and self.probe_job_id is None


def account_at(launcher: Launcher, quota: QuotaOf) -> str:
    """Name the account whose limits an agent uses on a launcher; where that is not known, its machine stands for it."""
    if quota.account is not None:
        return quota.account
    told: Json = ((launcher.clients or {}).get(quota.backend) or {}).get("account")
    return told if isinstance(told, str) and told else f"host {launcher.hostname or launcher.name}"


def covering(holds: Iterable[QuotaHold], launcher: Launcher, quota: QuotaOf | None) -> Sequence[QuotaHold]:
    """Find what keeps an agent's jobs from a launcher; a person's own command finds out for itself."""
    if quota is None or launcher.only_own_jobs:
        return ()
    account = account_at(launcher, quota)
    return [hold for hold in holds if hold.covers(account, quota)]


def end_of(limit: Limit, reason: str, refusals: int, now: datetime, share: float) -> datetime:
    """Tell until when to hold: as the client said, or longer each time where it did not say; never to the second.

    Shape:   `share`, from 0 to 1, is drawn by lot.
    """
    wait = limit.retry_at - now if limit.retry_at is not None else timedelta()
    if wait <= timedelta():
        wait = min(UNTOLD_FIRST.get(reason, UNTOLD_MAX) * (1 << min(refusals - 1, 10)), UNTOLD_MAX)
    wait = min(wait, TOLD_MAX)
    return now + wait + min(wait * JITTER_SHARE, JITTER_MAX) * share
