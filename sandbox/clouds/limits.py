"""How many requests a token may make: sliding windows, counted in memory as the real clouds count them."""

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """What is left of one window for one token after a request was counted, or refused."""

    limit: int
    remaining: int
    reset_at: int
    """Seconds since the epoch: when the oldest counted request falls out of the window."""
    retry_after: int | None
    """Seconds to wait; None when the request was allowed."""


class RateLimit:
    """At most `limit` requests in any `seconds`; a refused request is not counted."""

    def __init__(self, limit: int, seconds: int, clock: Callable[[], float] = time.time) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def take(self, key: str) -> Quota:
        now = self._clock()
        with self._lock:
            seen = self._seen[key]
            while seen and seen[0] <= now - self.seconds:
                seen.popleft()
            allowed = len(seen) < self.limit
            if allowed:
                seen.append(now)
            reset_at = (seen[0] if seen else now) + self.seconds
            return Quota(
                limit=self.limit,
                remaining=self.limit - len(seen),
                reset_at=math.ceil(reset_at),
                retry_after=None if allowed else max(1, math.ceil(reset_at - now)),
            )
