"""Whole scans of the lab, through the doors a user has."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from estate import CLOCK, order, scan, settings
from golden_files import agree, csv_lines
from judged import WHY, judged_by, kinds_in
from made_up_cases import every_life
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from checks.check import CHECKS
from collectors.registry import COLLECTORS
from collectors.run import Run
from collectors.schema import coverage_frame
from flows.demo import toml
from flows.scan import would_ask
from lab.cloud import Lab
from lab.server import CANARY, Fault
from reports.coverage import coverage_pct
from reports.formats.format import FormatOptions
from reports.formats.targets import FORMATS
from reports.formats.targets import write as export
from reports.formats.verify import verify
from reports.history import History
from reports.report import Report
from reports.report_files import write

COMMAND = str(Path(sys.executable).with_name("iotposture"))


def same(one: Report, other: Report) -> None:
    """Two scans found the same."""
    pd.testing.assert_frame_equal(one.findings, other.findings)
    pd.testing.assert_frame_equal(one.coverage, other.coverage)
    pd.testing.assert_frame_equal(one.counts, other.counts)


@pytest.fixture(scope="module")
def scanned(whole_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """One scan of the whole lab as the demo scans it, and the folder of its reports."""
    for cloud in whole_lab.clouds:
        cloud.switchboard.clear()
    folder = tmp_path_factory.mktemp("scanned")
    kept = dict(os.environ)
    os.environ.update(whole_lab.env())
    try:
        report = scan(whole_lab, folder)
    finally:
        os.environ.clear()
        os.environ.update(kept)
    write(report, folder)
    return report, folder


def command(
    *words: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the installed command as a user would."""
    return subprocess.run(
        [COMMAND, *words], capture_output=True, text=True, timeout=240, env={**os.environ, **(env or {})}, cwd=cwd,
        check=False,
    )  # fmt: skip


@pytest.fixture
def file(lab: Lab, tmp_path: Path) -> Path:
    """A settings file that points at the lab."""
    path = tmp_path / "iotposture.toml"
    sections = {name: {"calls_per_second": 1000, **s} for name, s in lab.settings().items()}
    path.write_text(f"weak_keys = {json.dumps(str(lab.weak_keys))}\n\n{toml(sections)}")
    return path


def test_every_check_has_something_that_passes_and_something_that_fails(scanned: tuple[Report, Path]) -> None:
    totals = scanned[0].counts.groupby("check_id")[["passed", "failed"]].sum()
    one_sided = {
        check.id: totals.loc[check.id].to_dict() if check.id in totals.index else "never judged"
        for check in CHECKS
        if check.id not in totals.index or not totals.loc[check.id].gt(0).all()
    }
    assert one_sided == {}


def test_what_judges_each_kind_of_row_in_the_lab_is_as_golden(scanned: tuple[Report, Path]) -> None:
    run = Run(str(scanned[1] / "run"))
    agree("judged_by.csv", judged_by(kinds_in(map(run.read, run.scopes()))), WHY)


def test_what_each_check_finds_in_the_lab_is_as_golden(scanned: tuple[Report, Path]) -> None:
    totals = scanned[0].counts.groupby(["check_id", "provider"], as_index=False)[["passed", "failed", "unknown"]].sum()
    agree(
        "lab_counts.csv",
        ["check,cloud,passed,failed,unknown", *csv_lines(totals.itertuples(index=False))],
        "what a scan of the whole lab counts; a line that changes means that checks, collectors or the lab changed",
    )


def test_nothing_is_denied_or_failed_in_a_healthy_lab(scanned: tuple[Report, Path]) -> None:
    coverage = scanned[0].coverage
    odd = coverage[~coverage["outcome"].isin(["read", "unavailable"])]
    assert odd.to_dict("records") == []


def test_one_thread_and_eight_find_the_same(lab: Lab, scanned: tuple[Report, Path], tmp_path: Path) -> None:
    same(scan(lab, tmp_path, threads=1), scanned[0])


