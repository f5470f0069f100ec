"""SARIF 2.1.0, as GitHub code scanning takes it.

A cloud resource is no file: its id is the logical location, and a made-up relative URI, the same in every scan, stands
for the file. GitHub takes 25,000 results a run and keeps 5,000 ("SARIF support for code scanning"); the gravest are
written, and the log says how many are not. Frameworks are taxonomies and their requirements taxa, to which rules and
results refer.
"""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from checks.finding import canonical
from checks.guidelines import frameworks
from checks.unread import read_in_words
from reports.case import Case, CaseReport
from reports.escape import sarif
from reports.formats.format import (
    Coverage,
    File,
    Format,
    FormatOptions,
    Read,
    bad_ids,
    explanation,
    split,
    without_empty,
)

RUNS, RESULTS, RULES, TAGS, LOCATIONS, PACKED = 20, 25_000, 25_000, 20, 1_000, 10_000_000
"""What GitHub takes at most, ``PACKED`` in bytes of the file after gzip."""
URI = re.compile(r"[A-Za-z0-9_~%-]+(/[A-Za-z0-9_~%-]+)+")
LEVEL = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
SCORE = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}
"""GitHub's bands of ``security-severity``: critical above 9.0, high from 7.0, medium from 4.0."""
FINGERPRINT = "iotposture/v1"
GAPS = {"denied": "error", "failed": "error", "partial": "warning"}
"""Outcomes of an operation after which something was not assessed."""
WAIVERS = uuid.UUID("6f1d3a52-7c36-5b1e-9a6e-0a5d2f7f8b11")
FRAMEWORKS = uuid.UUID("0c2b8f64-7a4d-5f0e-8d53-3b1f6a9e4c27")


def files(case_report: CaseReport, coverage: Coverage, options: FormatOptions) -> Iterator[File]:
    """``findings.sarif``."""
    wanted = [case for case in case_report.cases if options.resolved or case.lifecycle != "resolved"]
    cases = wanted[:RESULTS]
    yield File("findings.sarif", len(cases), log(case_report.about, cases, coverage, len(wanted) - len(cases)))


def log(about: Mapping[str, str], cases: Sequence[Case], coverage: Coverage, left_out: int) -> Iterator[str]:
    """The log, one result a line."""
    rules: dict[str, Case] = {}
    controls: dict[str, dict[str, None]] = {}
    for case in cases:
        rules.setdefault(case.finding.check_id, case)
        controls.setdefault(case.finding.check_id, {}).update(dict.fromkeys(split(case.finding.controls)))
    places = {check: number for number, check in enumerate(rules)}
    cited = sorted({control for each in controls.values() for control in each})
    driver = {
        "name": "iotposture",
        "version": about["tool_version"],
        **without_empty({"supportedTaxonomies": [reference(name) for name in by_framework(cited)]}),
        "rules": [rule(case, controls[check]) for check, case in rules.items()],
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
                "toolExecutionNotifications": notifications(coverage, left_out),
            }
        ],
        **without_empty({"taxonomies": [taxonomy(name, ids) for name, ids in by_framework(cited).items()]}),
        "properties": {key: about[key] for key in ("scan_id", "scan_complete", "coverage_pct", "catalogue_version")},
    }
    head = json.dumps(run)[:-1]
    yield f'{{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{head}, "results": ['
    for number, case in enumerate(cases):
        yield f"{',' if number else ''}\n{json.dumps(result(case, places))}"
    yield "\n]}]}\n"


def by_framework(controls: Iterable[str]) -> dict[str, list[str]]:
    """Requirements by the framework that they are of: ``ISVS 4.1.2`` is 4.1.2 of ISVS."""
    found: dict[str, list[str]] = {}
    for control in controls:
        framework, _, requirement = control.rpartition(" ")
        found.setdefault(framework or "iotposture", []).append(requirement)
    return found


def reference(framework: str) -> dict[str, str]:
    """A framework, as others refer to it: by a GUID that is the same in every log."""
    return {"name": framework, "guid": str(uuid.uuid5(FRAMEWORKS, framework))}


def taxonomy(framework: str, requirements: Iterable[str]) -> dict[str, Any]:
    """A framework with those of its requirements that the log cites."""
    known = frameworks().get(framework, {})
    taxa = [
        without_empty({"id": one, "shortDescription": {"text": sarif(known[one].title)}, "helpUri": known[one].url})
        if one in known
        else {"id": one}
        for one in requirements
    ]
    return {**reference(framework), "isComprehensive": False, "taxa": taxa}


def taxa(controls: Iterable[str]) -> list[dict[str, Any]]:
    """Requirements, as rules and results refer to them."""
    return [
        {"id": one, "toolComponent": reference(framework)}
        for framework, requirements in by_framework(controls).items()
        for one in requirements
    ]


