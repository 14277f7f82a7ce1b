"""How many requests one token may make: a bucket that fills again with time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from agent_runtime.domain.errors import TooMuch
from agent_runtime.services.access.callers import Caller, Role

BURST_SECONDS = 5.0
SESSION_SHARE = 0.05
"""A running agent may make a twentieth of what a person's token may: one that runs wild is only slowed down."""
_BUCKETS_MAX = 10_000


@dataclass
class _Bucket:
    left: float
    filled_at: float


class RateLimit:
    """Counts the requests of each caller; who was not heard of for long is forgotten first."""

    def __init__(self, requests_per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = requests_per_second
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: Caller) -> None:
        """Let one request through.

        Errors:  TooMuch `rate_limited`; with the time after which there is room again.
        """
        if self._per_second <= 0:
            return
        rate = self._per_second * (SESSION_SHARE if caller.role is Role.SESSION else 1.0)
        full = max(rate * BURST_SECONDS, 1.0)
        bucket = self._bucket(f"{caller.role} {caller.session_id or caller.name}", full)
        now = self._clock()
        bucket.left = min(full, bucket.left + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        if bucket.left < 1.0:
            raise TooMuch(
                "rate_limited",
                f"this token makes more than {rate:g} requests in a second (make fewer, or allow more with "
                "AGENT_RUNTIME_REQUESTS_PER_SECOND)",
                max(1, ceil((1.0 - bucket.left) / rate)),
            )
        bucket.left -= 1.0

    def _bucket(self, name: str, full: float) -> _Bucket:
        bucket = self._buckets.pop(name, None) or _Bucket(full, self._clock())
        self._buckets[name] = bucket
        if len(self._buckets) > _BUCKETS_MAX:
            self._buckets.popitem(last=False)
        return bucket
