"""What one ticket is about, whatever the tracker: one finding, or all that is open of one hub, check or owner."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from checks.finding import canonical
from reports.case import Case, CaseReport

By = Literal["finding", "hub", "check", "owner"]
OPEN = ("new", "open", "reopened")
NOBODY = "nobody"


@dataclass(frozen=True)
class Ticket:
    """``id`` is the finding's or, for a group, ``g1:`` and a hash of what it is grouped by: never a name or a time.

    ``cases`` are what is open, gravest first; of a closed ticket those that were resolved. ``key`` is what the tracker
    calls it, if that is known. ``reopened``: it was resolved for the tracker, or since, and is open again.
    """

    id: str
    by: By
    title: str
    cases: tuple[Case, ...]
    closed: bool = False
    key: str = ""
    reopened: bool = False

    @property
    def case(self) -> Case:
        """The gravest case; the only one unless grouped."""
        return self.cases[0]

    @property
    def severity(self) -> str:
        """That of the gravest case."""
        return self.case.finding.severity

    @property
    def owner(self) -> str:
        """Whose it is; empty if it is nobody's or several people's."""
        owners = {case.owner for case in self.cases}
        return owners.pop() if len(owners) == 1 else ""

    @property
    def due_on(self) -> str:
        """The earliest date at which one of them is due; empty if none is."""
        return min((case.due_on for case in self.cases if case.due_on), default="")

    @property
    def first_seen(self) -> str:
        """When the oldest was first seen."""
        return min(case.first_seen for case in self.cases)

    @property
    def resolved_at(self) -> str:
        """When the last of a closed ticket was resolved."""
        return max(case.resolved_at for case in self.cases) if self.closed else ""

    @property
    def digest(self) -> str:
        """Changes when the work does: severity, status, evidence, owner, due date, or what a group holds."""
        parts = [
            [case.finding.finding_id, case.finding.severity, case.finding.status, case.finding.evidence_hash]
            for case in self.cases
        ]
        said = json.dumps([sorted(parts), self.owner, self.due_on])
        return hashlib.sha256(said.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Sheaf:
    """Every ticket that could be, in order: what is open, what was resolved, and how many were left out and why."""

    open: tuple[Ticket, ...]
    resolved: tuple[Ticket, ...]
    waived: int
    dark: int
    unknown: int
    known: frozenset[str] = frozenset()
    """Every ticket that the cases of the case report belong to, whether it is among these or not."""


def sheaf(case_report: CaseReport, by: By, include_unknown: bool = False, include_waived: bool = False) -> Sheaf:
    """The tickets of a case report.

    Cases that somebody accepted are left out unless asked for, and so are those that were never judged. A dark case
    neither opens nor closes a ticket: nobody knows. A group is resolved when none of its cases is open or dark.
    """
    opened: dict[str, list[Case]] = {}
    resolved: dict[str, list[Case]] = {}
    held: set[str] = set()
    waived = dark = unknown = 0
    for case in case_report.cases:
        place = identity(case, by)
        if case.lifecycle == "resolved":
            resolved.setdefault(place, []).append(case)
        elif case.lifecycle == "dark":
            dark += 1
            held.add(place)
        elif case.waiver and not include_waived:
            waived += 1
            held.add(place)
        elif case.finding.status != "fail" and not include_unknown:
            unknown += 1
            held.add(place)
        else:
            opened.setdefault(place, []).append(case)
    return Sheaf(
        in_order(Ticket(place, by, title(cases[0], by), gravest(cases)) for place, cases in opened.items()),
        in_order(
            Ticket(place, by, title(cases[0], by), gravest(cases), closed=True)
            for place, cases in resolved.items()
            if place not in opened and place not in held
        ),
        waived,
        dark,
        unknown,
        frozenset(opened) | frozenset(resolved) | held,
    )


def tickets_one_each(case_report: CaseReport) -> tuple[Ticket, ...]:
    """A ticket for every case, whatever its state, in the case report's order: for tables and snapshots."""
    return tuple(
        Ticket(case.finding.finding_id, "finding", case.finding.ticket_title, (case,), case.lifecycle == "resolved")
        for case in case_report.cases
    )


def identity(case: Case, by: By) -> str:
    """The id of the ticket that a case belongs to."""
    if by == "finding":
        return case.finding.finding_id
    said = json.dumps([by, *subject(case, by)], separators=(",", ":"))
    return "g1:" + base64.b32encode(hashlib.sha256(said.encode()).digest()).decode()[:26].lower()


def subject(case: Case, by: By) -> tuple[str, ...]:
    """What a group has in common: its check, its owner, or its hub, for which the scope stands where there is none."""
    finding = case.finding
    if by == "check":
        return (finding.check_id,)
    if by == "owner":
        return (case.owner or NOBODY,)
    hub = finding.about_hub
    return (finding.provider, finding.account_id, canonical(finding.provider, hub) if hub else finding.region)


def title(case: Case, by: By) -> str:
    """One line that stays while members come and go."""
    if by == "finding":
        return case.finding.ticket_title
    if by == "check":
        return f"IoT findings of one check: {case.finding.check_title.removesuffix('.')}"
    return f"IoT findings of {by} {'/'.join(subject(case, by))}"


def gravest(cases: Iterable[Case]) -> tuple[Case, ...]:
    return tuple(sorted(cases, key=rank))


def in_order(tickets: Iterable[Ticket]) -> tuple[Ticket, ...]:
    return tuple(sorted(tickets, key=lambda ticket: rank(ticket.case)))


def rank(case: Case) -> tuple[int | str, ...]:
    """The order of every output: gravest first, then by place."""
    finding = case.finding
    return (
        -int(finding.severity_rank or 0), finding.provider, finding.account_id, finding.region, finding.resource_id,
        finding.subject, finding.check_id, finding.finding_id,
    )  # fmt: skip


def ticket_keys(keys: Mapping[str, str]) -> str:
    """Tickets of one finding by tracker, as in ``github=12|jira=SEC-7``."""
    return "|".join(f"{target}={key}" for target, key in sorted(keys.items()))
