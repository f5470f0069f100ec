"""What a night of the demo's month costs this process: CPU seconds by part, the lab's servers included.

`python benchmarks/demo_month.py [NIGHTS]` plays that many nights of the story (3 by default) one after the other. The first
pays for loading SDKs and their models; the month pays that once a core. Calls are exact; compare seconds with each other.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collectors.scope import Scope
from flows.console import collect_seldom
from flows.demo import settings_file
from flows.demo_month import SHARE, TOOK
from flows.scan import Examine, Order, run
from flows.settings import load
from lab.cloud import Lab
from lab.story import play


class Parts:
    """CPU seconds by part of a night, in the order in which the parts end."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._since = time.process_time()

    def ends(self, part: str) -> None:
        """What was spent since the last part belongs to this one."""
        now = time.process_time()
        self.spent[part] = self.spent.get(part, 0.0) + now - self._since
        self._since = now

    def one_by_one(self, examine: Examine, scopes: list[Scope]) -> Iterable[dict[str, Any]]:
        """A mapper that counts what each cloud's scopes cost."""
        self.ends("finding the scopes")
        for scope in scopes:
            yield examine(scope)
            self.ends(scope.provider)


def night(number: int, at: datetime, folder: Path) -> None:
    """Plays one night and prints what it cost."""
    parts = Parts()
    with Lab(at, SHARE) as lab:
        play(lab, number)
        os.environ.update(lab.env())
        parts.ends("the lab's start")
        order = Order(load(settings_file(lab, folder)), f"night-{number}", at, out=str(folder / str(number)))
        run(order, parts.one_by_one, now=lambda: at + TOOK)
        parts.ends("gathering the report")
        calls = {cloud.name: cloud.switchboard.calls.total() for cloud in lab.clouds}
    gc.collect()
    gc.freeze()
    parts.ends("the lab's end")
    print(f"night {number + 1}: CPU {sum(parts.spent.values()):.2f} s")
    for part, seconds in parts.spent.items():
        print(f"  {part:20} {seconds:6.2f} s" + (f"  {calls[part]:4} calls" if part in calls else ""))


def main() -> None:
    """Plays the nights."""
    collect_seldom()
    nights = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"loading what a scan needs: CPU {time.process_time():.2f} s")
    first = datetime.now(UTC) - timedelta(days=nights)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(nights):
            night(number, first + timedelta(days=number), Path(folder))


if __name__ == "__main__":
    main()
