"""How long a history of a large estate takes: one more scan, and each thing that is read from it.

`python benchmarks/history.py [FINDINGS] [DAYS] [sqlite|postgresql]`: 100000 open findings over 365 daily scans in both
databases by default, each scan with 40 scopes, 100 checks, 500 new findings and 500 resolved ones. The first two scans
and the last go in by the front door; those between are copied from the second within the database. PostgreSQL is
Debian's, on a socket of its own. Seconds are of the wall and of this process's CPU.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from benchmarks.fleet import Estate
from lab.postgres import Postgres
from reports.history import History
from reports.store import COUNTED, COVERAGE, DETAILS, EVENTS, FINDINGS, MOVED, SCANS, address, engine, writing

CHURN = 500


def timed(what: str, work: Callable[[], Any]) -> None:
    """Prints how long a piece of work takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    print(f"  {what:28} {time.perf_counter() - wall:7.2f} s wall {time.process_time() - cpu:7.2f} s CPU", flush=True)


def copied(connection: sa.Connection, table: sa.Table, where: Any, **new: Any) -> None:
    """Inserts rows of a table again, with some columns new."""
    columns = [new[c.name].label(c.name) if c.name in new else c for c in table.c]
    connection.execute(sa.insert(table).from_select([c.name for c in table.c], sa.select(*columns).where(where)))


def fill(place: str, estate: Estate, days: int) -> None:
    """Copies the second scan until there are so many days, each with its own findings that come and go."""
    made, _ = engine(address(place))
    with writing(made) as connection:
        fleeting = [
            row.no
            for row in connection.execute(
                sa.select(FINDINGS.c.no).join(EVENTS, EVENTS.c.finding_no == FINDINGS.c.no).where(EVENTS.c.scan_no == 2, EVENTS.c.event == "new")
            )
        ]  # fmt: skip
        top = connection.execute(sa.select(sa.func.max(FINDINGS.c.no))).scalar_one()
        low = min(fleeting)
        for day in range(2, days):
            number, shift = sa.literal(day + 1), top + (day - 2) * CHURN - low + 1
            stamp = sa.literal(estate.stamp(day))
            copied(
                connection, SCANS, SCANS.c.no == 2, no=number, scan_id=sa.literal(f"day-{day}"), scan_started_at=stamp
            )
            for table in (COUNTED, COVERAGE, MOVED):
                copied(connection, table, table.c.scan_no == 2, scan_no=number)
            copied(
                connection, FINDINGS, FINDINGS.c.no.in_(fleeting), no=FINDINGS.c.no + shift,
                finding_id=FINDINGS.c.finding_id + f"-{day}", state=sa.literal("resolved"), opened_no=sa.literal(day),
                first_no=sa.literal(day), last_no=sa.literal(day), resolved_no=number,
            )  # fmt: skip
            copied(connection, DETAILS, DETAILS.c.finding_no.in_(fleeting), finding_no=DETAILS.c.finding_no + shift)
            mine = sa.and_(EVENTS.c.scan_no == 2, EVENTS.c.finding_no.in_(fleeting))
            copied(connection, EVENTS, mine, scan_no=sa.literal(day), finding_no=EVENTS.c.finding_no + shift)
            copied(
                connection, EVENTS, mine, scan_no=number, finding_no=EVENTS.c.finding_no + shift,
                event=sa.literal("resolved"), was=sa.literal("fail"), opened_no=sa.literal(day),
            )  # fmt: skip
    made.dispose()


def measure(place: str, estate: Estate, days: int) -> None:
    """Seeds a database and times what is done with it."""
    last = estate.report(days)
    with History.open(place) as history:
        timed("the first scan", lambda: history.ingest(estate.report(0)))
        history.ingest(estate.report(1))
        timed(f"{days - 2} scans copied", lambda: fill(place, estate, days))
        timed("one more scan", lambda: history.ingest(last))
        for window in (30, 90, 365):
            timed(f"trend over {window} days", lambda window=window: history.trend(window))  # type: ignore[misc]
        timed("trend with owners", lambda: history.trend(90, owner=lambda finding: finding.account_id))
        timed("the cases of a scan", history.case_report)
        timed("scans", history.scans)
        timed("check", history.check)
        timed("prune to 90 days", lambda: history.prune(90))


def main(findings: int, days: int, databases: list[str]) -> None:
    """Measures each database."""
    estate = Estate(findings, CHURN)
    for database in databases:
        print(f"{database}: {findings} open findings, {days} scans", flush=True)
        if database == "sqlite":
            with tempfile.TemporaryDirectory() as folder:
                measure(f"{folder}/history.db", estate, days)
                print(f"  {'size':28} {os.path.getsize(f'{folder}/history.db') / 1e6:7.0f} MB")
        else:
            with Postgres() as server:
                measure(server.database(), estate, days)


if __name__ == "__main__":
    words = sys.argv[1:]
    main(
        int(words[0]) if words else 100_000, int(words[1]) if words[1:] else 365, words[2:] or ["sqlite", "postgresql"]
    )
