"""How a scan comes into the history."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from checks.check import SEVERITIES
from checks.finding import Finding
from collectors.scope import Scope
from reports.lifecycle import ReadBefore, Seen, fills, step
from reports.report import NUMBERS, Report, records
from reports.store import (
    CHECKS,
    COUNTED,
    COVERAGE,
    DETAILS,
    EVENTS,
    FINDINGS,
    MOVED,
    SCANS,
    SCOPES,
    WORDINGS,
    BadHistory,
    chunks,
    put,
)
from reports.transition import Known, Transition

WORDED = ("check_title", "severity_rank", "resource_type", "expected", "guidelines", "risk", "remediation", "controls")
DETAILED = (
    "status", "status_reason", "cause", "permission", "partition", "account_id", "region", "resource_id",
    "resource_name", "subject", "hub", "actual", "evidence_hash", "ticket_title",
    "remediation_cli", "tags", "unread",
)  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """What came of taking a scan in. ``fresh`` is false when the history had it already, ``late`` is true when a newer
    scan had judged one of its scopes. ``counts`` are the findings by lifecycle event.
    """

    fresh: bool
    late: bool
    counts: Mapping[str, int]


def ingest(connection: Connection, report: Report, seen: Seen, narrowed: bool) -> Taken:
    """One scan into the history, within the caller's transaction."""
    about = report.about
    if known := connection.execute(sa.select(SCANS).where(SCANS.c.scan_id == about["scan_id"])).first():
        if not is_same(connection, known.no, known.scan_started_at, report):
            raise BadHistory(
                f"history: holds another scan with the id {about['scan_id']}, begun at {known.scan_started_at}; "
                "this one is not taken in"
            )
        return Taken(False, False, {})
    names = Names(connection)
    started = about["scan_started_at"]
    late = {
        scope
        for scope, judged_at in names.judged_at.items()
        if judged_at > started and any(place == scope for _, place in seen.judged)
    }
    scan = 1 + connection.execute(sa.select(sa.func.coalesce(sa.func.max(SCANS.c.no), 0))).scalar_one()
    connection.execute(
        sa.insert(SCANS).values(
            no=scan,
            scan_id=about["scan_id"],
            **{name: about[name] for name in ("schema_version", "tool_version", "catalogue_version", "scan_started_at", "scan_completed_at")},
            coverage_pct=float(about["coverage_pct"]),
            scan_complete=about["scan_complete"] == "true",
            narrowed=narrowed,
            late=bool(late),
            complete=False,
        )
    )  # fmt: skip
    facts = {check["id"]: (check["id"], check["area"], check["severity"]) for check in report.checks}
    placed = {key: scope for key, one in seen.findings.items() if (scope := seen.scope_of(one)) not in late}
    names.scopes_for({scope for _, scope in seen.judged} | set(placed.values()) | scopes_asked(report))
    names.checks_for({(f.check_id, f.area, f.severity) for f in seen.findings.values()} | set(facts.values()))
    names.wordings_for(seen.findings[key] for key in placed)

    failing = Counter((seen.findings[key].check_id, scope) for key, scope in placed.items() if seen.findings[key].status == "fail")  # fmt: skip
    counted = {}
    for r in records(report.counts):
        scope = Scope(r.provider, r.account_id, r.region)
        if scope not in late:
            counted[r.check_id, scope] = {
                "scan_no": scan, "check_no": names.checks[facts.get(r.check_id, (r.check_id, "", "info"))],
                "scope_no": names.scopes[scope], "passed": int(r.passed), "failed": failing[r.check_id, scope],
                "unknown": int(r.unknown),
            }  # fmt: skip
    put(connection, COUNTED, counted.values())
    coverage = {
        (scope, r.operation): {
            "scan_no": scan, "scope_no": names.scopes[scope], "operation": r.operation, "outcome": r.outcome,
            "permission": r.permission, "code": r.code, "cause": r.cause, "tables": r.tables,
        }
        for r in records(report.coverage)
        for scope in (Scope(r.provider, r.account, r.region),)
    }  # fmt: skip
    put(connection, COVERAGE, coverage.values())
    events = advance(connection, scan, seen, placed, late, names)
    for scope in {scope for _, scope in seen.judged} - late:
        connection.execute(sa.update(SCOPES).where(SCOPES.c.no == names.scopes[scope]).values(judged_at=started))
    put(connection, MOVED, numbers_by_severity(connection, scan))
    connection.execute(sa.update(SCANS).where(SCANS.c.no == scan).values(complete=True))
    return Taken(True, bool(late), events)


