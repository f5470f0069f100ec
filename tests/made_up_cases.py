"""Made-up case reports: the estate of made_up.py with lives, owners and waivers, and one in which every name is hostile."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable
from typing import Any

from made_up import ABOUT_SCAN, estate, estate_of
from made_up import hostile as hostile_report

from checks.finding import COLUMNS, Finding
from reports.case import Case, CaseReport, Lifecycle
from reports.report import Report, records
from reports.tickets.ticket import rank

LIVES: tuple[Lifecycle, ...] = ("new", "open", "reopened", "resolved", "dark")
DUE = {"critical": "2026-11-27", "high": "2026-12-20", "medium": "2027-02-18", "low": "2027-05-19"}


def case(row: dict[str, str], **more: Any) -> Case:
    """A case that was first seen by the scan before."""
    finding = Finding(**{name: row[name] for name in COLUMNS})
    due = DUE[finding.severity] if finding.status == "fail" else ""
    told = {
        "lifecycle": "open",
        "first_seen": "2026-11-20T06:04:31Z",
        "due_on": due,
        "sla": "in" if due else "",
        **more,
    }
    return Case(finding, last_seen="2026-11-22T06:04:31Z", age_days=2, **told)


def case_report(cases: Iterable[Case], **about: str) -> CaseReport:
    """Cases in the order of every output."""
    return CaseReport(ABOUT_SCAN | about, tuple(sorted(cases, key=rank)))


def small(**about: str) -> CaseReport:
    """One case of each kind."""
    rows = estate()
    return case_report(
        (
            case(rows[0], lifecycle="new", owner="ana@fleet.example", first_seen="2026-11-22T06:04:31Z"),
            case(rows[1], owner="field-team", changed=True),
            case(rows[2], lifecycle="reopened"),
            case(rows[3], waiver="W-7", waiver_kind="risk_accepted", waiver_expires_on="2027-01-31"),
            case(rows[4], lifecycle="dark"),
            case(rows[5], lifecycle="resolved", resolved_at="2026-11-22T06:04:31Z", due_on="", sla=""),
            case(rows[15], owner="@field-lead"),
            case(rows[-1]),
        ),
        **about,
    )


def estate_cases(**about: str) -> CaseReport:
    """The whole estate, open."""
    return case_report(
        (case(row, owner="field-team" if row["provider"] == "azure" else "") for row in estate()), **about
    )


def many(count: int) -> CaseReport:
    """So many open findings."""
    return case_report(case(row) for row in estate_of(count, "hub"))


def hostile() -> CaseReport:
    """Everything that a cloud or a person names is hostile, once as finding and once as owner."""
    rows = [dict(row._asdict()) for row in records(hostile_report().findings)]
    return case_report(case(row, owner=row["resource_id"], waiver_expires_on=row["resource_id"]) for row in rows)


def with_(case_report_: CaseReport, number: int, **more: Any) -> CaseReport:
    """The case report with one case changed; ``finding`` is given as a mapping of what changes in it."""
    cases = list(case_report_.cases)
    finding = cases[number].finding._replace(**more.pop("finding", {}))
    cases[number] = dataclasses.replace(cases[number], finding=finding, **more)
    return CaseReport(case_report_.about, tuple(cases))


def every_life(report: Report) -> CaseReport:
    """A case in every stage of its life, with and without a waiver."""
    cases = []
    for number, row in enumerate(records(report.findings)):
        life = LIVES[number % len(LIVES)]
        finding = Finding(*row)
        if life == "dark":
            finding = finding._replace(status="unknown", status_reason="its list was not read this time")
        one = Case(
            finding, life, "2026-10-01T06:00:00Z", "2026-11-22T06:00:00Z", age_days=52, changed=number % 3 == 0,
            owner="pumps" if number % 2 else "", due_on="2026-11-30", sla="in",
        )  # fmt: skip
        if life == "resolved":
            one = dataclasses.replace(one, resolved_at="2026-11-22T06:00:00Z", due_on="", sla="")
        elif number % 4 == 0:
            one = dataclasses.replace(
                one, waiver="W-1", waiver_kind="risk_accepted", waiver_expires_on="2026-12-01", sla="", due_on=""
            )
        cases.append(one)
    return CaseReport(report.about, tuple(cases))


def changed(made: Any, path: str, value: Any) -> Any:
    """A copy with one value changed, added, or taken out with None."""
    made = copy.deepcopy(made)
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place = made
    for key in keys:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made