def test_the_prefect_flow_finds_the_same(lab: Lab, scanned: tuple[Report, Path], tmp_path: Path, file: Path) -> None:
    out = tmp_path / "flow"
    code = (
        "import sys; from flows.commands import quiet_prefect; quiet_prefect()\n"
        "from flows.posture import posture_scan\n"
        "print(posture_scan(settings_file=sys.argv[1], out=sys.argv[2], scan_id='scan-of-the-lab', clock=sys.argv[3])['files'])"
    )
    env = {"PREFECT_HOME": str(tmp_path / "prefect"), "IOTPOSTURE_PROFILES": json.dumps(settings(lab).profiles)}
    told = subprocess.run(
        [sys.executable, "-c", code, str(file), str(out), CLOCK.isoformat()],
        capture_output=True, text=True, timeout=240, env={**os.environ, **env}, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "ERROR" not in told.stderr
    found = json.loads((out / "findings.json").read_text())
    expected = json.loads((scanned[1] / "findings.json").read_text())
    for part in ("findings", "counts", "coverage"):
        assert found[part] == expected[part]


def test_no_secret_reaches_a_file_or_a_log(
    lab: Lab, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    report = scan(lab, tmp_path)
    write(report, tmp_path)
    run = Run(str(tmp_path / "run"))
    frames = [report.findings, report.coverage]
    for scope in run.scopes():
        tables = run.read(scope)
        frames += [*tables.frames.values(), tables.unread, tables.gaps]
    for frame in frames:
        assert CANARY not in frame.to_csv()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
    assert CANARY not in caplog.text
    shown = capfd.readouterr()
    assert CANARY not in shown.out + shown.err


def test_a_scan_killed_in_the_middle_is_resumed_and_finds_the_same(lab: Lab, tmp_path: Path, file: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    env = {**os.environ, "IOTPOSTURE_THREADS": "1"}
    lab.azure.switchboard.faults["storage.storage_accounts.list"] = Fault("slow", seconds=60)
    victim = subprocess.Popen([COMMAND, "scan", "--settings", str(file), "--out", str(cut), "--quiet"], env=env)
    deadline = time.monotonic() + 120
    while not list((cut / "run").glob("aws/*/*/coverage.parquet")) and time.monotonic() < deadline:
        time.sleep(0.1)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    kept = sorted(str(p.relative_to(cut)) for p in (cut / "run").rglob("coverage.parquet"))
    assert kept and not (cut / "findings.csv").exists()

    lab.azure.switchboard.clear()
    lab.aws.switchboard.clear()
    resumed = command("scan", "--settings", str(file), "--resume", str(cut), "--quiet")
    assert resumed.returncode == 0, resumed.stderr
    about = json.loads((cut / "run" / "run.json").read_text())
    fresh = command("scan", "--settings", str(file), "--out", str(whole), "--quiet")
    assert fresh.returncode == 0, fresh.stderr
    one, other = (json.loads((folder / "findings.json").read_text()) for folder in (cut, whole))
    assert one["about"]["scan_id"] == about["scan_id"]
    for part in ("findings", "counts", "coverage"):
        assert one[part] == other[part]


def test_an_interrupted_scan_ends_at_once_and_says_how_to_go_on(lab: Lab, tmp_path: Path, file: Path) -> None:
    lab.azure.switchboard.faults["storage.storage_accounts.list"] = Fault("slow", seconds=20)
    out = tmp_path / "out"
    scan_ = subprocess.Popen(
        [COMMAND, "scan", "--settings", str(file), "--out", str(out)], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list((out / "run").glob("gcp/*/*/coverage.parquet")) and time.monotonic() < deadline:
        time.sleep(0.1)
    asked = time.monotonic()
    scan_.send_signal(signal.SIGINT)
    _, said = scan_.communicate(timeout=60)
    assert scan_.returncode == 130
    assert "--resume" in said and "Traceback" not in said
    assert time.monotonic() - asked < 15, "it waited for the slow cloud"


@pytest.mark.parametrize("kind", ["deny", "error", "malformed", "cut"])
def test_a_fault_in_one_place_leaves_the_others_untouched(
    lab: Lab, scanned: tuple[Report, Path], tmp_path: Path, kind: Any
) -> None:
    lab.aws.switchboard.faults["iot.list_policies"] = Fault(kind)
    report = scan(lab, tmp_path)
    broken = report.coverage[report.coverage["operation"] == "iot.list_policies"]
    assert set(broken["outcome"]) == {"denied" if kind == "deny" else "failed"}
    for frame, before in ((report.findings, scanned[0].findings), (report.counts, scanned[0].counts)):
        pd.testing.assert_frame_equal(
            frame[frame["provider"] != "aws"].reset_index(drop=True),
            before[before["provider"] != "aws"].reset_index(drop=True),
        )
    gap = report.findings[report.findings["subject"] == "every policy"]
    assert set(gap["status"]) == {"unknown"}
    if kind == "deny":
        assert set(gap["permission"]) == {"iot:ListPolicies"}


def test_a_throttled_cloud_is_asked_again_and_gives_the_same(
    lab: Lab, scanned: tuple[Report, Path], tmp_path: Path
) -> None:
    lab.aws.switchboard.faults["iot.list_policies"] = Fault("throttle", times=1)
    lab.azure.switchboard.faults["storage.storage_accounts.list"] = Fault("throttle", times=1)
    lab.gcp.switchboard.faults["pubsub.projects.topics.list"] = Fault("throttle", times=1)
    lab.clearblade.switchboard.faults["clearblade.devices.list"] = Fault("throttle", times=1)
    same(scan(lab, tmp_path), scanned[0])


def test_a_spent_call_budget_is_partial_and_never_a_verdict(lab: Lab, tmp_path: Path) -> None:
    sections = settings(lab).model_dump()["aws"]
    report = scan(lab, tmp_path, "aws", aws={**sections, "call_budget": 20})
    assert "partial" in set(report.coverage["outcome"])
    assert report.about["scan_complete"] == "false"
    assert set(report.findings.loc[report.findings["cause"] == "partial", "status"]) == {"unknown"}


def test_findings_are_rfc_4180_with_every_finding_once(scanned: tuple[Report, Path]) -> None:
    report, folder = scanned
    with (folder / "findings.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report.findings)
    assert len({row["finding_id"] for row in rows}) == len(rows), "an id names one finding"
    assert {(row["scan_id"], row["scan_started_at"]) for row in rows} == {
        ("scan-of-the-lab", f"{CLOCK:%Y-%m-%dT%H:%M:%SZ}")
    }


def test_what_a_scan_finds_is_taken_by_every_program_it_is_written_for(
    scanned: tuple[Report, Path], tmp_path: Path
) -> None:
    report, _ = scanned
    with History.open(str(tmp_path / "history.db")) as history:
        history.ingest(report)
        first, coverage = history.case_report(), history.coverage(report.about["scan_id"])
    assert len(first.cases) == len(report.findings)
    for number, case_report in enumerate((first, every_life(report))):
        for name, format_ in FORMATS.items():
            folder = tmp_path / f"{name}-{number}"
            export(format_, case_report, coverage, FormatOptions("210987654321", "eu-west-1", resolved=True), folder)
            assert verify(folder, format_) == []
        for event in json.loads((tmp_path / f"ocsf-{number}" / "findings.ocsf.json").read_text()):
            ComplianceFinding.model_validate(event)


def test_a_scan_writes_four_files_and_prints_their_paths(lab: Lab, tmp_path: Path, file: Path) -> None:
    told = command("scan", "--settings", str(file), "--only", "clearblade", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    paths = told.stdout.split()[-4:]
    assert [Path(p).name for p in paths] == ["findings.csv", "findings.json", "coverage.csv", "report.html"]
    assert all((tmp_path / p).is_file() and p.startswith("iotposture-out") for p in paths)
    assert "clearblade" in told.stderr and "Traceback" not in told.stderr


def test_a_saved_run_is_judged_and_reported_again_without_a_cloud(scanned: tuple[Report, Path], tmp_path: Path) -> None:
    for verb in ("check", "report"):
        told = command(verb, str(scanned[1]), "--out", str(tmp_path / verb), "--format", "json")
        assert told.returncode == 0, told.stderr
    again = json.loads((tmp_path / "report" / "findings.json").read_text())
    narrowed = command(
        "check", str(scanned[1]), "--select", "store-is-not-public", "--out", str(tmp_path / "one"), "--format", "json"
    )
    assert {f["check_id"] for f in json.loads(narrowed.stdout)["findings"]} == {"store-is-not-public"}
    assert again["findings"]


def test_the_order_of_a_scan_survives_the_way_to_a_worker(lab: Lab, tmp_path: Path) -> None:
    sent = order(lab, tmp_path, "aws")
    arrived = type(sent).from_json(sent.to_json())
    assert arrived.section("aws") == sent.section("aws")
    assert (arrived.scan_id, arrived.clock, arrived.only, arrived.run.url) == (
        sent.scan_id, sent.clock, sent.only, sent.run.url,
    )  # fmt: skip


def test_a_cloud_that_was_wanted_and_not_reached_weighs_as_much_as_a_scope_of_it() -> None:
    read = [
        {"provider": "gcp", "account": "p", "region": "global", "operation": f"{n}", "outcome": "read"}
        for n in range(30)
    ]
    lost = {"provider": "aws", "operation": "find", "outcome": "failed"}
    asked = {o.name for collector in COLLECTORS if collector.provider == "aws" for o in collector.operations}
    assert coverage_pct(coverage_frame(read), {}) == 100
    assert would_ask("aws") == len(asked)
    assert coverage_pct(coverage_frame([*read, lost]), {"aws": len(asked)}) == 100 * 30 / (30 + len(asked)) < 50
    assert coverage_pct(coverage_frame([lost]), {"aws": len(asked)}) == 0
