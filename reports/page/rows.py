"""The findings as the page lists them: by requirement, the gravest first, then by scope.

Everything stands in the file as text, and the file has a limit. What every row must say is put in first; what is left
of the allowance goes to evidence, ids, commands and lists of devices, the gravest rows first.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pandas as pd
from markupsafe import escape

from checks.check import SEVERITIES
from checks.finding import COLUMNS, Finding
from checks.unread import sentences, unread_of
from reports.case import Case, CaseReport
from reports.escape import visible
from reports.page.charts import day
from reports.report import Report
from reports.summary import ROLLED, SAMPLE, Line, findings_of, rolled_up, short, short_name

ROOM = 4_400_000
"""Bytes for all rows, of a file that stays below 5 MB with checks, coverage and charts beside them."""
MOST = 12_000
"""Rows in the page; the gravest are kept, and findings.csv has all."""
WHOLE = 500
"""Rows that lack nothing but devices in long lists, whatever the room."""
BRIEF = (160, 60, 30)
"""Bytes of evidence, and of a name, that a row keeps when there is no room for all, little, and hardly any."""
LONGEST = 2000
"""Characters of a text in the page. The middle of a longer one is left out; a command is left out whole."""
FRAME, SCOPE, GROUP = 78, 64, 900
"""Bytes of markup around a row, a scope's rows, and a group's."""
AS_IT_IS = re.compile(r"[ !#-%(-;=?-~]*")
"""Characters that stand in a page as one byte each."""
DUE = {"breached": "overdue", "near": "due soon", "in": ""}
PARTS = ("lead", "name", "facts", "finding_id", "command", "members")
"""What a row can lack, the last first."""
LIVES = ("new", "reopened", "open", "dark")
"""Lifecycles that a row can have; what is resolved has no row."""


@dataclass
class Row:
    """One finding, or those of one hub which one check says the same of."""

    status: str
    state: str
    lead: str
    name: str
    facts: Sequence[tuple[str, str]]
    command: str = ""
    finding_id: str = ""
    members: Sequence[tuple[str, str]] = ()
    more: int = 0
    owners: Sequence[str] = ()
    since: str = ""
    age: int = 0
    due: str = ""
    late: str = ""

    def size(self) -> int:
        """About how many bytes it takes in the page."""
        lived = 22 + (29 if self.since else 0) + (25 if self.due else 0) + sum(map(weight, self.owners))
        said = FRAME + 2 * len(self.status) + len(self.state)
        return said + lived + sum(part_size(part, getattr(self, part)) for part in PARTS)


def part_size(part: str, value: Any) -> int:
    """About how many bytes a part of a row takes that a row can lack."""
    if part == "facts":
        return sum(8 + weight(name) + weight(told) for name, told in value)
    if part == "members":
        return sum(4 + weight(name) + (7 + weight(found) if found else 0) for name, found in value)
    if part in ("lead", "name"):
        return weight(value)
    return 28 + weight(value) if value else 0


@lru_cache(maxsize=4096)
def weight(text: str) -> int:
    """Bytes of a text in the page."""
    return len(text if len(text) <= LONGEST and AS_IT_IS.fullmatch(text) else escape(page_text(text)).encode())


def page_text(text: str) -> str:
    """A text as the page has it, before it is escaped as HTML."""
    return short_name(visible(text), LONGEST)


@dataclass
class Group:
    """What fails or is unknown of one check, by scope: provider, account and region."""

    severity: str
    check: str
    title: str
    area: str
    count: int = 0
    scopes: dict[tuple[str, str, str], list[Row]] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """All of its rows."""
        return [row for rows in self.scopes.values() for row in rows]

    def size(self) -> int:
        """About how many bytes it takes in the page without its rows."""
        return GROUP + 4 * weight(self.title) + sum(SCOPE + sum(map(weight, scope)) for scope in self.scopes)


@dataclass(frozen=True)
class Listing:
    """All rows. ``beyond`` counts those that the page does not hold, ``trimmed`` those that lack something."""

    groups: tuple[Group, ...]
    count: int
    beyond: int
    trimmed: int
    owners: tuple[str, ...]
    statuses: tuple[str, ...]
    lives: tuple[str, ...]


def listing(report: Report, lines: Sequence[Line], case_report: CaseReport | None, room: int = ROOM) -> Listing:
    """The rows of a report, each with its life where there is a case report; ``room`` is the bytes for all of them."""
    cases = {case.finding.finding_id: case for case in case_report.cases} if case_report else {}
    known = set(report.findings["finding_id"])
    lost = [c.finding for c in cases.values() if c.lifecycle == "dark" and c.finding.finding_id not in known]
    dark = pd.DataFrame(lost, columns=list(COLUMNS), dtype="string")
    told = [*with_cases(lines, report.findings, cases), *with_cases(rolled_up(dark), dark, cases)]
    failing: Counter[str] = Counter()
    for line, _ in told:
        failing[line.first.check_id] += line.count * (line.first.status == "fail")

    def grave(one: tuple[Line, Sequence[Case]]) -> tuple[int, int, str, str]:
        first: Finding = one[0].first
        return SEVERITIES.index(first.severity), -failing[first.check_id], first.check_id, first.status

    told.sort(key=grave)
    groups: dict[tuple[str, str], Group] = {}
    for line, lives in told[:MOST]:
        first: Finding = line.first
        group = groups.setdefault(
            (first.severity, first.check_id), Group(first.severity, first.check_id, first.check_title, first.area)
        )
        group.count += line.count
        place = (first.provider, brief(first.account_id, BRIEF[0]), brief(first.region, BRIEF[0]))
        group.scopes.setdefault(place, []).append(with_lives(row(line), lives))
    rows = [row for group in groups.values() for row in group.rows]
    trimmed = fit(rows, room - sum(group.size() for group in groups.values()))
    drop(groups, room)
    rows = [row for group in groups.values() for row in group.rows]
    return Listing(
        groups=tuple(groups.values()),
        count=len(rows),
        beyond=len(told) - len(rows),
        trimmed=min(trimmed, len(rows)),
        owners=tuple(sorted({owner for row in rows for owner in row.owners})),
        statuses=tuple(sorted({row.status for row in rows})),
        lives=tuple(life for life in LIVES if any(case.lifecycle == life for case in cases.values())),
    )


def with_cases(
    lines: Iterable[Line], findings: pd.DataFrame, cases: Mapping[str, Case]
) -> Iterator[tuple[Line, Sequence[Case]]]:
    """Lines with the cases that each stands for."""
    alike: dict[tuple[str, ...], list[Case]] = defaultdict(list)
    for finding in findings_of(findings) if cases else ():
        if case := cases.get(finding.finding_id):
            alike[alike_as(finding)].append(case)
    for line in lines:
        alone = cases.get(line.first.finding_id)
        yield line, alike[alike_as(line.first)] if line.rolled_up else [alone] if alone else []


def alike_as(finding: Finding) -> tuple[str, ...]:
    """What findings of one rolled-up line share."""
    return tuple(getattr(finding, name) for name in ROLLED)


def row(line: Line) -> Row:
    """A line of the summary as the page shows it. What the check's own chapter says is not said again."""
    first: Finding = line.first
    heading = "Found" if first.status == "fail" else "Why"
    hub = first.hub if first.hub != first.resource_id else ""
    if line.rolled_up:
        same = len(set(map(evidence, line.findings))) == 1
        facts = {heading: evidence(first) if same else "", "Hub": hub}
        members = [(finding.resource_id, "" if same else evidence(finding)) for finding in line.findings]
        name = f"{line.what} of {short(first.hub)}" if first.hub else line.what
        return Row(first.status, "", "", name, facts_with_value(facts), members=members, more=line.count - len(members))
    whole = first.resource_id == f"{first.provider}/{first.account_id}/{first.region}"
    end = short(first.resource_id)
    spoken = first.resource_name and first.resource_name != end
    lead = first.resource_id.removesuffix(end) if not whole and not spoken and first.resource_id.endswith(end) else ""
    name = "" if whole else first.resource_name if spoken else end
    facts = {
        "Id": first.resource_id if spoken and not whole else "",
        heading: evidence(first),
        "Expected": first.expected if first.expected != first.check_title else "",
        "Hub": hub,
    }
    return Row(
        first.status,
        "",
        lead,
        ", ".join(part for part in (name, first.subject) if part) or first.resource_id,
        facts_with_value(facts),
        command=first.remediation_cli if len(visible(first.remediation_cli)) <= LONGEST else "",
        finding_id=first.finding_id,
    )


