"""The history: every scan that was taken in, and the life of every finding. The door to the database behind it.

A scan is taken in by one transaction, alone among writers, and once: the same scan again changes nothing, and another one
with the same id is refused. Which findings it resolves stands in :mod:`reports.lifecycle`. A scope that a newer scan has judged is **late** and left out, so
scans that end in another order than they began never turn a life back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from checks.finding import Finding
from collectors.errors import is_scan_id
from collectors.schema import COVERAGE as REPORTED
from collectors.scope import Scope
from reports.case import SLA_DAYS, CaseReport
from reports.cases import Accepted, case_report
from reports.ingest import Taken, ingest, storable
from reports.lifecycle import Seen
from reports.report import Report
from reports.store import (
    COUNTED,
    COVERAGE,
    DETAILS,
    EVENTS,
    FINDINGS,
    MOVED,
    SCANS,
    SCOPES,
    BadHistory,
    address,
    engine,
    plain_errors,
    reading,
    upgrade,
    url_text,
    writing,
)  # fmt: skip
from reports.tickets.ledger import Ledger
from reports.transition import AFTER
from reports.trend import Trend
from reports.trend_query import Periods, timeline


class History:
    """A history that is open. Its methods raise BadHistory when the database fails them."""

    def __init__(self, made: Engine, place: str, warning: str = "") -> None:
        self._engine, self.place, self.warning = made, place, warning

    @staticmethod
    def open(place: str) -> History:
        """Opens a history, and makes it where there is none. ``place`` is a file or ``postgresql+psycopg://…``."""
        url = address(place)
        made, warning = engine(url)
        upgrade(made, url)
        return History(made, url_text(url), warning)

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ingest(self, report: Report, *, narrowed: bool = False) -> Taken:
        """Takes a scan in. ``narrowed``: it was asked for fewer clouds or checks than the settings name, so its
        numbers are no point of a trend; what it judged counts all the same.
        """
        self._sound(report.about["scan_id"])
        report = storable(report)
        seen = Seen.of(report)
        with writing(self._engine) as connection:
            return ingest(connection, report, seen, narrowed)

    def ledger(self) -> Ledger:
        """What was exported to trackers."""
        return Ledger(self._engine)

    def scans(self) -> list[dict[str, Any]]:
        """Every scan that was not pruned, in the order they were taken in."""
        kept = sa.select(MOVED.c.scan_no)
        columns = [SCANS.c[name] for name in ("scan_id", "scan_started_at", "scan_complete", "coverage_pct", "narrowed", "late", "tool_version")]  # fmt: skip
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(*columns).where(SCANS.c.no.in_(kept)).order_by(SCANS.c.no)).all()
        for row in rows:
            self._sound(row.scan_id)
        return [dict(row._mapping) for row in rows]

    def coverage(self, scan_id: str) -> list[dict[str, str]]:
        """What a scan asked and what came of it, as in ``coverage.csv``, without the details of what went wrong."""
        columns = (
            SCOPES.c.provider, SCOPES.c.account, SCOPES.c.region, COVERAGE.c.operation, COVERAGE.c.permission,
            COVERAGE.c.outcome, COVERAGE.c.code, COVERAGE.c.cause, COVERAGE.c.tables,
        )  # fmt: skip
        wanted = (
            sa.select(*columns)
            .join(SCOPES, SCOPES.c.no == COVERAGE.c.scope_no)
            .join(SCANS, SCANS.c.no == COVERAGE.c.scan_no)
            .where(SCANS.c.scan_id == scan_id)
            .order_by(*columns[:4])
        )
        with reading(self._engine) as connection:
            return [{name: row._mapping.get(name, "") for name in REPORTED} for row in connection.execute(wanted)]

    def case_report(
        self,
        scan_id: str = "",
        *,
        since: str = "",
        accepted: Accepted | None = None,
        owner: Callable[[Finding], str] | None = None,
        sla: Mapping[str, int] = SLA_DAYS,
    ) -> CaseReport:
        """The cases of one scan, the last one if it is not named. See :func:`reports.cases.case report`."""
        with reading(self._engine) as connection:
            found = case_report(connection, scan_id, since, accepted, owner, sla)
        self._sound(found.about["scan_id"])
        return found

    def _sound(self, scan_id: str) -> None:
        """Raises BadHistory for a scan's id that no scan has: folders are named by it."""
        if not is_scan_id(scan_id):
            raise BadHistory(f"history: {self.place}: a scan has an id that is no folder's name")

    def trend(
        self,
        window_days: int = 90,
        *,
        waived: Periods | None = None,
        owner: Callable[[Finding], str] | None = None,
        sla: Mapping[str, int] = SLA_DAYS,
        min_coverage: float = 100.0,
    ) -> Trend | None:
        """The trend over a window that ends with the last scan, None without one. See :func:`reports.trend_query.timeline`."""
        with reading(self._engine) as connection:
            return timeline(connection, window_days, waived, owner, sla, min_coverage)

    def baseline(self, scan_id: str) -> set[Scope]:
        """The scopes that a complete scan before this one has judged: findings there can be told new from old."""
        number = sa.select(SCANS.c.no).where(SCANS.c.scan_id == scan_id).scalar_subquery()
        wanted = (
            sa.select(SCOPES.c.provider, SCOPES.c.account, SCOPES.c.region)
            .join(COUNTED, COUNTED.c.scope_no == SCOPES.c.no)
            .join(SCANS, SCANS.c.no == COUNTED.c.scan_no)
            .where(SCANS.c.scan_complete, SCANS.c.no < number)
            .distinct()
        )
        with reading(self._engine) as connection:
            return {Scope(*row) for row in connection.execute(wanted)}

    def prune(self, keep_days: int) -> dict[str, int]:
        """Forgets what is older than so many days before the last scan: its numbers, and findings resolved by then.

        What is still open stays with all its events, and with what could be read when it was last seen: without that,
        a service that is no longer offered would resolve it. A finding that is forgotten and comes back is new.
        """
        with writing(self._engine) as connection:
            last = connection.execute(sa.select(sa.func.max(SCANS.c.scan_started_at))).scalar()
            if not last:
                return {"scans": 0, "findings": 0}
            border = (date.fromisoformat(last[:10]) - timedelta(days=keep_days)).isoformat()
            old = sa.select(SCANS.c.no).where(SCANS.c.scan_started_at < border)
            gone = sa.select(FINDINGS.c.no).where(FINDINGS.c.state == "resolved", FINDINGS.c.resolved_no.in_(old))
            scans = connection.execute(
                sa.select(sa.func.count(MOVED.c.scan_no.distinct())).where(MOVED.c.scan_no.in_(old))
            ).scalar_one()
            seen = sa.select(FINDINGS.c.last_no).where(FINDINGS.c.state != "resolved")
            connection.execute(sa.delete(COVERAGE).where(COVERAGE.c.scan_no.in_(old), COVERAGE.c.scan_no.not_in(seen)))
            for table in (COUNTED, MOVED):
                connection.execute(sa.delete(table).where(table.c.scan_no.in_(old)))
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.finding_no.in_(gone)))
            connection.execute(sa.delete(DETAILS).where(DETAILS.c.finding_no.in_(gone)))
            findings = connection.execute(
                sa.delete(FINDINGS).where(FINDINGS.c.state == "resolved", FINDINGS.c.resolved_no.in_(old))
            ).rowcount
            return {"scans": scans, "findings": findings}

    def vacuum(self) -> None:
        """Gives back the space that pruning left."""
        with (
            plain_errors(self._engine),
            self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            connection.exec_driver_sql("VACUUM")

    def check(self) -> list[str]:
        """What is wrong with the history, one line each; nothing when it is whole."""
        with reading(self._engine) as connection:
            return problems(connection)


def problems(connection: Connection) -> list[str]:
    """Broken pages and broken rules, one line each."""
    wrong = []
    if connection.dialect.name == "sqlite":
        wrong += [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
        broken = list(connection.exec_driver_sql("PRAGMA foreign_key_check"))
        wrong += [f"{row[0]} points at a {row[2]} that is not there" for row in broken]
    last = (
        sa.select(EVENTS.c.finding_no, sa.func.max(EVENTS.c.scan_no).label("at"))
        .group_by(EVENTS.c.finding_no)
        .subquery()
    )
    ends = (
        sa.select(FINDINGS.c.finding_id, FINDINGS.c.state, EVENTS.c.event)
        .outerjoin(last, last.c.finding_no == FINDINGS.c.no)
        .outerjoin(EVENTS, sa.and_(EVENTS.c.finding_no == FINDINGS.c.no, EVENTS.c.scan_no == last.c.at))
    )  # fmt: skip
    wrong += [
        f"{key} is {state}, and its last event is {event}"
        for key, state, event in connection.execute(ends)
        if AFTER.get(event) != state
    ]
    half = connection.execute(sa.select(SCANS.c.scan_id).where(~SCANS.c.complete)).scalars()
    wrong += [f"scan {scan} was not taken in to its end" for scan in half]
    bare = sa.select(FINDINGS.c.finding_id).outerjoin(DETAILS, DETAILS.c.finding_no == FINDINGS.c.no)
    wrong += [
        f"{key} has no details" for key in connection.execute(bare.where(DETAILS.c.finding_no.is_(None))).scalars()
    ]
    newest = sa.select(sa.func.max(MOVED.c.scan_no)).scalar_subquery()
    told = sa.select(sa.func.sum(MOVED.c.open), sa.func.sum(MOVED.c.dark)).where(MOVED.c.scan_no == newest)
    stock = sa.select(
        sa.func.coalesce(sa.func.sum(sa.case((FINDINGS.c.state == "fail", 1), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.case((FINDINGS.c.state == "dark", 1), else_=0)), 0),
    )
    said, are = tuple(connection.execute(told).one()), tuple(connection.execute(stock).one())
    if said not in ((None, None), are):
        wrong.append(f"the last scan left {said[0]} open and {said[1]} dark, and there are {are[0]} and {are[1]}")
    return wrong
