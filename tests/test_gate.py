"""The gate of a scan: its exit code, its line for a machine, and what a CI job is told of findings that hit it."""

from __future__ import annotations

import json
import re
from typing import Any

import made_up
import pytest

from flows.console import CLEAN, COVERAGE, GATE, NOT_WRITTEN
from flows.gate import ANNOTATED, Gate, ci_lines, judge
from flows.history import ScanHistory
from reports.coverage import percent_text
from reports.history import History

GITHUB, AZURE = {"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}


def lines(environment: dict[str, str], hostile: bool = False) -> list[str]:
    report = made_up.hostile() if hostile else made_up.report()
    verdict = judge(Gate(fail_on="info"), report, ScanHistory())
    assert len(verdict.hits) > ANNOTATED
    return ci_lines(verdict.hits, environment)


def test_github_shows_ten_findings_the_gravest_first() -> None:
    told = lines(GITHUB)
    assert len(told) == ANNOTATED
    assert all(re.fullmatch(r"::error title=[^:,]+::(critical|high): .+, .+", line) for line in told)
    assert told[0].startswith("::error title=") and "::critical: Not met: " in told[0]


def test_azure_pipelines_logs_issues() -> None:
    assert all(re.fullmatch(r"##vso\[task\.logissue type=error\](critical|high): .+", line) for line in lines(AZURE))


def test_elsewhere_nothing_is_annotated() -> None:
    assert lines({}) == []


@pytest.mark.parametrize("environment", [GITHUB, AZURE])
def test_a_hostile_name_ends_no_command_and_begins_none(environment: dict[str, str]) -> None:
    for line in lines(environment, hostile=True):
        assert len(line.splitlines()) == 1 and line.isprintable()
        head = re.match(r"::error title=([^:,]*)::|##vso\[task\.logissue type=error\]", line)
        assert head
        assert not line[head.end() :].lstrip().startswith("::") and "##vso[" not in line[head.end() :]


def verdict(gate: Gate, coverage: str = "100.0", new: bool = False, known: bool = True) -> tuple[int, dict[str, Any]]:
    """The end of a scan with one high and one critical finding; ``new``: one high more; ``known``: a scan before it."""
    row = made_up.finding
    rows = [row("hub-refuses-old-tls", 0, "arn:a"), row("store-is-private", 0, "arn:b", "store")]
    more = [row("hub-refuses-old-tls", 0, "arn:c")] if new else []
    with History.open("") as history:
        if known:
            history.ingest(made_up.report(rows, scan_id="20261121T0600Z-1", scan_started_at="2026-11-21T06:00:00Z"))
        whole = made_up.report(rows + more, coverage_pct=coverage, scan_complete=str(coverage == "100.0").lower())
        history.ingest(whole)
        past = ScanHistory(history.case_report(), history.trend(), frozenset(history.baseline(whole.about["scan_id"])))
    made = judge(gate, whole, past)
    return made.code, json.loads(made.summary)


@pytest.mark.parametrize(
    ("gate", "clean", "new", "dark", "both"),
    [
        (Gate(), CLEAN, CLEAN, CLEAN, CLEAN),
        (Gate("high"), GATE, GATE, GATE, GATE),
        (Gate("critical"), GATE, GATE, GATE, GATE),
        (Gate("high", new_only=True), CLEAN, GATE, CLEAN, GATE),
        (Gate("critical", new_only=True), CLEAN, CLEAN, CLEAN, CLEAN),
        (Gate(new_only=True), CLEAN, CLEAN, CLEAN, CLEAN),
        (Gate(min_coverage=95), CLEAN, CLEAN, COVERAGE, COVERAGE),
        (Gate(min_coverage=94.9), CLEAN, CLEAN, CLEAN, CLEAN),
        (Gate("high", min_coverage=95), GATE, GATE, COVERAGE, COVERAGE),
        (Gate("high", min_coverage=95, prefer_gate=True), GATE, GATE, GATE, GATE),
        (Gate("high", min_coverage=95, new_only=True), CLEAN, GATE, COVERAGE, COVERAGE),
        (Gate("high", min_coverage=95, new_only=True, prefer_gate=True), CLEAN, GATE, COVERAGE, GATE),
        (Gate(min_coverage=95, prefer_gate=True), CLEAN, CLEAN, COVERAGE, COVERAGE),
    ],
)  # fmt: skip
def test_what_a_gate_says_of_a_scan(gate: Gate, clean: int, new: int, dark: int, both: int) -> None:
    told = [
        verdict(gate), verdict(gate, new=True), verdict(gate, coverage="94.9"), verdict(gate, coverage="94.9", new=True)
    ]  # fmt: skip
    assert [code for code, _ in told] == [clean, new, dark, both]
    for code, line in told:
        assert (line["exit"], bool(line["reason"])) == (code, code != CLEAN)
        assert (line["fail_on"], line["min_coverage"], line["new_only"]) == (
            gate.fail_on,
            gate.min_coverage,
            gate.new_only,
        )


def test_without_a_scan_to_compare_with_everything_counts_and_it_says_so() -> None:
    assert verdict(Gate("high", new_only=True), known=False)[0] == GATE
    assert "no earlier complete scan" in judge(Gate("high", new_only=True), made_up.report(), ScanHistory()).notes[0]
    assert "without --fail-on" in judge(Gate(new_only=True), made_up.report(), ScanHistory()).notes[0]


def test_the_summary_counts_what_is_waived_and_what_was() -> None:
    line = json.loads(judge(Gate(), made_up.report(), ScanHistory(), waived=3, lapsed=2).summary)
    assert (line["waived"], line["lapsed"]) == (3, 2)
    assert list(line)[:8] == ["scan_id", "complete", "coverage", "fail", "unknown", "waived", "lapsed", "new"]


def test_a_history_that_could_not_be_written_beats_everything() -> None:
    made = judge(Gate("high", min_coverage=100), made_up.report(coverage_pct="1.0"), ScanHistory(trouble="no space"))
    line = json.loads(made.summary)
    assert (made.code, line["exit"], line["reason"]) == (NOT_WRITTEN, NOT_WRITTEN, "not written: no space")


@pytest.mark.parametrize(("share", "shown"), [(100.0, "100.0"), (99.96, "99.9"), (99.9, "99.9"), (0.0, "0.0"), (0.09, "0.0")])  # fmt: skip
def test_a_share_is_cut_so_that_one_hundred_is_all(share: float, shown: str) -> None:
    assert percent_text(share) == shown