def facts_with_value(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those that say something."""
    return [(name, value) for name, value in facts.items() if value]


def evidence(finding: Finding) -> str:
    """What was found, or why nothing could be."""
    if finding.status == "fail":
        return finding.actual
    return finding.status_reason or sentences(unread_of(finding.unread, finding.cause, finding.permission))


def with_lives(row: Row, cases: Sequence[Case]) -> Row:
    """The row with the lives of its findings: how many are new, whose they are, since when, and due when."""
    if not cases:
        return row
    counts: Counter[str] = Counter(case.lifecycle for case in cases)
    waived = [case for case in cases if case.waiver]
    states = [(life, counts[life]) for life in LIVES if counts[life]] + ([("waived", len(waived))] if waived else [])
    row.state = ", ".join(state if n == len(cases) else f"{n:,} {state}" for state, n in states)
    row.status = "unknown" if counts["dark"] == len(cases) else row.status
    row.owners = sorted({case.owner for case in cases if case.owner})
    oldest = min(cases, key=lambda case: case.first_seen)
    row.since, row.age = oldest.first_seen[:10], max(case.age_days for case in cases)
    pressing = [case for case in cases if case.due_on and case.sla]
    if pressing:
        row.due = min(case.due_on for case in pressing)
        row.late = next(DUE[sla] for sla in ("breached", "near", "in") if any(case.sla == sla for case in pressing))
    if waived:
        ends = min(case.waiver_expires_on for case in waived)
        until = f", until {day(ends)}" if ends else ""
        row.facts = [*row.facts, ("Waiver", f"{', '.join(sorted({case.waiver for case in waived}))}{until}")]
    return row


def fit(rows: Sequence[Row], room: int) -> int:
    """Trims rows until all of them have room, the gravest least; returns how many lack what findings.csv has."""
    if sum(row.size() for row in rows) <= room:
        return 0
    whole = [dataclasses.replace(row) for row in rows]
    for most in BRIEF:
        for row in rows:
            trim(row, most)
        left = room - sum(row.size() for row in rows)
        if left >= WHOLE * FRAME:
            break
    wanted = [(n, part) for n in range(len(rows[:WHOLE])) for part in PARTS]
    wanted += [(n, part) for part in PARTS for n in range(WHOLE, len(rows))]
    trimmed = set()
    for n, part in wanted:
        full, kept = getattr(whole[n], part), getattr(rows[n], part)
        if full == kept:
            continue
        if (cost := part_size(part, full) - part_size(part, kept)) > left:
            trimmed.add(n)
            continue
        left -= cost
        setattr(rows[n], part, full)
        rows[n].more = whole[n].more if part == "members" else rows[n].more
    return len(trimmed)


def trim(row: Row, most: int) -> None:
    """Leaves in a row what it must say: its name, evidence that is short, and a sample of what it rolls up."""
    row.lead, row.name = brief(row.lead, most), brief(row.name, most)
    row.facts = [(name, brief(value, most)) for name, value in row.facts if name not in ("Expected", "Hub")]
    row.more += len(row.members[SAMPLE:])
    row.members = [(brief(name, most), brief(found, most)) for name, found in row.members[:SAMPLE]]
    row.command, row.finding_id = "", ""


def brief(text: str, most: int) -> str:
    """A text with its middle left out where it takes more bytes; what is escaped takes several each."""
    limit = most
    while weight(text) > most and limit > 2:
        text, limit = short_name(text, limit), limit * 3 // 4
    return text


def drop(groups: dict[tuple[str, str], Group], room: int) -> None:
    """Takes the least grave rows away until there is room for the rest."""
    excess = sum(group.size() + sum(row.size() for row in group.rows) for group in groups.values()) - room
    for key in reversed(list(groups)):
        group = groups[key]
        for scope in reversed(list(group.scopes)):
            rows = group.scopes[scope]
            while rows and excess > 0:
                excess -= rows.pop().size()
            if not rows:
                del group.scopes[scope]
                excess -= SCOPE + sum(map(weight, scope))
        if not group.scopes:
            del groups[key]
            excess -= group.size()
        if excess <= 0:
            return
