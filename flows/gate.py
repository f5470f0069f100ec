"""The gate of a scan: which findings count, what exit code follows, and the one line that says so to a machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.check import SEVERITIES
from checks.finding import Finding
from flows.console import CLEAN, COVERAGE, GATE, NOT_WRITTEN
from flows.history import ScanHistory
from reports.escape import ci, ci_property
from reports.lifecycle import Seen
from reports.report import Report, records

ANNOTATED = 10
MOVED = ("new", "reopened", "resolved", "dark")


@dataclass(frozen=True)
class Gate:
    """What was asked. Too little coverage beats a finding, unless ``prefer_gate``: what was not read may fail too."""

    fail_on: str = ""
    min_coverage: float = 0.0
    new_only: bool = False
    prefer_gate: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether somebody asked for a gate at all."""
        return bool(self.fail_on or self.min_coverage or self.new_only)


@dataclass(frozen=True)
class Verdict:
    """The exit code, why, and the line for a machine. ``notes`` are for a person."""

    code: int
    summary: str
    notes: tuple[str, ...] = ()
    hits: tuple[Finding, ...] = ()


def judge(gate: Gate, report: Report, past: ScanHistory, waived: int = 0, lapsed: int = 0) -> Verdict:
    """What a scan's end is."""
    failing = [Finding(*row) for row in records(report.findings[report.findings["status"] == "fail"])]
    counting, notes = counting_findings(failing, gate, report, past)
    worst = SEVERITIES[: SEVERITIES.index(gate.fail_on) + 1] if gate.fail_on else ()
    hits = [finding for finding in counting if finding.severity in worst]
    coverage = float(report.about["coverage_pct"])
    reasons = {
        NOT_WRITTEN: f"not written: {past.trouble}" if past.trouble else "",
        COVERAGE: f"coverage {coverage:g} % is below {gate.min_coverage:g} %" if coverage < gate.min_coverage else "",
        GATE: f"{len(hits)} findings at or above {gate.fail_on}" if hits else "",
    }
    order = (NOT_WRITTEN, *((GATE, COVERAGE) if gate.prefer_gate else (COVERAGE, GATE)))
    code = next((code for code in order if reasons[code]), CLEAN)
    points = past.trend.points if past.trend else ()
    point = next((point for point in points if point.scan_id == report.about["scan_id"]), None)
    said = summary(
        gate, code, reasons.get(code, ""),
        scan_id=report.about["scan_id"],
        complete=report.about["scan_complete"] == "true",
        coverage=coverage,
        fail={severity: sum(f.severity == severity for f in failing) for severity in SEVERITIES},
        unknown=int((report.findings["status"] == "unknown").sum()),
        waived=waived,
        lapsed=lapsed,
        **{name: getattr(point, name) if point else None for name in MOVED},
        hits=len(hits),
    )  # fmt: skip
    return Verdict(code, said, notes, tuple(hits))


def summary(gate: Gate, code: int, reason: str, **known: Any) -> str:
    """The one line for a machine: always the same keys, null where nothing is known, as of a scan that failed."""
    names = ("scan_id", "complete", "coverage", "fail", "unknown", "waived", "lapsed", *MOVED)
    asked = {"fail_on": gate.fail_on, "min_coverage": gate.min_coverage, "new_only": gate.new_only}
    held = {name: known.get(name) for name in names} | asked | {"hits": known.get("hits")}
    return json.dumps(held | {"exit": code, "reason": reason})


def ci_lines(hits: Sequence[Finding], environment: Mapping[str, str]) -> list[str]:
    """What a CI job shows beside its log of findings that hit the gate, the gravest first; nothing elsewhere.

    GitHub Actions shows ten annotations of a kind and step, so no more are made ("Workflow commands for GitHub Actions").
    """
    shown = [
        (ci_property(f.check_title), ci(f"{f.severity}: {f.ticket_title}, {f.resource_id}")) for f in hits[:ANNOTATED]
    ]
    if environment.get("GITHUB_ACTIONS") == "true":
        return [f"::error title={title}::{message}" for title, message in shown]
    if environment.get("TF_BUILD") == "True":
        return [f"##vso[task.logissue type=error]{message}" for _, message in shown]
    return []


def counting_findings(
    failing: list[Finding], gate: Gate, report: Report, past: ScanHistory
) -> tuple[list[Finding], tuple[str, ...]]:
    """The failing findings that count, and why more count than are new."""
    if not gate.new_only:
        return failing, ()
    if not gate.fail_on:
        return failing, ("--new-only: without --fail-on no finding fails the scan, new or not",)
    if past.case_report is None or not past.compared:
        return failing, ("--new-only: no earlier complete scan to compare with, so every finding counts",)
    fresh = {case.finding.finding_id for case in past.case_report.cases if case.lifecycle in ("new", "reopened")}
    seen = Seen.of(report)
    scopes = {scope for _, scope in seen.judged} - past.compared
    counting = [f for f in failing if f.finding_id in fresh or seen.scope_of(f) in scopes]
    if not scopes:
        return counting, ()
    named = ", ".join(sorted(map(str, scopes)))
    return counting, (f"--new-only: no earlier complete scan of {named}, so every finding there counts",)
