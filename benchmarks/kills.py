"""Kills a process with SIGKILL while it takes a scan in, again and again, and looks at what it left.

`python benchmarks/kills.py [KILLS] [DATABASE] [FINDINGS]`: 50 kills at random moments by default, into a new SQLite
file, of scans with 2000 findings each. After each kill the history must be whole, must have the scan to its end or
not at all, and the next scan must find exactly what changed. Exits 1 with a line about what is not so.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time

from benchmarks.fleet import Estate
from reports.history import History


def expect(holds: bool, line: str) -> None:
    """Ends the process when something does not hold."""
    if not holds:
        sys.exit(line)


def main(kills: int, place: str, findings: int) -> None:
    """Kills so many children."""
    churn = findings // 10
    estate = Estate(findings, churn, checks=10, scopes=4)
    with History.open(place) as history:
        began = time.perf_counter()
        history.ingest(estate.report(0))
        seconds = time.perf_counter() - began
    cut = 0
    for number in range(1, kills + 1):
        report = estate.report(number)
        child = os.fork()
        if not child:
            with History.open(place) as history:
                history.ingest(report)
            os._exit(0)
        time.sleep(random.uniform(0, 1.2 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with History.open(place) as history:
            expect(history.check() == [], f"kill {number}: {history.check()}")
            taken = history.scans()[-1]["scan_id"] == report.about["scan_id"]
            cut += not taken
            expect(len(history.scans()) == number + taken, f"kill {number}: {len(history.scans())} scans")
            began = time.perf_counter()
            history.ingest(report)
            seconds = max(time.perf_counter() - began, seconds / 2) if not taken else seconds
            trend = history.trend()
            last = trend.points[-1] if trend else None
            told = (last.open, last.new, last.resolved) if last else ()
            expect(told == (findings + churn, churn, churn), f"kill {number}: then {told}")
    print(f"{kills} kills: {cut} before the scan was in, {kills - cut} after; the history was whole each time")


if __name__ == "__main__":
    words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        main(
            int(words[0]) if words else 50,
            words[1] if words[1:] else f"{folder}/history.db",
            int(words[2]) if words[2:] else 2000,
        )