def is_same(connection: Connection, scan: int, started: str, report: Report) -> bool:
    """Whether a scan that was taken in is that of a report: it began then, and got the same from every read.

    What it made of that does not count: the same run may be judged again, by other settings. Of a scan that was pruned
    only its start is known.
    """
    if started != report.about["scan_started_at"]:
        return False
    if not connection.execute(sa.select(MOVED.c.scan_no).where(MOVED.c.scan_no == scan)).first():
        return True
    rows = connection.execute(
        sa.select(SCOPES.c.provider, SCOPES.c.account, SCOPES.c.region, COVERAGE.c.operation, COVERAGE.c.outcome)
        .join(SCOPES, SCOPES.c.no == COVERAGE.c.scope_no)
        .where(COVERAGE.c.scan_no == scan)
    )
    reads = {(r.provider, r.account, r.region, r.operation, r.outcome) for r in records(report.coverage)}
    return {tuple(row) for row in rows} == reads


def storable(report: Report) -> Report:
    r"""The report with every NUL written ``\x00``: PostgreSQL holds none, and both databases hold the same."""

    def written(frame: pd.DataFrame) -> pd.DataFrame:
        texts = [c for c in frame.columns if c not in NUMBERS and frame[c].str.contains("\0", regex=False).any()]
        return frame.assign(**{c: frame[c].str.replace("\0", "\\x00", regex=False) for c in texts})

    return replace(
        report, findings=written(report.findings), counts=written(report.counts), coverage=written(report.coverage)
    )


def scopes_asked(report: Report) -> set[Scope]:
    """The places that operations were asked in."""
    return {Scope(r.provider, r.account, r.region) for r in records(report.coverage)}


