"""A month of the demo: thirty nightly scans of the lab with its clock moved, and the history that they leave.

A night's estate follows from its number alone, so nights are scanned side by side, a process each, and taken into the
history in their order.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from collectors.operation import Scope
from collectors.run import Run
from flows.demo import settings_file
from flows.scan import Examine, Order, gather, run
from flows.settings import load
from reports.report import Report

SHARE = 0.1
"""How much of the bulk of devices is there: nobody looks at every meter of every night."""
TOOK = timedelta(minutes=4)
"""How long a night's scan takes by the lab's clock."""


def month(nights: int, last: datetime, folder: Path) -> Iterator[Report]:
    """The reports of so many nights up to ``last``, the first one first. The last run stays in ``folder``."""
    begun = [last - timedelta(days=days) for days in reversed(range(nights))]
    place = folder / "nights"
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(nights, os.cpu_count() or 1), context)
    try:
        for at, url in zip(begun, pool.map(scan_night, range(nights), begun, [str(place)] * nights), strict=True):
            yield gather(Run(url), at + TOOK)
        shutil.rmtree(folder / "run", ignore_errors=True)
        shutil.move(url, folder / "run")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(place, ignore_errors=True)


def scan_night(number: int, at: datetime, place: str) -> str:
    """Scans the lab of one night and returns where the run lies."""
    from lab.cloud import Lab
    from lab.story import play

    folder = Path(place) / str(number)
    folder.mkdir(parents=True)
    with Lab(at, SHARE) as lab:
        play(lab, number)
        os.environ.update(lab.env())
        settings = load(settings_file(lab, folder))
        order = Order(settings, f"{at:%Y%m%dT%H%M%SZ}", at, out=str(folder))
        run(order, one_by_one)
    return order.run.url


def one_by_one(examine: Examine, scopes: list[Scope]) -> Iterable[dict[str, Any]]:
    """A mapper for a process that has its clouds within itself: threads would only wait for each other."""
    return map(examine, scopes)