def rule(case: Case, controls: Iterable[str]) -> dict[str, Any]:
    """A check, with the controls that any of its findings answers to; they differ between clouds."""
    finding = case.finding
    tags = ["security", finding.area, *controls]
    return {
        "id": finding.check_id,
        "name": finding.check_id,
        "shortDescription": {"text": sarif(finding.check_title)},
        "fullDescription": {"text": sarif(finding.risk or finding.check_title)},
        "help": {"text": sarif(finding.remediation or finding.check_title)},
        "defaultConfiguration": {"level": LEVEL[finding.severity]},
        **without_empty({"relationships": [{"target": one, "kinds": ["relevant"]} for one in taxa(controls)]}),
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
        "message": {"text": sarif(f"{finding.ticket_title}: {explanation(case)}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri(case)}, "region": {"startLine": 1}},
                "logicalLocations": [
                    without_empty(
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
        **without_empty({"taxa": taxa(dict.fromkeys(split(finding.controls)))}),
        **without_empty({"suppressions": suppressions(case)}),
        "properties": without_empty(
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
    return f"{where}: {read_in_words(row)}"


def every_result(made: Any) -> list[Any]:
    """The results of all runs."""
    return [one for run in made["runs"] for one in run.get("results", [])]


def rules(files: Sequence[Read]) -> Iterator[str]:
    """What no schema says: GitHub's limits, references that lead somewhere, and an alert of its own for each finding."""
    for name, data, made in files:
        if (size := len(gzip.compress(data, 6))) > PACKED:
            yield f"{name}: {size} bytes after gzip; {PACKED} is the most"
        if len(made["runs"]) > RUNS:
            yield f"{name}: {len(made['runs'])} runs; {RUNS} is the most"
        for number, run in enumerate(made["runs"]):
            yield from (f"{name}: runs[{number}]{problem}" for problem in unfit(run))


def unfit(run: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a run."""
    checks, results = run["tool"]["driver"].get("rules", []), run.get("results", [])
    for what, count, most in (("results", len(results), RESULTS), ("rules", len(checks), RULES)):
        if count > most:
            yield f": {count} {what}; {most} is the most"
    known = {(one.get("guid"), each["id"]) for one in run.get("taxonomies", []) for each in one.get("taxa", [])}
    for number, check in enumerate(checks):
        where = f".tool.driver.rules[{number}]"
        if (count := len(check.get("properties", {}).get("tags", []))) > TAGS:
            yield f"{where}: {count} tags; {TAGS} is the most"
        yield from (f"{where}: {problem}" for problem in unknown_requirements((one["target"] for one in check.get("relationships", [])), known))  # fmt: skip
    ids = ((f".results[{n}]", one.get("fingerprints", {}).get(FINGERPRINT, "")) for n, one in enumerate(results))
    yield from bad_ids(ids)
    for number, one in enumerate(results):
        yield from (f".results[{number}]: {problem}" for problem in odd(one, checks))
        yield from (f".results[{number}]: {problem}" for problem in unknown_requirements(one.get("taxa", []), known))


def unknown_requirements(references: Iterable[Mapping[str, Any]], known: set[tuple[Any, Any]]) -> Iterator[str]:
    """References to requirements that no taxonomy of the run has."""
    for one in references:
        component = one.get("toolComponent", {})
        if (component.get("guid"), one.get("id")) not in known:
            yield f"{component.get('name')} {one.get('id')} is in no taxonomy of the run"


def odd(one: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What GitHub would not take of a result, or mistake for another."""
    place = one.get("ruleIndex", -1)
    if not 0 <= place < len(checks) or checks[place]["id"] != one.get("ruleId"):
        yield f"ruleIndex: {place} is not the place of {one.get('ruleId')}"
    if one.get("kind", "fail") != "fail" and one.get("level", "none") != "none":
        yield f"level: {one['level']}; none is what goes with {one['kind']}"
    mark = one.get("partialFingerprints", {}).get("primaryLocationLineHash")
    if not mark or mark != one.get("fingerprints", {}).get(FINGERPRINT):
        yield f"partialFingerprints: {mark} is not the finding's id"
    places = one.get("locations", [])
    if not 0 < len(places) <= LOCATIONS:
        yield f"{len(places)} locations; 1 to {LOCATIONS} is allowed"
    for each in places:
        at = each.get("physicalLocation", {}).get("artifactLocation", {}).get("uri", "")
        if not URI.fullmatch(at):
            yield f"{at or 'no uri'} is no relative URI that leads nowhere"


FORMAT = Format("sarif", "SARIF 2.1.0", files, "findings.sarif", "sarif", every_result, rules, whole=True)