class Names:
    """What stands once and is pointed at by number: scopes, checks and wordings."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        rows = list(connection.execute(sa.select(SCOPES)))
        self.scopes = {Scope(r.provider, r.account, r.region): r.no for r in rows}
        self.judged_at = {Scope(r.provider, r.account, r.region): r.judged_at for r in rows}
        self.checks = {(r.check_id, r.area, r.severity): r.no for r in connection.execute(sa.select(CHECKS))}
        self.wordings = {r.digest: r.no for r in connection.execute(sa.select(WORDINGS.c.digest, WORDINGS.c.no))}

    def scopes_for(self, wanted: set[Scope]) -> None:
        """Makes the scopes known."""
        fresh = sorted(wanted - set(self.scopes), key=str)
        for scope in fresh:
            self.scopes[scope] = len(self.scopes) + 1
        put(
            self._connection,
            SCOPES,
            [
                {
                    "no": self.scopes[s],
                    "provider": s.provider,
                    "account": s.account,
                    "region": s.region,
                    "judged_at": "",
                }
                for s in fresh
            ],
        )

    def checks_for(self, wanted: set[tuple[str, str, str]]) -> None:
        """Makes the checks known, each with the area and severity that it has now."""
        fresh = sorted(wanted - set(self.checks))
        for check in fresh:
            self.checks[check] = len(self.checks) + 1
        put(
            self._connection,
            CHECKS,
            [{"no": self.checks[c], "check_id": c[0], "area": c[1], "severity": c[2]} for c in fresh],
        )

    def wordings_for(self, findings: Iterable[Finding]) -> None:
        """Makes the words of checks known."""
        fresh: dict[str, Finding] = {}
        for one in findings:
            if (digest := wording_digest(one)) not in self.wordings:
                fresh.setdefault(digest, one)
        rows = []
        for digest, one in fresh.items():
            self.wordings[digest] = len(self.wordings) + 1
            rows.append(
                {"no": self.wordings[digest], "digest": digest, **{name: getattr(one, name) for name in WORDED}}
            )
        put(self._connection, WORDINGS, rows)


@cache
def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def wording_digest(one: Finding) -> str:
    """What tells the words of a check apart."""
    return _digest(one.check_title, one.severity_rank, one.resource_type, one.expected, one.guidelines, one.risk, one.remediation, one.controls)  # fmt: skip


def detail_digest(one: Finding, wording: int) -> str:
    """What tells a finding's details apart; before the dash, what counts as a change."""
    parts = [getattr(one, name) for name in DETAILED]
    whole = hashlib.sha256("\0".join([str(wording), *parts]).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{one.status} {one.severity} {one.evidence_hash}-{whole}"


def detail(one: Finding, wording: int, digest: str) -> dict[str, Any]:
    """A row of a finding's details, without its number."""
    return {"digest": digest, "wording_no": wording, **{name: getattr(one, name) for name in DETAILED}}


def known_findings(connection: Connection, wanted: Collection[str], names: Names) -> dict[str, Known]:
    """The findings that are not resolved, and those of some ids, by id."""
    checks = {number: check for (check, _, _), number in names.checks.items()}
    scopes = {number: scope for scope, number in names.scopes.items()}
    tables = {no: table for no, table in connection.execute(sa.select(WORDINGS.c.no, WORDINGS.c.resource_type))}
    columns = sa.select(
        FINDINGS.c.finding_id, FINDINGS.c.no, FINDINGS.c.state, FINDINGS.c.opened_no, FINDINGS.c.last_no,
        FINDINGS.c.check_no, FINDINGS.c.scope_no, DETAILS.c.wording_no, DETAILS.c.digest,
    ).join(DETAILS, DETAILS.c.finding_no == FINDINGS.c.no)  # fmt: skip
    found: dict[str, Known] = {}

    def add(statement: sa.Select[Any]) -> None:
        for key, no, state, opened, last, check, scope, wording, digest in connection.execute(statement):
            found[key] = Known(no, state, opened, last, checks[check], tables[wording], scopes[scope], digest)

    add(columns.where(FINDINGS.c.state != "resolved"))
    rest = [key for key in wanted if key not in found]
    for part in chunks(rest):
        add(columns.where(FINDINGS.c.finding_id.in_(part)))
    return found


def tags_kept(
    connection: Connection, seen: Seen, placed: Mapping[str, Scope], before: Mapping[str, Known]
) -> dict[str, str]:
    """Tags known of findings that this scan lists without any because it could not read them, by the findings' ids.

    Else a permission that is lost for a night would give every finding to another owner.
    """
    unread = {
        before[key].no: key
        for key, scope in placed.items()
        if key in before and (scope.provider, scope.account) in seen.untagged and not seen.findings[key].tags
    }
    kept: dict[str, str] = {}
    for part in chunks(list(unread)):
        rows = sa.select(DETAILS.c.finding_no, DETAILS.c.tags).where(DETAILS.c.finding_no.in_(part))
        kept |= {unread[no]: tags for no, tags in connection.execute(rows.where(DETAILS.c.tags != ""))}
    return kept


def advance(
    connection: Connection, scan: int, seen: Seen, placed: Mapping[str, Scope], late: set[Scope], names: Names
) -> Counter[str]:
    """Moves every finding's life on by one scan. Returns how many events there were of each kind."""
    before = known_findings(connection, placed, names)
    tags = tags_kept(connection, seen, placed, before)
    top = connection.execute(sa.select(sa.func.coalesce(sa.func.max(FINDINGS.c.no), 0))).scalar_one()
    moves = Transition(scan, top)
    for key, scope in placed.items():
        one, old = seen.findings[key], before.get(key)
        if key in tags:
            one = one._replace(tags=tags[key])
        wording = names.wordings[wording_digest(one)]
        words = detail(one, wording, detail_digest(one, wording))
        check_no = names.checks[one.check_id, one.area, one.severity]
        state, event = step(old.state if old else None, bool(old and old.opened), one.status)  # type: ignore[arg-type]
        if old is None:
            moves.add(
                {"finding_id": key, "check_no": check_no, "scope_no": names.scopes[scope], "state": state}, words, event
            )
        else:
            moves.see(old, state, event)
            moves.reword(old, words, check_no)

    read_then = cache(partial(read_before, connection))

    @cache
    def sight(check: str, table: str, scope: Scope, last: int) -> Any:
        return seen.of_absent(check, table, scope, lambda: read_then(last))

    for key, old in before.items():
        if key not in seen.findings:
            sighted = "silent" if old.scope in late else sight(old.check, old.table, old.scope, old.last)
            _, event = step(old.state, bool(old.opened), sighted)  # type: ignore[arg-type]
            moves.happen(old.no, event, old.state, old.opened)
    moves.write(connection)
    return moves.counts()


def read_before(connection: Connection, scan: int) -> ReadBefore:
    """What could be read at an earlier scan, and which tables that filled."""
    rows = connection.execute(
        sa.select(SCOPES.c.provider, SCOPES.c.account, SCOPES.c.region, COVERAGE.c.operation, COVERAGE.c.tables)
        .join(SCOPES, SCOPES.c.no == COVERAGE.c.scope_no)
        .where(COVERAGE.c.scan_no == scan, COVERAGE.c.outcome.in_(["read", "partial"]))
    ).all()
    return ReadBefore(
        frozenset((r.provider, r.account, r.region, r.operation) for r in rows),
        fills((r.provider, r.operation, r.tables) for r in rows),
    )


def numbers_by_severity(connection: Connection, scan: int) -> list[dict[str, Any]]:
    """The scan's numbers by severity: what is open and dark after it, and what it found new, resolved and reopened."""
    rows = {
        severity: {"scan_no": scan, "severity": severity, **dict.fromkeys(("open", "dark", "new", "resolved", "reopened"), 0)}
        for severity in SEVERITIES
    }  # fmt: skip
    number = sa.func.count().label("number")
    joined = sa.select(CHECKS.c.severity, FINDINGS.c.state, number).join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)
    for severity, state, count in connection.execute(
        joined.where(FINDINGS.c.state.in_(["fail", "dark"])).group_by(CHECKS.c.severity, FINDINGS.c.state)
    ):
        rows[severity]["open" if state == "fail" else "dark"] = count
    for severity, event, count in connection.execute(
        sa.select(CHECKS.c.severity, EVENTS.c.event, number)
        .select_from(EVENTS)
        .join(FINDINGS, FINDINGS.c.no == EVENTS.c.finding_no)
        .join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)
        .where(EVENTS.c.scan_no == scan, EVENTS.c.event.in_(["new", "resolved", "reopened"]))
        .group_by(CHECKS.c.severity, EVENTS.c.event)
    ):
        rows[severity][event] = count
    return list(rows.values())
