"""No API is asked faster than its bucket allows, and no account more often than its budget allows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import monotonic

import pytest

from collectors.operation import ReadFailed
from collectors.rate_limit import RateLimiter


def seconds(pace: RateLimiter, asks: list[tuple[str, str]], threads: int = 1) -> list[float]:
    """When each ask was let through, in seconds since the start."""
    start = monotonic()

    def ask(region_and_api: tuple[str, str]) -> float:
        pace.wait(*region_and_api)
        return monotonic() - start

    with ThreadPoolExecutor(threads) as pool:
        return sorted(pool.map(ask, asks))


@pytest.mark.parametrize("threads", [1, 5])
def test_rate_is_held_in_every_second(threads: int) -> None:
    taken = seconds(RateLimiter(per_second=10), [("eu-west-1", "iot")] * 25, threads)
    assert 1.4 <= taken[-1] < 4
    assert all(later - earlier > 0.98 for earlier, later in zip(taken, taken[10:], strict=False))


def test_a_bucket_belongs_to_one_region_and_one_api() -> None:
    asks = [(region, api) for region in ("eu-west-1", "us-east-1") for api in ("iot", "s3")] * 10
    assert seconds(RateLimiter(per_second=10), asks)[-1] < 0.9


def test_waiting_for_one_api_holds_up_no_other() -> None:
    pace = RateLimiter(per_second=1)
    pace.wait("eu-west-1", "iot")
    waiting = threading.Thread(target=pace.wait, args=("eu-west-1", "iot"))
    waiting.start()
    assert seconds(pace, [("eu-west-1", "s3")])[-1] < 0.5
    assert waiting.is_alive()
    waiting.join()


def test_many_buckets_need_no_thread_of_their_own() -> None:
    before = threading.active_count()
    pace = RateLimiter()
    for number in range(200):
        pace.wait("eu-west-1", f"api-{number}")
    assert threading.active_count() == before


def test_bucket_forgets_what_it_need_not_remember() -> None:
    pace = RateLimiter(per_second=1)
    for _ in range(3):
        pace.wait("eu-west-1", "iot")
    ((_, bucket),) = pace._buckets.values()
    assert bucket.count() <= 2


def test_spent_budget_ends_in_a_partial_read() -> None:
    pace = RateLimiter(budget=3)
    for api in ("iot", "s3", "iam"):
        pace.wait("eu-west-1", api)
    with pytest.raises(ReadFailed, match="budget of 3 calls") as failure:
        pace.wait("us-east-1", "iot")
    assert (failure.value.outcome, failure.value.code) == ("partial", "CallBudget")
    assert pace.calls == 3


def test_budget_is_not_overdrawn_by_threads() -> None:
    pace = RateLimiter(per_second=1000, budget=50)

    def ask(number: int) -> bool:
        try:
            pace.wait("eu-west-1", f"api-{number % 7}")
        except ReadFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(200))) == 50
    assert pace.calls == 50


def test_no_budget_is_no_limit() -> None:
    pace = RateLimiter(per_second=1000)
    assert seconds(pace, [("eu-west-1", "iot")] * 300)[-1] < 2
    assert pace.calls == 300


def test_waiting_for_reports_ends_when_the_patience_for_all_of_them_is_spent() -> None:
    pace, start = RateLimiter(patience=0.6), monotonic()
    assert len(list(pace.turns())) == 3, "at once, after half a second, and with what is left"
    assert 0.5 < monotonic() - start < 5
    assert len(list(pace.turns())) == 1, "the next report is asked for once and not awaited"


def test_a_report_that_is_finished_at_once_costs_no_patience() -> None:
    pace = RateLimiter(patience=0.1)
    for _ in range(50):
        assert len(list(islice(pace.turns(), 1))) == 1
    assert pace.patience == 0.1
