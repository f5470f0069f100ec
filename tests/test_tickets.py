"""Tickets: every target takes its files, nobody gets a ticket twice, and no name does anything in a tracker."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import HOSTILE, estate
from made_up_cases import case, case_report, estate_cases, hostile, many, small, with_

from reports import escape
from reports.case import CaseReport
from reports.escape import unguard, visible
from reports.history import History
from reports.tickets.delta import Only
from reports.tickets.export import Done, Refused, TicketOptions, export
from reports.tickets.keys import Unreadable, learn
from reports.tickets.ledger import Ledger
from reports.tickets.profile import TrackerSettings, email
from reports.tickets.targets import TARGETS
from reports.tickets.verify import verify

GOLDEN = Path(__file__).parent / "golden" / "tickets"
NOW = "2026-11-22T07:00:00Z"
TRACKERS = [name for name, profile in TARGETS.items() if profile.update != "snapshot"]
KEYED = [name for name in TRACKERS if TARGETS[name].update == "key"]
KEY = {
    "jira": "SEC-{}",
    "azure-boards": "{}",
    "github": "{}",
    "servicenow": "INC{}",
    "gitlab": "{}",
    "linear": "ENG-{}",
}
INJECTIONS = (
    *HOSTILE,
    "/close",
    "x\n/close\n/assign @root",
    "@admin please look, also #1 !2 ~bug %1 $3 &4",
    "[~admin] {code}x{code} {noformat} {color:red}x{color} !http://127.0.0.1/p.png! [x|http://127.0.0.1]",
    "a`b``c```d````",
    "```\n/close\n```",
    "![x](http://127.0.0.1/p.png) <!-- --> <details>",
    "--> <!-- iotposture v1:aaaaaaaaaaaaaaaaaaaaaaaaaa -->",
    "[code]<script>alert(1)</script>[/code]",
    "NULL",
    "%0A::error::x ##vso[task.complete result=Succeeded]",
    "<a data-vss-mention='version:2.0'>@x</a>",
)
strange = st.text(st.characters(), max_size=60) | st.text(
    st.sampled_from("`~@#!%&$^*_[]{}<>()|\\/-+=:;'\" \n\r\tacdeft0noformat\u202e\u2028"), max_size=40
)


@pytest.fixture
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with History.open(str(tmp_path_factory.mktemp("history") / "history.db")) as history:
        yield history.ledger()


def sent(what: CaseReport, target: str, folder: Path, ledger: Ledger, *only: Only, **wish: Any) -> Done:
    choices = wish.pop("choices", TrackerSettings())
    return export(what, TARGETS[target], folder, ledger, NOW, TicketOptions(only, **wish), choices)


def cells(file: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""), strict=True))


def rows(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".ndjson":
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    if file.suffix == ".json":
        return list(json.loads(file.read_text("utf-8"))["findings"])
    header, *lines = cells(file)
    return [dict(zip(header, line, strict=True)) for line in lines]


def every(folder: Path, target: str, kind: str = "") -> list[dict[str, Any]]:
    """All rows of an export, or those of one kind of file."""
    files = json.loads((folder / f"{target}.manifest.json").read_text())["files"]
    return [row for file in files if kind in ("", file["kind"]) for row in rows(folder / file["name"])]


def keyed(folder: Path, target: str, ledger: Ledger, start: int = 1) -> None:
    """The tracker numbers what it was sent."""
    ids = sorted(entry.id for entry in ledger.entries(target).values() if not entry.key)
    file = folder / f"{target}-keys.csv"
    assert target in KEY, f"a new tracker: say in KEY of tests/test_tickets.py what a key of {target} looks like"
    lines = [f'"{KEY[target].format(number)}","{id_}"' for number, id_ in enumerate(ids, start=start)]
    file.write_text("\n".join([f'"{TARGETS[target].keys[0]}","External Id"', *lines]))
    assert not learn(file, ledger, target).refused


TITLES = ("Summary", "u_short_description", "Title", "title")
"""What trackers call a title."""


def title_of(row: Mapping[str, Any]) -> str:
    """The title of a row of any tracker."""
    named = [str(row[name]) for name in TITLES if name in row]
    assert named, f"a new tracker: none of TITLES of tests/test_tickets.py is a column of it: {list(row)}"
    return named[0]


def before() -> CaseReport:
    """The small case report two days before: without what is new now, with other evidence for what changed."""
    what = opened(small())
    cases = (c for c in what.cases if c.lifecycle != "new")
    return case_report(
        (dataclasses.replace(c, finding=c.finding._replace(evidence_hash="old")) if c.changed else c for c in cases),
        **what.about,
    )


def one_of(what: CaseReport, check: str) -> int:
    """Where a failing case of a check stands."""
    return next(n for n, c in enumerate(what.cases) if (c.finding.check_id, c.finding.status) == (check, "fail"))


def opened(what: CaseReport) -> CaseReport:
    """The case report as it was before anything was resolved."""
    cases = [
        dataclasses.replace(c, lifecycle="open", resolved_at="") if c.lifecycle == "resolved" else c for c in what.cases
    ]
    return CaseReport({**what.about, "scan_id": "20261120T0600Z-77aa"}, tuple(cases))


def description_of(row: dict[str, Any]) -> str:
    names = ("Description", "Repro Steps", "u_description", "description", "body")
    return str(next(row[name] for name in names if name in row))


# The files


@pytest.mark.parametrize("target", TARGETS)
def test_the_files_of_a_target_are_as_golden(target: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(before(), target, tmp_path / "before", ledger)
    if target in TRACKERS:
        keyed(tmp_path, target, ledger)
    done = sent(small(), target, tmp_path / "now", ledger)
    golden = {file.name: file.read_bytes() for file in (GOLDEN / target).iterdir()}
    assert {file.name: file.read_bytes() for file in done.files} == golden
    assert verify(tmp_path / "now", TARGETS[target]) == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_order_of_cases_changes_no_byte(target: str, tmp_path: Path, ledger: Ledger) -> None:
    what = estate_cases()
    there = export(what, TARGETS[target], tmp_path / "a", ledger, NOW, TicketOptions(("all",)), TrackerSettings())
    ledger.forget(target)
    if target in TRACKERS:
        what = CaseReport(what.about, what.cases[::-1])
    back = export(what, TARGETS[target], tmp_path / "b", ledger, NOW, TicketOptions(("all",)), TrackerSettings())
    assert [file.read_bytes() for file in there.files] == [file.read_bytes() for file in back.files]


@pytest.mark.parametrize("target", TARGETS)
def test_no_finding_still_gives_files_with_their_headers(target: str, tmp_path: Path, ledger: Ledger) -> None:
    done = sent(case_report([]), target, tmp_path, ledger)
    assert every(tmp_path, target) == [] and verify(tmp_path, TARGETS[target]) == []
    for file in done.files:
        if file.suffix == ".csv":
            assert len(cells(file)) == 1 and len(cells(file)[0]) >= 3


def test_a_manifest_tells_bytes_rows_and_coverage(tmp_path: Path, ledger: Ledger) -> None:
    done = sent(many(252), "jira", tmp_path, ledger)
    held = json.loads(done.files[-1].read_text())
    assert done.files[-1].name == "jira.manifest.json"
    assert (held["complete"], held["coverage_pct"], held["scan_id"]) == (True, "97.5", "20261122T0600Z-4f1c")
    for file in (*held["files"], *held["setup"]):
        data = (tmp_path / file["name"]).read_bytes()
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert [(f["kind"], f["part"], f["of"], f["rows"]) for f in held["files"]] == [
        ("create", 1, 2, 250), ("create", 2, 2, 2), ("update", 1, 1, 0), ("close", 1, 1, 0)
    ]  # fmt: skip


def limited(target: str, folder: Path, ledger: Ledger, what: CaseReport, **limits: int) -> list[int]:
    """Exports under smaller limits than the target's own; how many rows each file has."""
    profile = dataclasses.replace(TARGETS[target], rows=limits.get("rows", 0), size=limits.get("size", 0))
    export(what, profile, folder, ledger, NOW, TicketOptions(), TrackerSettings())
    assert verify(folder, profile) == []
    files = json.loads((folder / f"{target}.manifest.json").read_text())["files"]
    return [len(rows(folder / file["name"])) for file in files if file["kind"] == profile.create.name]


