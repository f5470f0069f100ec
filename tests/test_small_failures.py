"""Failures stay small: whatever is raised costs the cell, the row, the table, the check or the scope where it happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from estate import scan

from checks.check import CHECKS, Check
from checks.judge import judge
from checks.unread import parse
from collectors.run import collect
from collectors.schema import Tables
from collectors.scope import Scope
from collectors.tables.hub import Hub
from flows.demo import toml
from lab.cloud import Lab
from reports.history import History
from reports.report import Report

DEEP = "[" * 3000 + "]" * 3000
"""A document that is nested more deeply than Python parses."""
PLACE = {"provider": "azure", "account": "sub", "region": "westeurope", "subject": "", "kind": "iot hub"}
SCOPE = Scope("azure", "sub", "global")


@pytest.fixture
def healthy(lab: Lab, tmp_path: Path) -> Callable[..., Report]:
    """A scan of some clouds while nothing is wrong with them."""
    return lambda *clouds: scan(lab, tmp_path / "healthy", *clouds)


def told(report: Report) -> set[tuple[str, str, str, str]]:
    """What a scan says of each resource: check, resource, subject and status."""
    columns = ["check_id", "resource_id", "subject", "status"]
    return {(str(a), str(b), str(c), str(d)) for a, b, c, d in report.findings[columns].itertuples(index=False)}


def not_read(report: Report) -> set[tuple[str, str]]:
    """Operations that were not read to their end, and what came of them."""
    odd = report.coverage[~report.coverage["outcome"].isin(["read", "unavailable"])]
    return {(str(name), str(outcome)) for name, outcome in odd[["operation", "outcome"]].itertuples(index=False)}


def test_a_job_document_of_any_depth_costs_its_cell_and_not_the_scan(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(lab.aws.answers, "iot.get_job_document", lambda region, params: {"document": DEEP})
    sections = {name: {"calls_per_second": 1000, **section} for name, section in lab.settings().items()}
    (tmp_path / "iotposture.toml").write_text(toml(sections))
    command = str(Path(sys.executable).with_name("iotposture"))
    words = ("scan", "--only", "aws", "--only", "clearblade", "--out", "out", "--format", "json")
    done = subprocess.run(
        [command, *words], capture_output=True, text=True, timeout=240, cwd=tmp_path, check=False
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr[-2000:]
    findings = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"]
    assert {one["provider"] for one in findings} == {"aws", "clearblade"}
    unread = [one for one in findings if "RecursionError" in one["status_reason"]]
    assert {(one["status"], one["resource_type"]) for one in unread} == {("unknown", "job")}
    assert all(":job/" in one["resource_id"] for one in unread), "each names its job"
    with History.open(str(tmp_path / "out" / "history.db")) as history:
        assert len(history.scans()) == 1


def stumbling(check: Check) -> Check:
    """A check that raises something that no check is known to raise."""

    @wraps(check.function)
    def stumble(rows: pd.DataFrame, **_: Any) -> pd.Series[bool]:
        raise ZeroDivisionError("a secret")

    return replace(check, function=stumble)


def test_a_check_that_raises_is_one_unknown_and_the_others_go_on() -> None:
    hubs = Hub.frame({**PLACE, "resource": f"/hubs/{name}", "name": name, "min_tls": "1.0"} for name in "ab")
    tls = next(check for check in CHECKS if check.id == "hub-refuses-old-tls")
    whole, judged = (judge(SCOPE, Tables({Hub: hubs}), checks) for checks in ([tls], [stumbling(tls), tls]))
    (one,) = (row for _, row in judged.findings.iterrows() if row["status"] == "unknown")
    assert (one["check_id"], one["resource_id"], one["cause"]) == (tls.id, str(SCOPE), "not_parseable")
    assert [said.detail for said in parse(one["unread"])] == ["the check stopped with ZeroDivisionError"]
    assert "secret" not in str(one.to_dict())
    failing = judged.findings[judged.findings["status"] == "fail"].reset_index(drop=True)
    pd.testing.assert_frame_equal(failing, whole.findings)
    assert judged.counts["status"].tolist() == ["unknown", "fail"]


def test_a_scope_that_raises_is_unknown_as_a_whole_and_the_others_go_on(
    lab: Lab, healthy: Callable[..., Report], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = healthy("azure", "clearblade")

    def odd(scope: Scope, *rest: Any) -> Tables:
        if scope.provider == "azure":
            raise RecursionError("a secret")
        return collect(scope, *rest)

    monkeypatch.setattr("flows.scan.collect", odd)
    report = scan(lab, tmp_path / "odd", "azure", "clearblade")
    ours, theirs = (report.findings["provider"] == name for name in ("azure", "clearblade"))
    assert set(report.findings.loc[ours, "status"]) == {"unknown"}
    assert all(report.findings.loc[ours, "status_reason"].str.contains("RecursionError"))
    assert not report.findings.to_csv().count("a secret")
    counts = before.counts.merge(
        report.counts[report.counts["provider"] == "azure"], on=["check_id", "provider", "account_id", "region"]
    )
    assert set(counts.loc[counts["status_x"] != "not_applicable", "status_y"]) == {"unknown"}
    assert len(report.counts) == len(before.counts)
    pd.testing.assert_frame_equal(
        report.findings[theirs].reset_index(drop=True),
        before.findings[before.findings["provider"] == "clearblade"].reset_index(drop=True),
    )
    lost = report.coverage[report.coverage["provider"] == "azure"]
    assert set(lost["outcome"]) == {"failed"}
    assert report.about["scan_complete"] == "false"
    with History.open(str(tmp_path / "history.db")) as history:
        for one in (before, report):
            history.ingest(replace(one, about={**one.about, "scan_id": str(id(one))}))
        assert history.check() == []
