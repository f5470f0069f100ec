"""OCSF 1.5.0, class Compliance Finding (2003), with the profile ``cloud``: an array, and the same one event a line.

A finding that nobody could judge has the compliance status 2, Warning: "did not yield a result due to missing
information" (OCSF schema, object ``compliance``). Times are milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from checks.unread import parse
from collectors import tags
from reports.case import Case, CaseReport
from reports.formats.format import (
    Coverage,
    File,
    Format,
    FormatOptions,
    Read,
    bad_ids,
    explanation,
    milliseconds,
    split,
    without_empty,
)

VERSION = "1.5.0"
"""Security Hub reads 1.6; what is written here means the same from 1.5 to 1.8."""
SEVERITY = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
CAPTIONS = {"info": "Informational"}
PROVIDERS = {"aws": "AWS", "azure": "Azure", "gcp": "GCP", "clearblade": "ClearBlade"}
CLASS = 2003
ARRAY, LINES = "findings.ocsf.json", "findings.ocsf.ndjson"


def event(case: Case, case_report: CaseReport) -> dict[str, Any]:
    """One finding as an event of the scan."""
    finding, about = case.finding, case_report.about
    activity, did = activity_of(case)
    judged, verdict = verdict_of(case)
    state, stage = state_of(case)
    return {
        "activity_id": activity,
        "activity_name": did,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Compliance Finding: {did}",
        "time": milliseconds(about["scan_completed_at"]),
        "timezone_offset": 0,
        "severity_id": SEVERITY[finding.severity],
        "severity": CAPTIONS.get(finding.severity, finding.severity.title()),
        "status_id": state,
        "status": stage,
        "status_detail": explanation(case),
        "message": finding.ticket_title,
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "product": {"name": "iotposture", "vendor_name": "iotposture", "version": about["tool_version"]},
            "correlation_uid": about["scan_id"],
            "event_code": finding.check_id,
        },
        "finding_info": {
            "uid": finding.finding_id,
            "title": finding.check_title,
            "desc": finding.risk or finding.check_title,
            "types": [finding.area or "posture"],
            "first_seen_time": milliseconds(case.first_seen),
            "created_time": milliseconds(case.first_seen),
            "last_seen_time": milliseconds(case.last_seen),
            "modified_time": milliseconds(case.resolved_at or case.last_seen),
            "analytic": {"uid": finding.check_id, "name": finding.check_title, "type_id": 1, "type": "Rule"},
        },
        "compliance": without_empty(
            {
                "control": finding.check_id,
                "requirements": split(finding.controls),
                "standards": sorted({control.rpartition(" ")[0] for control in split(finding.controls)} - {""})
                or ["iotposture"],
                "status_id": judged,
                "status": verdict,
            }
        ),
        "cloud": {
            "provider": PROVIDERS[finding.provider],
            **without_empty({"region": finding.region, "account": without_empty({"uid": finding.account_id})}),
        },
        "resources": [
            without_empty(
                {
                    "uid": finding.resource_id,
                    "name": finding.resource_name,
                    "type": finding.resource_type,
                    "region": finding.region,
                    "cloud_partition": finding.partition,
                    "tags": [{"name": key, "value": text} for key, text in tags.read(finding.tags).items()],
                }
            )
        ],
        **without_empty({"remediation": without_empty({"desc": finding.remediation})}),
        "unmapped": without_empty(
            {
                "lifecycle": case.lifecycle,
                "owner": case.owner,
                "subject": finding.subject,
                "hub": finding.hub,
                "actual": finding.actual,
                "evidence_hash": finding.evidence_hash,
                "cause": finding.cause,
                "permission": finding.permission,
                "unread": [one._asdict() for one in parse(finding.unread)],
                "guidelines": split(finding.guidelines),
                "due_on": case.due_on,
                "sla": case.sla,
                "waiver": case.waiver,
                "waiver_kind": case.waiver_kind,
                "waiver_expires_on": case.waiver_expires_on,
                "scan_complete": about["scan_complete"],
                "coverage_pct": about["coverage_pct"],
            }
        ),
    }


def activity_of(case: Case) -> tuple[int, str]:
    """What the scan did to the finding."""
    return {"new": (1, "Create"), "resolved": (3, "Close")}.get(case.lifecycle, (2, "Update"))


def verdict_of(case: Case) -> tuple[int, str]:
    """What is known about the requirement."""
    if case.lifecycle == "resolved":
        return 1, "Pass"
    return (3, "Fail") if case.finding.status == "fail" else (2, "Warning")


def state_of(case: Case) -> tuple[int, str]:
    """What people did about the finding."""
    if case.lifecycle == "resolved":
        return 4, "Resolved"
    return (3, "Suppressed") if case.waiver else (1, "New")


def files(case_report: CaseReport, _: Coverage, __: FormatOptions) -> Iterator[File]:
    """``findings.ocsf.json``, an array, and ``findings.ocsf.ndjson``."""
    count = len(case_report.cases)
    yield File(ARRAY, count, array(case_report))
    yield File(LINES, count, (f"{json.dumps(event(case, case_report))}\n" for case in case_report.cases))


def array(case_report: CaseReport) -> Iterator[str]:
    """The events as one array, one a line."""
    yield "["
    for number, case in enumerate(case_report.cases):
        yield f"{',' if number else ''}\n{json.dumps(event(case, case_report))}"
    yield "\n]\n"


def rules(files: Sequence[Read]) -> Iterator[str]:
    """What no schema says: numbers that fit each other, no finding mistaken, and the same events in both files."""
    held = {file.name: file.value for file in files}
    events, lines = held.get(ARRAY), held.get(LINES)
    if events is None or lines is None:
        yield f"{ARRAY} and {LINES} are not both there"
        return
    yield from bad_ids((f"{ARRAY}: row {n}", one["finding_info"]["uid"]) for n, one in enumerate(events, 1))
    for number, one in enumerate(events, start=1):
        if one["type_uid"] != (fits := one["class_uid"] * 100 + one["activity_id"]):
            yield f"{ARRAY}: row {number}: type_uid: {one['type_uid']}; {fits} is what fits activity_id"
    if events != lines:
        row = next((n for n, (a, b) in enumerate(zip(events, lines, strict=False), 1) if a != b), min(map(len, (events, lines))) + 1)  # fmt: skip
        yield f"{LINES}: row {row} is not that of {ARRAY}"


FORMAT = Format("ocsf", "OCSF 1.5 Compliance Finding", files, "findings.ocsf.*json", "ocsf", list, rules)