@pytest.mark.parametrize(
    ("target", "limit"),
    [("jira", 250), ("azure-boards", 1000), ("servicenow", 1000), ("github", 500), ("gitlab", 0), ("linear", 0)],
)
def test_a_file_is_split_at_the_most_rows_that_a_target_takes(
    target: str, limit: int, tmp_path: Path, ledger: Ledger
) -> None:
    assert TARGETS[target].rows == limit
    assert limited(target, tmp_path / "fits", ledger, many(9), rows=9) == [9]
    ledger.forget(target)
    assert limited(target, tmp_path / "not", ledger, many(10), rows=9) == [9, 1]


def test_a_gitlab_file_is_split_at_ten_megabytes(tmp_path: Path, ledger: Ledger) -> None:
    assert TARGETS["gitlab"].size == 10_000_000
    long = case_report(dataclasses.replace(c, finding=c.finding._replace(risk="机" * 500)) for c in many(20).cases)
    split = limited("gitlab", tmp_path, ledger, long, size=9_000)
    assert sum(split) == 20 and len(split) > 4
    assert all(5_000 < file.stat().st_size <= 9_000 for file in sorted(tmp_path.glob("*.csv"))[:-1])


def test_parts_of_an_older_export_do_not_stay(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    sent(many(251), "jira", tmp_path, ledger)
    sent(many(251), "jira", tmp_path, ledger)
    assert sorted(file.name for file in tmp_path.glob("*.csv")) == [
        "jira-close.csv",
        "jira-create.csv",
        "jira-update.csv",
    ]
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_an_export_that_cannot_be_written_is_not_in_the_ledger(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "jira-update.csv").mkdir()
    with pytest.raises(OSError):
        sent(small(), "jira", tmp_path, ledger)
    assert ledger.entries("jira") == {}
    assert not list(tmp_path.glob(".*")) and not (tmp_path / "jira.manifest.json").exists()


# Jira's and ServiceNow's rules, by a reader of their own


def by_hand(data: bytes) -> list[list[str]]:
    """Rows of a comma-separated file as RFC 4180 has it, every cell quoted; read one character at a time."""
    rows: list[list[str]] = [[]]
    told, at = data.decode("utf-8"), 0
    while at < len(told):
        assert told[at] == '"', f"a cell starts with {told[at]!r} at {at}"
        cell, at = "", at + 1
        while told[at] != '"' or told[at + 1] == '"':
            cell, at = cell + told[at], at + (2 if told[at] == '"' else 1)
        rows[-1].append(cell)
        at += 1
        if told[at] == ",":
            at += 1
        else:
            assert told[at : at + 2] == "\r\n", f"a row ends with {told[at : at + 2]!r}"
            at += 2
            rows.append([])
    return rows[:-1]


@pytest.mark.parametrize("what", [small, estate_cases, hostile, lambda: many(3)])
@pytest.mark.parametrize("by", ["finding", "hub", "check", "owner"])
def test_jira_can_read_its_files(what: Callable[[], CaseReport], by: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(what(), "jira", tmp_path, ledger, by=by, include_unknown=True)
    header, *lines = by_hand((tmp_path / "jira-create.csv").read_bytes())
    assert "Summary" in header and header.count("Labels") == 3
    assert all(re.fullmatch("[A-Za-z]+( [A-Za-z]+)*", name) for name in header)
    assert lines
    at = {name: number for number, name in enumerate(header)}
    for row in lines:
        assert len(row) == len(header)
        summary = row[at["Summary"]]
        assert summary.strip() and "\n" not in summary and len(summary.encode("utf-16-le")) <= 2 * 255
        assert len(row[at["Description"]].encode("utf-16-le")) <= 2 * 32_767
        assert all(
            cell and not re.search(r"\s", cell) for name, cell in zip(header, row, strict=True) if name == "Labels"
        )
        assert re.fullmatch(r"\d{4}-\d\d-\d\d|", row[at["Due Date"]])
        assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+|", row[at["Assignee"]])
        assert row[at["Priority"]] in ("Highest", "High", "Medium", "Low", "Lowest")
    ids = [row[at["External Id"]] for row in lines]
    assert len(set(ids)) == len(ids)


def test_jiras_configuration_names_every_header_that_jira_has_a_field_for(tmp_path: Path, ledger: Ledger) -> None:
    sent(small(), "jira", tmp_path, ledger, choices=TrackerSettings(jira_project="SEC"))
    for kind in ("create", "update", "close"):
        held = json.loads((tmp_path / f"jira-{kind}-import-config.json").read_text())
        mapped = held["config.field.mappings"]
        header = cells(tmp_path / f"jira-{kind}.csv")[0]
        assert set(mapped) <= set(header) and mapped["Summary"]["jira.field"] == "summary"
        assert ("Issue Key" in header) == (kind != "create") == ("Issue Key" in mapped)
        assert (held["config.delimiter"], held["config.encoding"], held["config.date.format"]) == (
            ",",
            "UTF-8",
            "yyyy-MM-dd",
        )
        assert held["config.project"]["project.key"] == "SEC"


@pytest.mark.parametrize("what", [small, estate_cases, hostile])
@pytest.mark.parametrize("by", ["finding", "hub", "check", "owner"])
def test_servicenow_can_read_its_files(what: Callable[[], CaseReport], by: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(what(), "servicenow", tmp_path, ledger, by=by, include_unknown=True)
    header, *lines = by_hand((tmp_path / "servicenow-upsert.csv").read_bytes())
    assert lines and all(re.fullmatch("u_[a-z_]+", name) for name in header)
    for row in lines:
        held = dict(zip(header, row, strict=True))
        assert not [name for name, cell in held.items() if '"' in cell or cell == "NULL" or "[code]" in cell.lower()]
        assert 0 < len(held["u_short_description"]) <= 160 and "\n" not in held["u_short_description"]
        assert len(held["u_description"]) <= 4000
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", held["u_opened_at"])
        assert {held["u_impact"], held["u_urgency"]} <= {"1", "2", "3"}
    ids = [dict(zip(header, row, strict=True))["u_correlation_id"] for row in lines]
    assert len(set(ids)) == len(ids)


# DefectDojo's contract

DOJO = {
    "date",
    "cwe",
    "cve",
    "epss_score",
    "epss_percentile",
    "cvssv3",
    "cvssv3_score",
    "cvssv4",
    "cvssv4_score",
    "mitigation",
    "impact",
    "steps_to_reproduce",
    "severity_justification",
    "references",
    "active",
    "verified",
    "false_p",
    "out_of_scope",
    "risk_accepted",
    "under_review",
    "is_mitigated",
    "thread_id",
    "mitigated",
    "numerical_severity",
    "param",
    "payload",
    "line",
    "file_path",
    "component_name",
    "component_version",
    "static_finding",
    "dynamic_finding",
    "scanner_confidence",
    "unique_id_from_tool",
    "vuln_id_from_tool",
    "sast_source_object",
    "sast_sink_object",
    "sast_source_line",
    "sast_source_file_path",
    "nb_occurences",
    "publish_date",
    "service",
    "planned_remediation_date",
    "planned_remediation_version",
    "effort_for_fixing",
    "tags",
    "kev_date",
    "known_exploited",
    "ransomware_used",
    "fix_available",
    "fix_version",
    "title",
    "severity",
    "description",
    "endpoints",
    "files",
    "vulnerability_ids",
    "cwes",
}
"""Every key that its generic importer takes; it refuses a file with any other."""


@pytest.mark.parametrize("what", [small, estate_cases, hostile])
def test_defectdojo_gets_only_keys_it_knows_and_none_that_is_empty(
    what: Callable[[], CaseReport], tmp_path: Path, ledger: Ledger
) -> None:
    sent(what(), "defectdojo", tmp_path, ledger, include_unknown=True)
    held = json.loads((tmp_path / "defectdojo-findings.json").read_text())
    assert set(held) == {"name", "type", "version", "description", "findings"} and held["findings"]
    for row in held["findings"]:
        assert set(row) <= DOJO and {"title", "severity", "description"} <= set(row)
        assert not [name for name, cell in row.items() if cell in ("", None, [])]
        assert row["severity"] in ("Info", "Low", "Medium", "High", "Critical")
        assert len(row["title"]) <= 511
        assert row["service"].count(":") >= 1
    assert len({row["unique_id_from_tool"] for row in held["findings"]}) == len(held["findings"])


def test_defectdojo_may_close_only_by_a_whole_and_complete_scan(tmp_path: Path, ledger: Ledger) -> None:
    def closes(what: CaseReport, *only: Only) -> bool:
        sent(what, "defectdojo", tmp_path, ledger, *only)
        return bool(json.loads((tmp_path / "defectdojo-import.json").read_text())["close_old_findings"])

    assert closes(small())
    assert not closes(small(scan_complete="false"))
    assert not closes(small(), "new")


def test_defectdojo_is_told_of_waivers_and_what_is_dark_stays_active(tmp_path: Path, ledger: Ledger) -> None:
    sent(with_(small(), 0, waiver="W-1", waiver_kind="false_positive"), "defectdojo", tmp_path, ledger)
    held = {row["unique_id_from_tool"]: row for row in every(tmp_path, "defectdojo")}
    by = {c.finding.finding_id: c for c in small().cases}
    for id_, row in held.items():
        waived = by[id_].waiver == "W-7"
        assert row.get("risk_accepted", False) is waived
        if by[id_].lifecycle == "resolved":
            assert row["is_mitigated"] is True and row["mitigated"] == "2026-11-22T06:04:31Z"
        elif by[id_].lifecycle == "dark":
            assert row["active"] is True
    assert [row["active"] for row in held.values() if row.get("false_p")] in ([False], [])


# The ledger


@pytest.mark.parametrize("target", TRACKERS)
def test_a_second_export_of_the_same_is_headers_only(target: str, tmp_path: Path, ledger: Ledger) -> None:
    assert sent(estate_cases(), target, tmp_path, ledger).counts["new"] == 35
    keyed(tmp_path, target, ledger)
    again = sent(estate_cases(scan_id="20261123T0600Z-0001"), target, tmp_path, ledger)
    assert not any(again.counts[kind] for kind in ("new", "changed", "reopened", "resolved"))
    assert every(tmp_path, target) == [] and again.notes == ()


@pytest.mark.parametrize("target", KEYED)
def test_what_changed_is_an_update_under_the_trackers_key(target: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), target, tmp_path, ledger)
    changed = with_(
        estate_cases(),
        one_of(estate_cases(), "store-is-private"),
        finding={"evidence_hash": "another", "actual": "public=maybe"},
    )
    waiting = sent(changed, target, tmp_path, ledger)
    assert every(tmp_path, target) == [] and "tickets import" in waiting.notes[0]
    keyed(tmp_path, target, ledger)
    assert sent(changed, target, tmp_path, ledger).counts["changed"] == 1
    (row,) = every(tmp_path, target, "update")
    id_ = changed.cases[one_of(changed, "store-is-private")].finding.finding_id
    name = {"jira": "Issue Key", "azure-boards": "ID", "github": "number"}[target]
    assert row[name] == ledger.entries(target)[id_].key and id_ in description_of(row)
    assert sent(changed, target, tmp_path, ledger).counts["changed"] == 0


@pytest.mark.parametrize("target", ["gitlab", "linear"])
def test_a_tracker_that_only_creates_never_gets_a_finding_twice(target: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), target, tmp_path, ledger)
    changed = with_(estate_cases(), one_of(estate_cases(), "store-is-private"), finding={"evidence_hash": "another"})
    done = sent(changed, target, tmp_path, ledger, "all")
    assert every(tmp_path, target) == []
    assert done.notes == (f"1 update left out: {TARGETS[target].product}'s importer only creates",)


def test_servicenow_takes_everything_again_because_it_matches_by_id(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "servicenow", tmp_path, ledger)
    first = every(tmp_path, "servicenow")
    sent(estate_cases(), "servicenow", tmp_path, ledger, "all")
    assert every(tmp_path, "servicenow") == first


@pytest.mark.parametrize("target", [*KEYED, "servicenow"])
def test_a_life_from_new_over_resolved_to_reopened(target: str, tmp_path: Path, ledger: Ledger) -> None:
    row = estate()[0]
    new = case_report([case(row, lifecycle="new")], scan_id="s1")
    gone = case_report([case(row, lifecycle="resolved", resolved_at="2026-11-23T06:00:00Z")], scan_id="s2")
    back = case_report([case(row, lifecycle="reopened")], scan_id="s3")
    told = []
    for what in (new, gone, gone, back, back, new):
        done = sent(what, target, tmp_path, ledger)
        told.append([kind for kind, count in done.counts.items() if count and kind != "unchanged"])
        keyed(tmp_path, target, ledger)
        assert verify(tmp_path, TARGETS[target]) == []
    assert told == [["new"], ["resolved"], [], ["reopened"], [], []]


def test_the_ledger_is_alike_in_both_databases(place: str, tmp_path: Path) -> None:
    with History.open(place) as history:
        ledger = history.ledger()
        sent(estate_cases(), "jira", tmp_path, ledger)
        sent(estate_cases(), "gitlab", tmp_path, ledger)
        keyed(tmp_path, "jira", ledger)
        changed = with_(estate_cases(), one_of(estate_cases(), "store-is-private"), finding={"evidence_hash": "x"})
        assert sent(changed, "jira", tmp_path, ledger).counts["changed"] == 1
        assert sent(changed, "jira", tmp_path, ledger).counts["changed"] == 0
        assert (ledger.forget("jira"), ledger.forget("gitlab")) == (0, 35)
        assert len(ledger.entries("jira")) == 35 and ledger.entries("gitlab") == {}


def test_two_exports_at_once_open_no_ticket_twice(tmp_path: Path) -> None:
    place = str(tmp_path / "h.db")
    History.open(place).close()

    def run(number: int) -> int:
        with History.open(place) as history:
            return sent(estate_cases(), "jira", tmp_path / str(number), history.ledger()).counts["new"]

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(run, range(4))) == [0, 0, 0, 35]


