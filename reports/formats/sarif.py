"""SARIF 2.1.0, as GitHub code scanning takes it.

A cloud resource is no file: its id is the logical location, and a made-up relative URI, the same in every scan, stands
for the file. GitHub takes 25,000 results a run and keeps 5,000 ("SARIF support for code scanning"); the gravest are
written, and the log says how many are not.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from checks.finding import canonical
from reports.case import Case, Docket
from reports.formats.format import Coverage, File, Format, Options, explained, filled, split
from reports.text import sarif

RESULTS, RULES, TAGS = 25_000, 25_000, 20
LEVEL = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
SCORE = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}
"""GitHub's bands of ``security-severity``: critical above 9.0, high from 7.0, medium from 4.0."""
FINGERPRINT = "iotposture/v1"
GAPS = {"denied": "error", "failed": "error", "partial": "warning"}
"""Outcomes of an operation after which something was not assessed."""
WAIVERS = uuid.UUID("6f1d3a52-7c36-5b1e-9a6e-0a5d2f7f8b11")


def files(docket: Docket, coverage: Coverage, options: Options) -> Iterator[File]:
    """``findings.sarif``."""
    yield File("findings.sarif", log(docket, coverage, options))


def log(docket: Docket, coverage: Coverage, options: Options) -> Iterator[str]:
    """The log, one result a line."""
    wanted = [case for case in docket.cases if options.resolved or case.lifecycle != "resolved"]
    cases = wanted[:RESULTS]
    rules: dict[str, Case] = {}
    for case in cases:
        rules.setdefault(case.finding.check_id, case)
    places = {check: number for number, check in enumerate(rules)}
    about = docket.about
    driver = {
        "name": "iotposture",
        "version": about["tool_version"],
        "rules": [rule(case) for case in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"iotposture/{about['scan_id']}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": about["scan_complete"] == "true",
                "startTimeUtc": about["scan_started_at"],
                "endTimeUtc": about["scan_completed_at"],
                "toolExecutionNotifications": notifications(coverage, len(wanted) - len(cases)),
            }
        ],
        "properties": {key: about[key] for key in ("scan_id", "scan_complete", "coverage_pct", "catalogue_version")},
    }
    head = json.dumps(run)[:-1]
    yield f'{{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{head}, "results": ['
    for number, case in enumerate(cases):
        yield f"{',' if number else ''}\n{json.dumps(result(case, places))}"
    yield "\n]}]}\n"


def rule(case: Case) -> dict[str, Any]:
    """A check."""
    finding = case.finding
    tags = ["security", finding.area, *split(finding.controls)]
    return {
        "id": finding.check_id,
        "name": finding.check_id,
        "shortDescription": {"text": sarif(finding.check_title)},
        "fullDescription": {"text": sarif(finding.risk or finding.check_title)},
        "help": {"text": sarif(finding.remediation or finding.check_title)},
        "defaultConfiguration": {"level": LEVEL[finding.severity]},
        "properties": {
            "security-severity": SCORE[finding.severity],
            "tags": list(dict.fromkeys(filter(None, tags)))[:TAGS],
        },
    }


def result(case: Case, places: dict[str, int]) -> dict[str, Any]:
    """A finding. What nobody could judge is ``open``: "insufficient information" (SARIF 2.1.0, 3.27.9)."""
    finding = case.finding
    failed = finding.status == "fail"
    return {
        "ruleId": finding.check_id,
        "ruleIndex": places[finding.check_id],
        "kind": "fail" if failed else "open",
        "level": LEVEL[finding.severity] if failed else "none",
        "message": {"text": sarif(f"{finding.ticket_title}: {explained(case)}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri(case)}, "region": {"startLine": 1}},
                "logicalLocations": [
                    filled(
                        {
                            "fullyQualifiedName": finding.resource_id,
                            "name": finding.resource_name,
                            "kind": "resource",
                        }
                    )
                ],
            }
        ],
        "fingerprints": {FINGERPRINT: finding.finding_id},
        "partialFingerprints": {"primaryLocationLineHash": finding.finding_id},
        "baselineState": baseline(case),
        **filled({"suppressions": suppressions(case)}),
        "properties": filled(
            {
                "finding_id": finding.finding_id,
                "severity": finding.severity,
                "lifecycle": case.lifecycle,
                "subject": finding.subject,
                "evidence_hash": finding.evidence_hash,
                "permission": finding.permission,
                "owner": case.owner,
                "due_on": case.due_on,
            }
        ),
    }


def baseline(case: Case) -> str:
    """The finding against the scan before."""
    if case.lifecycle == "resolved":
        return "absent"
    if case.lifecycle in ("new", "reopened"):
        return "new"
    return "updated" if case.changed or case.lifecycle == "dark" else "unchanged"


def suppressions(case: Case) -> list[dict[str, str]]:
    """The waiver that holds."""
    if not case.waiver:
        return []
    why = f"{case.waiver}: {case.waiver_kind}, until {case.waiver_expires_on}"
    guid = str(uuid.uuid5(WAIVERS, f"{case.waiver} {case.finding.finding_id}"))
    return [{"kind": "external", "status": "accepted", "justification": why, "guid": guid}]


def uri(case: Case) -> str:
    """A relative URI that names the resource and leads nowhere; ids are percent-encoded, so none can leave it."""
    finding = case.finding
    parts = (finding.provider, finding.account_id, finding.region, finding.resource_type)
    name = canonical(finding.provider, finding.resource_id)
    return "/".join(
        quote(part, safe="", errors="replace").replace(".", "%2E") or "_" for part in (*parts, *name.split("/"))
    )


def notifications(coverage: Coverage, left_out: int) -> list[dict[str, Any]]:
    """What was not assessed, and what did not fit."""
    told = [
        {
            "level": GAPS[row["outcome"]],
            "message": {"text": sarif(gap(row))},
            "descriptor": {"id": f"not-assessed/{row['outcome']}"},
            "properties": {key: row[key] for key in ("provider", "account", "region", "operation", "permission")},
        }
        for row in coverage
        if row["outcome"] in GAPS
    ]
    if left_out:
        text = f"{left_out} results of lower severity are left out: a run holds {RESULTS}"
        told.append({"level": "warning", "message": {"text": text}, "descriptor": {"id": "results-left-out"}})
    return told


def gap(row: Any) -> str:
    """One operation that was not read to its end."""
    where = "/".join(filter(None, (row["provider"], row["account"], row["region"])))
    needs = f"; needs {row['permission']}" if row["outcome"] == "denied" and row["permission"] else ""
    return f"{where}: {row['operation']} {row['outcome']}{needs}"


FORMAT = Format("sarif", "SARIF 2.1.0", files, "findings.sarif")
