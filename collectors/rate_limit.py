"""Pace: no API is asked faster than its bucket allows, and no account more often than its budget allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from pyrate_limiter import Duration, InMemoryBucket, Limiter, MonotonicClock, Rate, SingleBucketFactory

from collectors.operation import ReadFailed

CALLS_PER_SECOND = 10
"""Default rate per (account, region, API). AWS IoT Core's list and describe operations allow 10 a second
(AWS General Reference, "AWS IoT Core endpoints and quotas")."""
REPORT_SECONDS = 60.0
"""Longest that the scan of one account waits, over all reports that a provider makes when asked to."""


@dataclass
class RateLimiter:
    """Token buckets per (region, API) of one account, its budget of calls (0: no limit) and its patience in seconds."""

    per_second: int = CALLS_PER_SECOND
    budget: int = 0
    patience: float = REPORT_SECONDS
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _buckets: dict[tuple[str, str], tuple[Limiter, InMemoryBucket]] = field(default_factory=dict, repr=False)

    def wait(self, region: str, api: str) -> None:
        """Takes one token, waiting for it. Raises ReadFailed ``partial`` when the account's budget is spent."""
        with self._lock:
            if self.budget and self.calls >= self.budget:
                raise ReadFailed("partial", "CallBudget", f"the budget of {self.budget} calls is spent")
            self.calls += 1
            if (region, api) not in self._buckets:
                bucket = InMemoryBucket([Rate(self.per_second, Duration.SECOND)])
                self._buckets[region, api] = Limiter(SingleBucketFactory(bucket, schedule_leak=False)), bucket
            limiter, bucket = self._buckets[region, api]
        bucket.leak(MonotonicClock().now())  # or the library keeps a thread and an event loop for every bucket
        limiter.try_acquire(api, blocking=True)

    def turns(self) -> Iterator[None]:
        """Turns to ask for a report that is being made: at once, then after pauses of 0.5 to 5 seconds.

        They end when the account's patience is spent, for all its reports together.
        """
        pause = 0.5
        while True:
            yield
            with self._lock:
                pause = min(pause, self.patience)
                self.patience -= pause
            if pause <= 0:
                return
            time.sleep(pause)
            pause = min(2 * pause, 5)
