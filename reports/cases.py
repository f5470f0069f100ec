"""The cases of one scan, read from the history: each finding with its life, its owner and its waiver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from checks.finding import Finding
from checks.waiver import Held
from reports.case import Case, CaseReport, Lifecycle
from reports.report import ABOUT
from reports.store import CHECKS, DETAILS, EVENTS, FINDINGS, SCANS, SCOPES, WORDINGS

NEAR = 0.2
"""A due date is near when at most this share of the time to mend is left."""
OPEN: Mapping[str, Lifecycle] = {"new": "new", "reopened": "reopened", "resolved": "resolved", "read": "resolved", "dark": "dark"}  # fmt: skip
"""What the event of a scan makes of a case; any other case is open."""


Accepted = Callable[[Sequence[Finding], date], Mapping[str, Held]]
"""What is accepted among findings on a day, by finding id."""


def due(opened: date, severity: str, sla: Mapping[str, int]) -> date | None:
    """The last day to mend what has failed since a day; None without a limit."""
    days = sla.get(severity, 0)
    return opened + timedelta(days=days) if days else None


def state_of(opened: date, today: date, severity: str, sla: Mapping[str, int]) -> str:
    """``in``, ``near`` or ``breached``; empty without a limit. The due date itself is not breached."""
    last = due(opened, severity, sla)
    if last is None:
        return ""
    left = (last - today).days
    return "breached" if left < 0 else "near" if left <= NEAR * sla[severity] else "in"


def day(stamp: str) -> date:
    """The day of a time in ISO 8601."""
    return datetime.fromisoformat(stamp).date()


def findings_in(*columns: Any) -> sa.Select[Any]:
    """Findings with all that is said about them; rows begin with the columns of a :class:`Finding` in their order."""
    tables = {
        **{name: FINDINGS for name in ("finding_id",)},
        **{name: CHECKS for name in ("check_id", "severity", "area")},
        **{name: SCOPES for name in ("provider",)},
        **{name: WORDINGS for name in ("check_title", "severity_rank", "resource_type", "expected", "guidelines", "risk", "remediation", "controls")},
    }  # fmt: skip
    return (
        sa.select(*(tables.get(name, DETAILS).c[name] for name in Finding._fields), *columns)
        .select_from(FINDINGS)
        .join(DETAILS, DETAILS.c.finding_no == FINDINGS.c.no)
        .join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)
        .join(SCOPES, SCOPES.c.no == FINDINGS.c.scope_no)
        .join(WORDINGS, WORDINGS.c.no == DETAILS.c.wording_no)
    )


FIELDS = len(Finding._fields)


def case_report(
    connection: Connection,
    scan_id: str,
    since: str,
    accepted: Accepted | None,
    owner: Callable[[Finding], str] | None,
    sla: Mapping[str, int],
) -> CaseReport:
    """The cases of one scan, in the order of every output; of the last one if it is not named.

    They are what the scan lists, what it resolved and what is dark. With ``since``, a scan's id, also what was resolved
    by any scan after that one. What nobody judged in this scan is no case of it. Words and evidence of an older scan
    are the latest known. Raises LookupError for a scan that the history has not.
    """
    scans = {row.no: row for row in connection.execute(sa.select(SCANS).order_by(SCANS.c.no))}
    numbers = {row.scan_id: number for number, row in scans.items()}
    if not scans or (scan_id and scan_id not in numbers):
        raise LookupError(f"the history has no scan {scan_id}".rstrip())
    if since and since not in numbers:
        raise LookupError(f"the history has no scan {since}")
    at = numbers[scan_id] if scan_id else max((n for n, row in scans.items() if not row.late), default=max(scans))
    after = numbers[since] if since else at - 1
    scan = scans[at]
    today = day(scan.scan_started_at)

    last = (
        sa.select(EVENTS.c.finding_no, sa.func.max(EVENTS.c.scan_no).label("at"))
        .join(FINDINGS, FINDINGS.c.no == EVENTS.c.finding_no)
        .where(EVENTS.c.scan_no <= at, sa.or_(FINDINGS.c.state != "resolved", FINDINGS.c.resolved_no > after))
        .group_by(EVENTS.c.finding_no)
        .subquery()
    )
    wanted = (
        findings_in(
            EVENTS.c.event, EVENTS.c.scan_no, EVENTS.c.opened_no, EVENTS.c.was, FINDINGS.c.first_no,
            FINDINGS.c.last_no, FINDINGS.c.changed_no,
        )
        .join(last, last.c.finding_no == FINDINGS.c.no)
        .join(EVENTS, sa.and_(EVENTS.c.finding_no == FINDINGS.c.no, EVENTS.c.scan_no == last.c.at))
        .where(
            sa.or_(
                EVENTS.c.event == "dark",
                sa.and_(EVENTS.c.event.in_(["resolved", "read"]), EVENTS.c.scan_no > after),
                sa.and_(EVENTS.c.event.in_(["new", "reopened", "lit", "unread"]), FINDINGS.c.last_no >= at),
            )
        )
    )  # fmt: skip
    rows = connection.execute(wanted).all()
    found = [as_unknown(Finding(*row[:FIELDS]), row.event) for row in rows]
    lasting = {
        one.finding_id: one for one, row in zip(found, rows, strict=True) if row.event not in ("resolved", "read")
    }
    if accepted and scan.narrowed:  # how broad a waiver is, is measured by all findings
        others = connection.execute(findings_in().where(FINDINGS.c.state != "resolved"))
        lasting = {one.finding_id: one for one in findings_of(others)} | lasting
    covers = accepted(list(lasting.values()), today) if accepted else {}
    stamp = {number: one.scan_started_at for number, one in scans.items()}

    def case(finding: Finding, row: Any) -> Case:
        resolved = row.event in ("resolved", "read")
        first = min(row.first_no, row.scan_no)
        opened = row.scan_no if row.event in ("new", "reopened") else row.opened_no or first
        until = day(stamp[row.scan_no]) if resolved else today
        since_day = day(stamp[opened])
        held = covers.get(finding.finding_id)
        cover, lapsed = (None, held) if held and held.lapsed else (held, None)
        failing = row.event not in ("resolved", "read", "unread")
        last_day = due(since_day, finding.severity, sla) if failing else None
        return Case(
            finding=finding,
            lifecycle=lifecycle(row.event, row.was, row.scan_no == at or resolved),
            first_seen=stamp[first],
            last_seen=stamp[min(row.last_no, at)],
            resolved_at=stamp[row.scan_no] if resolved else "",
            age_days=(until - since_day).days,
            changed=row.changed_no == at,
            owner=owner(finding) if owner else "",
            waiver=cover.waiver if cover else "",
            waiver_kind=cover.kind if cover else "",
            waiver_expires_on=cover.expires_on if cover else "",
            waiver_created_on=cover.created_on if cover else "",
            lapsed_waiver=lapsed.waiver if lapsed else "",
            lapsed_on=lapsed.expires_on if lapsed else "",
            due_on=last_day.isoformat() if last_day else "",
            sla=state_of(since_day, today, finding.severity, sla) if failing and not cover else "",
        )

    cases = (case(finding, row) for finding, row in zip(found, rows, strict=True))
    return CaseReport({name: fact_text(scan, name) for name in ABOUT}, tuple(sorted(cases, key=order)))


def lifecycle(event: str, was: str, now: bool) -> Lifecycle:
    """What a case is in the scan of its last event, or in a later one."""
    if event == "dark":
        return "dark"
    if not now:
        return "open"
    if event == "unread":
        return "reopened" if was == "resolved" else "new"
    return OPEN.get(event, "open")


def as_unknown(finding: Finding, event: str) -> Finding:
    """A dark finding is unknown, also where the scan did not list it."""
    if event != "dark" or finding.status == "unknown":
        return finding
    return finding._replace(status="unknown", status_reason="it failed before, and its list was not read this time")


def fact_text(scan: Any, name: str) -> str:
    """A fact about a scan as text."""
    value = getattr(scan, name)
    return str(value).lower() if isinstance(value, bool) else f"{value:.1f}" if isinstance(value, float) else value


def order(case: Case) -> tuple[Any, ...]:
    """The order of a report's rows."""
    f = case.finding
    return (
        -int(f.severity_rank),
        f.provider,
        f.account_id,
        f.region,
        f.resource_id,
        f.subject,
        f.check_id,
        f.status,
        f.finding_id,
    )


def findings_of(rows: Iterable[Any]) -> list[Finding]:
    """Rows of :func:`findings_in` as findings."""
    return [Finding(*row[:FIELDS]) for row in rows]