def test_what_was_resolved_before_anyone_was_told_of_it_closes_nothing(tmp_path: Path, ledger: Ledger) -> None:
    done = sent(case_report([case(estate()[0], lifecycle="resolved")]), "jira", tmp_path, ledger, "all")
    assert not any(done.counts.values())


def test_reopened_between_two_exports_is_told(tmp_path: Path, ledger: Ledger) -> None:
    row = estate()[0]
    sent(case_report([case(row)], scan_id="s1"), "servicenow", tmp_path, ledger)
    assert (
        sent(case_report([case(row, lifecycle="reopened")], scan_id="s3"), "servicenow", tmp_path, ledger).counts[
            "reopened"
        ]
        == 1
    )


@pytest.mark.parametrize("only", ["new", "changed", "reopened", "resolved"])
def test_only_one_kind_can_be_exported(only: Only, tmp_path: Path, ledger: Ledger) -> None:
    rows = estate()[:4]
    sent(case_report([case(row) for row in rows[:3]], scan_id="s1"), "servicenow", tmp_path, ledger)
    now = case_report(
        [
            case({**rows[0], "evidence_hash": "x"}),
            case(rows[1], lifecycle="reopened"),
            case(rows[2], lifecycle="resolved", resolved_at="2026-11-23T06:00:00Z"),
            case(rows[3], lifecycle="new"),
        ]
    )
    counts = sent(now, "servicenow", tmp_path, ledger, only).counts
    assert {kind: count for kind, count in counts.items() if count} == {only: 1}
    at = {"changed": 0, "reopened": 1, "resolved": 2, "new": 3}[only]
    (row,) = every(tmp_path, "servicenow")
    assert row["u_correlation_id"] == rows[at]["finding_id"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_partial_scan_exports_nothing_as_resolved_and_says_so(target: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(opened(small()), target, tmp_path, ledger)
    if target in TRACKERS:
        keyed(tmp_path, target, ledger)
    done = sent(small(scan_complete="false"), target, tmp_path, ledger, "all")
    assert done.counts["resolved"] == 0
    assert done.notes[0].startswith("the scan is not complete (97.5 % coverage): nothing is exported as resolved")
    held = json.loads((tmp_path / f"{target}.manifest.json").read_text())
    assert held["complete"] is False and held["closures"] == "withheld" and list(done.notes) == held["notes"]
    assert not [row for row in every(tmp_path, target) if "resolved" in row.values() or row.get("is_mitigated")]
    assert not [row for row in every(tmp_path, target, "close")]
    assert verify(tmp_path, TARGETS[target]) == []


def test_what_is_dark_waived_or_never_judged_opens_and_closes_nothing(tmp_path: Path, ledger: Ledger) -> None:
    sent(opened(small()), "jira", tmp_path, ledger)
    ids = {row["External Id"] for row in every(tmp_path, "jira")}
    left = {
        c.finding.finding_id for c in small().cases if c.waiver or c.lifecycle == "dark" or c.finding.status != "fail"
    }
    assert len(left) == 3 and not ids & left
    assert json.loads((tmp_path / "jira.manifest.json").read_text())["left_out"] == {
        "waived": 1,
        "dark": 1,
        "unknown": 1,
    }
    sent(small(), "jira", tmp_path, ledger, include_unknown=True, include_waived=True)
    assert len({row["External Id"] for row in every(tmp_path, "jira")} & left) == 2


@pytest.mark.parametrize("target", TRACKERS)
def test_nothing_volatile_is_in_a_title_or_description(target: str, tmp_path: Path, ledger: Ledger) -> None:
    def words(what: CaseReport, by: str) -> list[tuple[str, str]]:
        ledger.forget(target)
        sent(what, target, tmp_path, ledger, by=by)
        return [(title_of(row), description_of(row)) for row in every(tmp_path, target)]  # fmt: skip

    aged = (
        dataclasses.replace(c, finding=c.finding._replace(actual=f"age_days=7; {c.finding.actual}; expires_in_days=-3"))
        for c in estate_cases().cases
    )
    later = CaseReport(
        {name: f"{value}1" if name != "scan_complete" else value for name, value in estate_cases().about.items()},
        tuple(
            dataclasses.replace(c, last_seen="2027-01-01T00:00:00Z", age_days=99, sla="breached", changed=True)
            for c in aged
        ),
    )
    for by in ("finding", "hub", "check", "owner"):
        assert words(estate_cases(), by) == words(later, by) != []


# Groups


@pytest.mark.parametrize(("by", "count"), [("hub", 7), ("check", 13), ("owner", 2)])
def test_a_group_is_one_ticket_whose_id_and_title_stay_while_members_change(
    by: str, count: int, tmp_path: Path, ledger: Ledger
) -> None:
    whole = estate_cases()
    sent(whole, "jira", tmp_path, ledger, by=by)
    first = {row["External Id"]: row for row in every(tmp_path, "jira")}
    assert len(first) == count and all(id_.startswith("g1:") for id_ in first)
    keyed(tmp_path, "jira", ledger)
    at = one_of(whole, "device-has-its-own-credential")
    fewer = with_(whole, at, lifecycle="resolved", resolved_at="2026-11-22T06:04:31Z")
    done = sent(fewer, "jira", tmp_path, ledger, by=by)
    assert done.counts["changed"] == 1 and done.counts["resolved"] == done.counts["new"] == 0
    (row,) = every(tmp_path, "jira", "update")
    assert row["Summary"] == first[row["External Id"]]["Summary"]
    assert whole.cases[at].finding.finding_id not in row["Description"]
    assert whole.cases[at].finding.finding_id in first[row["External Id"]]["Description"]


def test_a_group_is_resolved_with_its_last_member_and_not_while_one_is_dark(tmp_path: Path, ledger: Ledger) -> None:
    a, b = (case(row) for row in estate()[2:4])
    sent(case_report([a, b], scan_id="s1"), "jira", tmp_path, ledger, by="check")
    keyed(tmp_path, "jira", ledger)
    gone, gone_too = (dataclasses.replace(c, lifecycle="resolved", resolved_at="2026-11-22T06:04:31Z") for c in (a, b))
    dark = dataclasses.replace(b, lifecycle="dark")
    assert sent(case_report([gone, dark]), "jira", tmp_path, ledger, by="check").counts["resolved"] == 0
    assert sent(case_report([gone, gone_too]), "jira", tmp_path, ledger, by="check").counts["resolved"] == 1
    assert every(tmp_path, "jira", "close")[0]["Issue Key"] == "SEC-1"


@pytest.mark.parametrize("target", TRACKERS)
def test_a_group_of_thousands_stays_within_the_limits(target: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(many(1300), target, tmp_path, ledger, by="check")
    assert len(every(tmp_path, target)) == 13
    assert verify(tmp_path, TARGETS[target]) == []
    assert "Finding: " in description_of(every(tmp_path, target)[0])


def test_what_is_left_out_of_a_long_group_is_counted(tmp_path: Path, ledger: Ledger) -> None:
    sent(many(1300), "servicenow", tmp_path, ledger, by="check")
    for row in every(tmp_path, "servicenow"):
        told = re.search(r"And (\d+) more, which the export to csv lists", row["u_description"])
        assert told and int(told[1]) + row["u_description"].count("\nv1:") == 100


@pytest.mark.parametrize("target", ["csv", "spreadsheet", "defectdojo"])
def test_a_table_is_not_grouped(target: str, tmp_path: Path, ledger: Ledger) -> None:
    with pytest.raises(Refused, match=r"--group-by hub: .* takes findings one by one"):
        sent(small(), target, tmp_path, ledger, by="hub")


# Keys


def test_keys_are_learnt_from_what_a_tracker_exports(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "jira", tmp_path, ledger)
    first, second, *_ = sorted(ledger.entries("jira"))
    told = (
        "\ufeffSummary,Issue key,Issue id,Labels,Labels,Custom field (External Id)\r\n"
        f'"two\r\nlines",SEC-1,10001,a,b,{first}\r\n'
        "foreign,SEC-2,10002,,,\r\n"
        f"third,SEC-3,10003,a,,{second}\r\n"
    )
    (tmp_path / "k.csv").write_bytes(told.encode())
    done = learn(tmp_path / "k.csv", ledger)
    assert (done.target, done.keys, done.known, done.refused) == ("jira", {first: "SEC-1", second: "SEC-3"}, 0, ())
    assert learn(tmp_path / "k.csv", ledger).known == 2
    assert ledger.keys()[first] == {"jira": "SEC-1"}


def test_a_key_is_found_beside_the_id_in_a_description(tmp_path: Path, ledger: Ledger) -> None:
    for target, header in (("gitlab", "Title,Description,Issue ID"), ("azure-boards", "Title,Description,ID")):
        sent(small(), target, tmp_path, ledger)
        row, *_ = every(tmp_path, target)
        text_ = io.StringIO(newline="")
        csv.writer(text_).writerow([row.get("title", row.get("Title")), description_of(row), "17"])
        (tmp_path / "k.csv").write_text(f"{header}\n{text_.getvalue()}")
        assert list(learn(tmp_path / "k.csv", ledger, target).keys.values()) == ["17"]


def test_a_row_that_does_not_fit_is_one_clear_line(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "jira", tmp_path, ledger)
    a, b, c, *_ = sorted(ledger.entries("jira"))
    foreign = "v1:" + "a" * 26
    (tmp_path / "k.csv").write_text(
        f"Issue key,External Id\nSEC-1,{a}\nSEC-9,{a}\nSEC-1,{b}\nSEC-4,{foreign}\n,{c}\n\x1b[31m,{c}\n"
    )
    done = learn(tmp_path / "k.csv", ledger)
    assert done.keys == {a: "SEC-1"}
    assert done.refused == (
        f"k.csv:3: {a} is SEC-1 further up, and SEC-9 here",
        f"k.csv:4: SEC-1 is the key of {a} already, not of {b}",
        f"k.csv:5: {foreign} was never exported to Jira",
        f"k.csv:6: {c} has no key under 'Issue key'",
        "k.csv:7: '\\x1b[31m' is no key of Jira",
    )
    (tmp_path / "k.csv").write_text(f"Issue key,External Id\nNEW-1,{a}\n")
    assert learn(tmp_path / "k.csv", ledger).refused == (
        f"k.csv:2: {a} is SEC-1 already, not NEW-1; --replace takes the new one",
    )
    assert learn(tmp_path / "k.csv", ledger, replace=True).keys == {a: "NEW-1"}
    assert ledger.entries("jira")[a].key == "NEW-1"


@pytest.mark.parametrize(
    ("text_", "line"),
    [
        ("", "is empty; a header"),
        ("Issue key,Summary\nSEC-1,x\n", "names no finding of ours"),
        ("Key of it,External Id\nSEC-1,{}\n", "no column with the key of Jira; allowed: Issue key, Key"),
        ("\x00\xff", "not UTF-8"),
        ("Issue key,External Id\nSEC-1,v1:bbbbbbbbbbbbbbbbbbbbbbbbbb\n", "exported to no tracker; say which with --to"),
    ],
)
def test_a_file_without_keys_is_one_clear_line(text_: str, line: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(small(), "jira", tmp_path, ledger)
    file = tmp_path / "k.csv"
    file.write_bytes(text_.format(next(iter(ledger.entries("jira")))).encode("latin-1"))
    with pytest.raises(Unreadable, match=re.escape(line)):
        learn(file, ledger)


def test_forgetting_brings_back_what_was_never_confirmed(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "jira", tmp_path, ledger)
    first = min(ledger.entries("jira"))
    ledger.learn("jira", {first: "SEC-1"})
    assert ledger.forget("jira") == 34
    assert sent(estate_cases(), "jira", tmp_path, ledger).counts["new"] == 34


def test_the_keys_of_every_tracker_stand_in_the_table(tmp_path: Path, ledger: Ledger) -> None:
    for target in ("jira", "github"):
        sent(estate_cases(), target, tmp_path, ledger)
        keyed(tmp_path, target, ledger, start=7)
    sent(estate_cases(), "csv", tmp_path, ledger)
    held = {row["finding_id"]: row["external_key"] for row in every(tmp_path, "csv")}
    assert held[min(ledger.entries("jira"))] == "github=7|jira=SEC-7"


JQ = """#!/usr/bin/env python3
import json, sys
row, wanted = json.load(sys.stdin), sys.argv[-1]
if wanted.startswith("del("):
    print(json.dumps({name: cell for name, cell in row.items() if name not in ("id", "number")}, indent=2))
elif (found := row.get(wanted.split(" ")[0].removeprefix("."))) is not None:
    print(found)
"""
"""What the script asks of jq, for machines without it."""


def sending(file: str, folder: Path, fail_at: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs GitHub's script with a stand-in for gh, which keeps what it is sent and numbers it."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    gh = 'cat >> "$SENT"; echo "$@" >> "$SENT.calls"; n=$(wc -l < "$SENT.calls"); [ "$n" != "$FAIL_AT" ] || exit 1; echo "$n"'
    stand_ins = {"gh": f"#!/bin/sh\n{gh}\n"} | ({} if shutil.which("jq") else {"jq": JQ})
    for name, script in stand_ins.items():
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    paths = {"PATH": f"{tools}:{os.environ['PATH']}", "SENT": str(folder / "sent")}
    return subprocess.run(
        ["sh", "github-import.sh", "field/backend", file],
        cwd=folder, env={**os.environ, **paths, "PAUSE": "0", "FAIL_AT": str(fail_at)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_githubs_script_sends_each_line_and_prints_keys_that_can_be_learnt(tmp_path: Path, ledger: Ledger) -> None:
    what = CaseReport(nasty().about, nasty().cases[14:20])
    sent(what, "github", tmp_path, ledger)
    told = sending("github-create.ndjson", tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    (tmp_path / "k.csv").write_text(told.stdout)
    made = [json.loads(line) for line in re.split(r"(?m)(?<=^})\n", (tmp_path / "sent").read_text()) if line]
    assert [set(row) - {"assignees"} for row in made] == [{"title", "body", "labels"}] * len(every(tmp_path, "github"))
    assert [row["body"] for row in made] == [row["body"] for row in every(tmp_path, "github", "create")]
    assert len(learn(tmp_path / "k.csv", ledger, "github").keys) == len(made) == 6
    sent(with_(what, 0, finding={"evidence_hash": "x"}), "github", tmp_path, ledger)
    assert sending("github-update.ndjson", tmp_path).returncode == 0
    assert re.search(r"--method PATCH repos/field/backend/issues/\d+ ", (tmp_path / "sent.calls").read_text())


def test_githubs_script_says_where_to_go_on_when_it_is_stopped(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "github", tmp_path, ledger)
    first = sending("github-create.ndjson", tmp_path, fail_at=5)
    assert first.returncode == 1 and len(first.stdout.splitlines()) == 1 + 4
    command = re.search(r"tail -n \+5 github-create.ndjson > rest.ndjson$", first.stderr.strip())
    assert command
    subprocess.run(["sh", "-c", command[0]], cwd=tmp_path, check=True)
    rest = sending("rest.ndjson", tmp_path)
    ids = [line.split(",")[1].strip('"') for told in (first, rest) for line in told.stdout.splitlines()[1:]]
    assert ids == [row["id"] for row in every(tmp_path, "github", "create")]


# Names that are hostile


class Elements(HTMLParser):
    """What a browser would make of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", []))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def without_code(markdown: str) -> str:
    """Markdown without its code spans and indented blocks, as CommonMark finds them: what is read as markup."""
    kept = []
    for line in markdown.split("\n"):
        if line.startswith("    "):
            continue
        rest, out = re.sub(r"\\[!-/:-@\[-`{-~]", "", line), ""
        while found := re.search(r"(?<!`)(`+)(?!`)", rest):
            end = re.search(rf"(?<!`){found[1]}(?!`)", rest[found.end() :])
            if not end:
                break
            out, rest = out + rest[: found.start()] + "code", rest[found.end() + end.end() :]
        kept.append(out + rest)
    return "\n".join(kept)


def nasty(*more: str) -> CaseReport:
    """Each hostile text in every field that a cloud or a person fills."""
    fields = [
        "account_id",
        "region",
        "resource_id",
        "resource_name",
        "subject",
        "hub",
        "actual",
        "status_reason",
        "permission",
    ]
    made = []
    for number, bad in enumerate((*INJECTIONS, *more)):
        row = dict(estate()[0]) | dict.fromkeys(fields, bad)
        row |= {
            "finding_id": f"v1:{'a' * 24}{chr(97 + number // 26)}{chr(97 + number % 26)}",
            "ticket_title": f"Not met: x ({bad})",
        }
        row |= {"remediation": bad, "risk": bad}
        made.append(case(row, owner=bad, waiver_expires_on=bad))
    return case_report(made)


@pytest.mark.parametrize("by", ["finding", "hub", "owner"])
@pytest.mark.parametrize("target", TARGETS)
def test_hostile_names_pass_every_rule_and_every_line_prints(
    target: str, by: str, tmp_path: Path, ledger: Ledger
) -> None:
    if target not in TRACKERS and by != "finding":
        return
    sent(nasty(), target, tmp_path, ledger, by=by)
    assert verify(tmp_path, TARGETS[target]) == []
    assert len(every(tmp_path, target)) >= len(INJECTIONS) - 3
    for row in every(tmp_path, target):
        for cell in row.values():
            assert not isinstance(cell, str) or all(line.isprintable() for line in cell.split("\n"))


@pytest.mark.parametrize("target", ["gitlab", "github", "linear", "defectdojo"])
def test_markdown_of_hostile_names_holds_no_mention_html_image_or_quick_action(
    target: str, tmp_path: Path, ledger: Ledger
) -> None:
    sent(nasty(), target, tmp_path, ledger)
    for row in every(tmp_path, target):
        title = str(row.get("title", row.get("Title")))
        assert not re.search(r"(?<!\w)@\w|#\d|!\d", title) and "\n" not in title
        whole = description_of(row) + str(row.get("mitigation", "")) + str(row.get("impact", ""))
        actions = [line for line in whole.split("\n") if line.startswith("/")]
        assert all(re.fullmatch(r"/label ~iotposture ~[a-z]+", line) for line in actions)
        assert len(actions) == (target == "gitlab")
        read = without_code(re.sub(r"\n\n<!-- iotposture v1:[a-z2-7]{26} -->$", "", whole))
        assert not re.search(r"[<>]|(?<!\w)@\w|!\[|\]\(|\]\[", read)


def test_gitlab_reads_its_labels_because_no_line_ends_with_a_backquote(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "gitlab", tmp_path, ledger)
    for row in every(tmp_path, "gitlab"):
        assert row["description"].startswith("/label ~iotposture ~")
        assert not re.search(r"`$", row["description"], re.MULTILINE)


def test_html_of_hostile_names_holds_only_our_elements(tmp_path: Path, ledger: Ledger) -> None:
    sent(nasty(), "azure-boards", tmp_path, ledger)
    for row, bad in zip(every(tmp_path, "azure-boards"), nasty().cases, strict=True):
        seen = Elements(row["Repro Steps"])
        assert {tag for tag, _ in seen.found} <= {"p", "h3", "ul", "li", "code", "pre", "br"}
        assert not any(attrs for _, attrs in seen.found)
        assert visible(bad.finding.resource_id) in "".join(seen.words)
        assert ";" not in "".join(row["Tags"].split("; ")[:3])


def test_jiras_markup_of_hostile_names_stays_inside_noformat(tmp_path: Path, ledger: Ledger) -> None:
    sent(nasty(), "jira", tmp_path, ledger)
    for row in every(tmp_path, "jira"):
        parts = re.split(r"\{noformat\}", row["Description"], flags=re.IGNORECASE)
        assert len(parts) == 3
        outside = re.sub(r"\\[^\w\s]", "", parts[0] + parts[2])
        assert not re.search(r"[{}\[\]!|]|(?<!\w)@\w", outside)


@given(strange)
def test_text_for_each_markup_cannot_leave_its_place(bad: str) -> None:
    assert not re.search(r"(?<!\w)@\w|#\d|!\d|[\n\r]", escape.heading(bad))
    block = escape.wiki_block(bad)
    assert len(re.findall(r"\{noformat", block, re.IGNORECASE)) == 2
    outside = re.sub(r"\\[^a-z\s]", "", escape.wiki(bad))
    assert not re.search(r"[{}\[\]!|*_^~]", outside)
    assert html.unescape(escape.html(bad)) == visible(bad) and not Elements(escape.html(bad)).found
    assert '"' not in escape.servicenow(bad) and "[code]" not in escape.servicenow(bad).lower()
    assert all(line.startswith("    ") and line.isprintable() for line in escape.markdown_block(bad).split("\n"))
    prose = re.sub(r"\\[!-/:-@\[-`{-~]", ".", escape.markdown_prose(bad))
    assert not re.search(r"[`*_\[\]<>|]|^[/#>+=-]|(?<!\w)@\w", prose)


@given(strange, st.integers(1, 40))
def test_clipping_counts_as_trackers_count(bad: str, limit: int) -> None:
    short = escape.clip(visible(bad), limit)
    assert len(short.encode("utf-16-le")) <= 2 * limit
    assert short == visible(bad) or (short.endswith("…") and visible(bad).startswith(short[:-1]))


def test_a_spreadsheets_guard_can_be_undone_and_no_cell_runs(tmp_path: Path, ledger: Ledger) -> None:
    sent(nasty(), "spreadsheet", tmp_path, ledger)
    sent(nasty(), "csv", tmp_path, ledger)
    assert (tmp_path / "spreadsheet-findings.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    guarded, raw = cells(tmp_path / "spreadsheet-findings.csv"), cells(tmp_path / "csv-findings.csv")
    assert [[unguard(cell) for cell in row] for row in guarded] == raw
    assert not [cell for row in guarded[1:] for cell in row if re.match(r"[=+@\t\r\n＝＋－＠]|-\D", cell)]


@pytest.mark.parametrize("owner", ["ana@fleet.example", "a.b-c+d@x.y.example"])
def test_an_address_is_an_assignee(owner: str) -> None:
    assert email(owner) == owner


@pytest.mark.parametrize("owner", ["", "team", "@me", "a@b", "a b@c.d", "a@b.c>", "ŝ@b.c", "a@@b.c", "x\n@b.c"])
def test_any_other_owner_is_no_address(owner: str) -> None:
    assert email(owner) == ""


# Reading back


def broken(folder: Path, target: str, ledger: Ledger, file: str, change: Callable[[str], str]) -> list[str]:
    """What is said of an export in which one file was changed, digest included."""
    sent(small(), target, folder, ledger)
    place, manifest = folder / file, folder / f"{target}.manifest.json"
    before = place.read_bytes().decode("utf-8")
    after = change(before)
    assert after != before
    place.write_bytes(after.encode())
    held = manifest.read_text().replace(
        hashlib.sha256(before.encode()).hexdigest(), hashlib.sha256(after.encode()).hexdigest()
    )
    manifest.write_text(held)
    return verify(folder, TARGETS[target])


@pytest.mark.parametrize(
    ("target", "file", "old", "new", "line"),
    [
        ("jira", "jira-create.csv", '"2026-12-20"', '"1797724800"', "row 1: Due Date is '1797724800', which does not fit"),
        ("jira", "jira-create.csv", '"2026-12-20"', '"1797724800000"', "row 1: Due Date is '1797724800000', which"),
        ("jira", "jira-create.csv", '"2026-12-20"', '"12/20/2026"', "row 1: Due Date is '12/20/2026', which"),
        ("jira", "jira-create.csv", '"2026-12-20"', '"2026-02-30"', "row 1: Due Date is '2026-02-30', and there is no such day"),
        ("servicenow", "servicenow-upsert.csv", '"2026-11-22 06:04:31"', '"2026-11-31 06:04:31"', "and there is no such day"),
        ("jira", "jira-create.csv", "Not met: The", "Not met\\: The", "Summary has a backslash that Jira takes for an escape"),
        ("linear", "linear-create.csv", "- Finding", "![x](http://127.0.0.1/) - Finding", "Description has an image"),
        ("azure-boards", "azure-boards-create.csv", '"Repro Steps"', '"Repro"', "headers are not those of Azure Boards: Repro"),
        ("jira", "jira-create.csv", '"Not met: The', f'"{"x" * 256}', "characters, 255 is the most"),
        ("jira", "jira-create.csv", '"Not met: The', '"Not\nmet: The', "row 1: Summary is 'Not\\nmet"),
        ("jira", "jira-create.csv", '"Summary",', "", "headers are not those of Jira: Summary"),
        ("jira", "jira-create.csv", '"External Id"', '"External-Id"', "headers are not those of Jira"),
        ("jira", "jira-create.csv", '"iotposture","high"', '"iotposture","very high"', "Labels is 'very high'"),
        ("jira", "jira-create.csv", '"iotposture",', "", "row 1: 15 cells under 16 headers"),
        ("jira", "jira-create.csv", '"Task"', '"Ta"sk"', "not CSV"),
        ("jira", "jira-create.csv", "\r\n", "\n", "does not end with CRLF"),
        ("jira", "jira-create.csv", '"Summary"', '\ufeff"Summary"', "has a byte order mark"),
        ("jira", "jira-create.csv", '"v1:lk6oacioizt47k6kqydffzxnv4"', '"v1:z2lzyis3blgppeu4v4d2rcucgh"', "stands there twice"),
        ("jira", "jira-create-import-config.json", "{", "", "not JSON"),
        ("servicenow", "servicenow-upsert.csv", "Not met: The", 'Not ""met"": The', "u_short_description has a double quote"),
        ("servicenow", "servicenow-upsert.csv", '"2026-11-22 06:04:31"', '"1795327471"', "u_opened_at is '1795327471'"),
        ("servicenow", "servicenow-upsert.csv", '"field-team"', '"NULL"', "u_assignment_group is NULL"),
        ("servicenow", "servicenow-upsert.csv", "Not met: The", "x" * 161, "characters, 160 is the most"),
        ("servicenow", "servicenow-upsert.csv", '"u_result"', '"result"', "headers are not those of ServiceNow: result, u_result"),
        ("azure-boards", "azure-boards-create.csv", "<ul>", "<ul><script>", "Repro Steps has foreign HTML: script"),
        ("azure-boards", "azure-boards-create.csv", "<ul>", "<ul onclick=''>", "Repro Steps has foreign HTML: ul"),
        ("azure-boards", "azure-boards-create.csv", '"Bug"', '""', "Work Item Type is empty"),
        ("gitlab", "gitlab-create.csv", "- Finding", "/close\n- Finding", "description has the quick action /close"),
        ("gitlab", "gitlab-create.csv", '"2026-12-20"', '"2026-13-20"', "due_date is '2026-13-20'"),
        ("linear", "linear-create.csv", '"High"', '"Highest"', "Priority is 'Highest'"),
        ("github", "github-create.ndjson", "<!-- iotposture", "<!-- posture", "body does not end with a comment that holds the row's id"),
        ("github", "github-create.ndjson", '"labels"', '"tags"', "row 1: keys that the target refuses: tags"),
        ("github", "github-create.ndjson", "}\n", "\n", "row 1: not a JSON object"),
        ("defectdojo", "defectdojo-findings.json", '"service"', '"services"', "keys that the target refuses: services"),
        ("defectdojo", "defectdojo-findings.json", '"High"', '"HIGH"', "severity is 'HIGH'"),
        ("defectdojo", "defectdojo-findings.json", '"2026-11-20"', '"1795132800000"', "date is '1795132800000'"),
        ("defectdojo", "defectdojo-findings.json", '"findings"', '"results"', "not JSON with findings"),
        ("spreadsheet", "spreadsheet-findings.csv", '"hub"', '"=hub"', "headers are not those of Spreadsheet"),
        ("spreadsheet", "spreadsheet-findings.csv", '"x7Qd2"', '"=1+1"', "resource_name starts like a formula"),
        ("spreadsheet", "spreadsheet-findings.csv", "\ufeff", "", "a byte order mark is missing"),
        ("csv", "csv-findings.csv", '"new"', '""', "lifecycle is empty"),
    ],
)  # fmt: skip
def test_reading_back_finds(
    target: str, file: str, old: str, new: str, line: str, tmp_path: Path, ledger: Ledger
) -> None:
    told = broken(tmp_path, target, ledger, file, lambda text_: text_.replace(old, new))
    assert any(line in problem and problem.startswith(file) for problem in told), told


def test_reading_back_finds_rows_too_many_lost_or_moved(tmp_path: Path, ledger: Ledger) -> None:
    sent(many(251), "jira", tmp_path, ledger)
    one, two = tmp_path / "jira-create-1-of-2.csv", tmp_path / "jira-create-2-of-2.csv"
    header, *_ = two.read_bytes().split(b"\r\n", 1)
    one.write_bytes(one.read_bytes() + two.read_bytes()[len(header) + 2 :])
    told = verify(tmp_path, TARGETS["jira"])
    assert f"{one.name}: 251 rows; Jira takes 250" in told and f"{one.name}: 251 rows; the manifest says 250" in told
    assert f"{one.name}: not the bytes that the manifest names" in told
    two.unlink()
    assert f"{two.name}: No such file or directory" in verify(tmp_path, TARGETS["jira"])


@pytest.mark.parametrize("target", [name for name, profile in TARGETS.items() if profile.ending == "csv"])
def test_reading_back_finds_a_row_that_was_lost_or_doubled_however_well_the_manifest_was_mended(
    target: str, tmp_path: Path, ledger: Ledger
) -> None:
    for many_times in (0, 2):
        ledger.forget(target)
        sent(estate_cases(), target, tmp_path, ledger)
        manifest = json.loads((tmp_path / f"{target}.manifest.json").read_text())
        first = manifest["files"][0]
        header, *rows_ = cells(tmp_path / first["name"])
        text_ = io.StringIO(newline="")
        csv.writer(text_, quoting=csv.QUOTE_ALL).writerows([header, *rows_[:-1], *(rows_[-1:] * many_times)])
        data = (("\ufeff" if TARGETS[target].bom else "") + text_.getvalue()).encode()
        (tmp_path / first["name"]).write_bytes(data)
        first |= {"rows": len(rows_) - 1 + many_times, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (tmp_path / f"{target}.manifest.json").write_text(json.dumps(manifest))
        assert any("were exported" in line for line in verify(tmp_path, TARGETS[target]))


def test_reading_back_finds_parts_of_another_export(tmp_path: Path, ledger: Ledger) -> None:
    sent(small(), "jira", tmp_path, ledger)
    (tmp_path / "jira-create-2-of-2.csv").write_text("")
    (tmp_path / "jira-keys.csv").write_text("")
    assert verify(tmp_path, TARGETS["jira"]) == [
        "jira-create-2-of-2.csv: is not in the manifest, so it is of another export"
    ]


def test_reading_back_finds_a_closure_of_a_partial_scan(tmp_path: Path, ledger: Ledger) -> None:
    sent(opened(small()), "servicenow", tmp_path, ledger)
    sent(small(), "servicenow", tmp_path, ledger)
    manifest = tmp_path / "servicenow.manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    assert verify(tmp_path, TARGETS["servicenow"]) == [
        "servicenow-close.csv: row 1: exported as resolved although the scan is not complete"
    ]


def test_reading_back_needs_a_manifest(tmp_path: Path) -> None:
    assert verify(tmp_path, TARGETS["csv"])[0].startswith("csv.manifest.json: no manifest: FileNotFoundError")


def test_a_check_that_fails_leaves_the_ledger_as_it_was(tmp_path: Path, ledger: Ledger) -> None:
    def refuse(folder: Path) -> None:
        raise ValueError(folder.name)

    with pytest.raises(ValueError):
        export(small(), TARGETS["jira"], tmp_path, ledger, NOW, TicketOptions(), TrackerSettings(), refuse)
    assert ledger.entries("jira") == {} and (tmp_path / "jira-create.csv").exists()


@pytest.mark.parametrize(
    ("target", "command", "there"),
    [
        ("servicenow", "az x --set y=false", True),
        ("servicenow", """az x --logs '[{"category": "Connections"}]'""", False),
        ("jira", """az x --logs '[{"category": "Connections"}]'""", True),
        ("jira", "az x " + "y" * 40_000, False),
    ],
)
def test_a_command_stands_in_a_ticket_as_it_is_or_not_at_all(
    target: str, command: str, there: bool, tmp_path: Path, ledger: Ledger
) -> None:
    sent(case_report([case({**estate()[0], "remediation_cli": command})]), target, tmp_path, ledger)
    (row,) = every(tmp_path, target)
    said = description_of(row)
    assert (command in said, "in the export to csv" in said) == (there, not there)
    assert "az x" not in said or there


def test_all_says_why_what_was_exported_and_never_imported_is_not_there(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "jira", tmp_path, ledger)
    assert sent(estate_cases(), "jira", tmp_path, ledger).notes == ()
    (note,) = sent(estate_cases(), "jira", tmp_path, ledger, "all").notes
    assert "without a key" in note and "tickets forget jira" in note


@pytest.mark.parametrize(("name", "target"), [("Issue key", "jira"), ("number", "servicenow")])
def test_of_two_trackers_with_the_same_findings_the_column_of_the_key_says_which(
    name: str, target: str, tmp_path: Path, ledger: Ledger
) -> None:
    for one in ("jira", "servicenow"):
        sent(estate_cases(), one, tmp_path, ledger)
    known = next(iter(ledger.entries("jira")))
    file = tmp_path / "keys.csv"
    file.write_text(f"{name},External Id\nSEC-1,{known}\n")
    assert learn(file, ledger).target == target
