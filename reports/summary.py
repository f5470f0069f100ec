"""What a report says in numbers: plain arithmetic over one :class:`~reports.report.Report`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from checks.check import SEVERITIES
from checks.finding import Finding
from checks.unread import Unread, unread_of
from collectors.causes import Cause, cause_of
from reports.report import Report, records

ALIKE = 50
"""Findings of one check in one hub that stand alone; more become one line. Devices always do."""
SAMPLE = 5
"""Resources that a rolled-up line names."""
LISTED = 10_000
"""Resources that a rolled-up line keeps for a page that lists them; findings.csv has them all."""
STATES = ("fail", "unknown", "pass", "not_applicable")
"""Of a check or guideline over all scopes, the one that wins first."""
FAMILIES = {"aws": ("aws",), "azure": ("azure",), "gcp": ("gcp", "clearblade")}
"""Providers that a guideline's first word speaks of: ClearBlade is the successor of Cloud IoT Core."""


@dataclass
class Tally:
    """Judgements counted: failing and unknown by severity, passing, and how much of it could be judged.

    ``pairs`` counts checks times scopes that had something to judge, ``assessed`` those of them without an unknown.
    """

    failed: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    passed: int = 0
    pairs: int = 0
    assessed: int = 0

    @property
    def assessed_pct(self) -> str:
        """Share of pairs judged in full, rounded down so that 100 means all; empty when there was nothing to judge."""
        return str(100 * self.assessed // self.pairs) if self.pairs else ""


@dataclass(frozen=True)
class Line:
    """One finding, or those of one hub for which one check says the same. ``findings`` holds at most LISTED of them."""

    findings: tuple[Finding, ...]
    count: int = 1
    rolled_up: bool = False

    @property
    def first(self) -> Finding:
        """What all of them share: check, status, severity, scope and hub."""
        return self.findings[0]

    @property
    def what(self) -> str:
        """How many of what, as in ``3 devices``."""
        return number(self.count, self.first.resource_type.replace("_", " "))

    @property
    def sample(self) -> tuple[str, ...]:
        """A few resource ids."""
        return tuple(finding.resource_id for finding in self.findings[:SAMPLE])


@dataclass
class CheckState:
    """One check over all scopes."""

    id: str
    title: str
    area: str
    severity: str
    passed: int = 0
    failed: int = 0
    unknown: int = 0

    @property
    def state(self) -> str:
        """The worst that any scope said."""
        held = {"fail": self.failed, "unknown": self.unknown, "pass": self.passed, "not_applicable": 1}
        return next(state for state in STATES if held[state])


@dataclass
class NotRead:
    """One permission, or one other cause, for which something is not known, and the checks it leaves open.

    ``codes`` are the provider's own, ``details`` a few of what else it said, as which service is off in which project.
    ``facts`` are the columns of a table that stayed empty, the table alone for a list. ``findings`` counts the unknown findings it has a part in; one finding may have several causes.
    """

    provider: str
    cause: str
    permission: str
    operations: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    details: set[str] = field(default_factory=set)
    facts: set[str] = field(default_factory=set)
    scopes: set[str] = field(default_factory=set)
    checks: set[str] = field(default_factory=set)
    findings: int = 0

    @property
    def why(self) -> Cause:
        """The cause in words, with what would mend it."""
        return cause_of(self.cause)


@dataclass(frozen=True)
class Summary:
    """Everything that a page or a terminal shows beside the findings themselves."""

    total: Tally
    areas: Mapping[str, Tally]
    lines: tuple[Line, ...]
    checks: tuple[CheckState, ...]
    guidelines: Mapping[str, tuple[str, tuple[str, ...]]]
    not_read: tuple[NotRead, ...]

    @property
    def top(self) -> tuple[CheckState, ...]:
        """Failing checks, the gravest first, then those that most resources fail."""
        failing = [check for check in self.checks if check.failed]
        return tuple(sorted(failing, key=lambda c: (SEVERITIES.index(c.severity), -c.failed, c.id)))

    def to_json(self) -> dict[str, Any]:
        """The summary as text and numbers, for JSON."""
        return {
            "total": plain_tally(self.total),
            "areas": {area: plain_tally(tally) for area, tally in self.areas.items()},
            "checks": [{**vars(check), "state": check.state} for check in self.checks],
            "guidelines": {name: {"state": state, "checks": by} for name, (state, by) in self.guidelines.items()},
            "rolled_up": [
                {**{name: getattr(line.first, name) for name in ROLLED}, "count": line.count, "sample": line.sample}
                for line in self.lines
                if line.rolled_up
            ],
            "not_read": [
                {name: sorted(value) if isinstance(value, set) else value for name, value in vars(gap).items()}
                for gap in self.not_read
            ],
        }


def plain_tally(tally: Tally) -> dict[str, Any]:
    """A tally as numbers, every severity named."""
    return {
        "failed": {severity: tally.failed[severity] for severity in SEVERITIES},
        "unknown": {severity: tally.unknown[severity] for severity in SEVERITIES},
        "passed": tally.passed,
        "pairs": tally.pairs,
        "assessed": tally.assessed,
    }


def summarise(report: Report) -> Summary:
    """The numbers of one report."""
    areas, total = tallies(report)
    checks = check_states(report)
    return Summary(
        total=total,
        areas=areas,
        lines=tuple(rolled_up(report.findings)),
        checks=checks,
        guidelines=guideline_states(report),
        not_read=not_read(report),
    )


def tallies(report: Report) -> tuple[dict[str, Tally], Tally]:
    """By area, in the report's order, and over all."""
    area_of = {check["id"]: check["area"] for check in report.checks}
    areas = {area: Tally() for area in report.areas}
    total = Tally()
    grouped = report.findings.groupby(["area", "status", "severity"]).size().reset_index(name="size")
    for row in records(grouped):
        for tally in (areas.setdefault(row.area, Tally()), total):
            (tally.failed if row.status == "fail" else tally.unknown)[row.severity] += row.size
    for row in records(report.counts):
        for tally in (areas.setdefault(area_of.get(row.check_id, ""), Tally()), total):
            tally.passed += row.passed
            tally.pairs += row.status != "not_applicable"
            tally.assessed += row.status != "not_applicable" and not row.unknown
    return areas, total


ROLLED = ("severity", "check_id", "status", "provider", "account_id", "region", "hub", "resource_type")


def rolled_up(findings: pd.DataFrame) -> Iterable[Line]:
    """Findings in their order; what one check says of many in one hub is one line where the first of them stood.

    A list that could not be read is one finding about its scope and stands alone.
    """
    scope = findings["provider"] + "/" + findings["account_id"] + "/" + findings["region"]
    many = findings[findings["resource_id"] != scope]
    size = many.groupby(list(ROLLED))["check_id"].transform("size")
    many = many[(many["resource_type"] == "device") | (size > ALIKE)]
    single = findings.drop(index=many.index)
    held = {index: Line((row,)) for index, row in zip(single.index, findings_of(single), strict=True)}
    groups = many.groupby(list(ROLLED))
    kept = many[groups.cumcount() < LISTED]
    alike: dict[int, list[tuple[int, Finding]]] = defaultdict(list)
    for index, group, row in zip(kept.index, groups.ngroup()[kept.index], findings_of(kept), strict=True):
        alike[group].append((index, row))
    for rows in alike.values():
        first = rows[0][0]
        held[first] = Line(tuple(row for _, row in rows), int(size[first]), rolled_up=True)
    return (held[index] for index in sorted(held))


def findings_of(frame: pd.DataFrame) -> tuple[Finding, ...]:
    """Rows as findings."""
    return tuple(map(Finding._make, frame.astype(object).itertuples(index=False, name=None)))


def check_states(report: Report) -> tuple[CheckState, ...]:
    """Every check that ran, by area in the report's order, the gravest first."""
    states = {
        check["id"]: CheckState(check["id"], check["title"], check["area"], check["severity"])
        for check in report.checks
    }
    for row in records(report.counts):
        if state := states.get(row.check_id):
            state.passed += row.passed
            state.failed += row.failed
            state.unknown += row.unknown
    order = [*report.areas, *sorted({state.area for state in states.values()} - set(report.areas))]
    return tuple(
        sorted(states.values(), key=lambda s: (order.index(s.area), SEVERITIES.index(s.severity), s.title, s.id))
    )


def guideline_states(report: Report) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each guideline's state and the checks that decide it, judged in the clouds that it speaks of.

    A guideline of a cloud that the scan did not look at is left out.
    """
    served = {name: [c["id"] for c in report.checks if name in c["guidelines"]] for name in guidelines(report)}
    by_check = defaultdict(list)
    for row in records(report.counts):
        by_check[row.check_id].append((row.provider, row.status))
    states = {}
    for name, checks in served.items():
        concerned = FAMILIES.get(name.split("-", 1)[0])
        seen = {
            status
            for check in checks
            for provider, status in by_check[check]
            if concerned is None or provider in concerned
        }
        if seen:
            states[name] = (next(state for state in STATES if state in seen), tuple(checks))
    return states


def guidelines(report: Report) -> list[str]:
    """Every guideline that a check of the report serves."""
    return sorted({name for check in report.checks for name in check["guidelines"]})


UNKNOWN = ["provider", "cause", "permission", "unread", "account_id", "region", "check_id", "resource_type"]


def not_read(report: Report) -> tuple[NotRead, ...]:
    """What was not read, the cause that leaves most unknown first."""
    gaps: dict[tuple[str, str, str], NotRead] = {}

    def gap(provider: str, cause: str, permission: str) -> NotRead:
        key = (provider, cause, permission)
        return gaps.setdefault(key, NotRead(*key))

    for row in records(report.coverage[report.coverage["outcome"] != "read"]):
        found = gap(row.provider, row.cause or row.outcome, row.permission)
        found.operations.add(row.operation)
        found.codes |= {row.code} - {""}
        if row.detail and len(found.details) < SAMPLE:
            found.details.add(row.detail)
        found.scopes.add(f"{row.provider}/{row.account}/{row.region}")
    unknown = report.findings[report.findings["status"] == "unknown"]
    for row in records(unknown.groupby(UNKNOWN).size().reset_index(name="size")):
        causes: dict[tuple[str, str], list[Unread]] = defaultdict(list)
        for one in unread_of(row.unread, row.cause, row.permission):
            asked = (row.provider, one.cause, one.permission) in gaps or one.lacks
            causes[one.cause, one.permission if asked else ""].append(one)
        for (cause, permission), unread in causes.items():
            found = gap(row.provider, cause, permission)
            found.scopes.add(f"{row.provider}/{row.account_id}/{row.region}")
            found.checks.add(row.check_id)
            found.findings += row.size
            if not permission:
                found.facts |= {f"{row.resource_type}.{one.column}".removesuffix(".") for one in unread}
    return tuple(sorted(gaps.values(), key=lambda g: (-g.findings, g.provider, g.cause, g.permission)))


def short(resource: str) -> str:
    """The end of a resource id, which tells it from others: of AWS IoT in a region, the region and the account."""
    if resource.startswith("arn:") and resource.count(":") == 4:
        return resource.split(":", 3)[3]
    return resource.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1] or resource


def short_name(name: str, limit: int) -> str:
    """A name with its middle left out where it is longer: both ends of a fingerprint tell it from others."""
    half = (limit - 1) // 2
    return name if len(name) <= limit else f"{name[:half]}…{name[-half:]}"


def number(count: int, noun: str) -> str:
    """A count with its noun: ``1 check``, ``1,204 devices``, ``2 policies``, ``3 role aliases``."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"
