"""Failures stay small: whatever is raised costs the cell, the row, the table, the check or the scope where it happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from estate import look, scan

from checks.check import CHECKS, Check
from checks.judge import judge
from checks.unread import parse
from collectors.run import collect
from collectors.schema import Tables, gaps_frame
from collectors.scope import Scope
from collectors.tables.data import Route
from collectors.tables.device import Device
from collectors.tables.hub import Hub
from flows.demo import toml
from flows.scan import Order, Sessions, scope_tables
from flows.settings import Settings
from lab.azure_example import PRODUCTION, Estate
from lab.cloud import Lab
from lab.server import Fault
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


def test_a_row_that_was_not_read_is_one_unknown_of_each_check_that_may_judge_it() -> None:
    row = {"resource": "/hubs/b", "name": "b", "region": "westeurope", "account": "sub", "provider": "azure"}
    gap = {
        "table": "hub",
        "cause": "not_parseable",
        "kind": "iot hub",
        "operation": "hubs.list",
        "detail": "gave no sku",
    }
    hubs = Hub.frame({**PLACE, "resource": f"/hubs/{name}", "name": name, "min_tls": "1.0"} for name in "ab")
    tls, other = (next(c for c in CHECKS if c.id == name) for name in ("hub-refuses-old-tls", "connections-are-logged"))
    alone, beside, failing = (
        judge(SCOPE, Tables({Hub: frame}, gaps=gaps_frame(gaps)), [tls, other]).findings
        for frame, gaps in ((hubs[:1], [gap | row]), (hubs, [gap | row]), (hubs, []))
    )
    (one,) = alone[alone["status"] == "unknown"].to_dict("records")
    theirs = failing[failing["resource_id"] == "/hubs/b"].iloc[0]
    for column in ("finding_id", "check_id", "resource_id", "resource_name", "subject", "region"):
        assert one[column] == theirs[column], "it is the finding of that resource, so nothing is resolved by it"
    assert [(said.column, said.cause, said.detail) for said in parse(one["unread"])] == [
        ("resource", "not_parseable", "gave no sku")
    ]
    assert one["status_reason"].startswith("resource: not understood")
    pd.testing.assert_frame_equal(beside, failing)


class Refusing(Sessions):
    """Sessions of which none can be had."""

    def of(self, scope: Scope) -> NoReturn:
        raise RecursionError("a secret")


def test_a_scope_without_a_session_is_kept_as_failed_by_collect_too(tmp_path: Path) -> None:
    order = Order(Settings(), "20261128T120000Z-1", datetime(2026, 11, 28, 12, tzinfo=UTC), out=str(tmp_path))
    scope = Scope("azure", "00000000-0000-0000-0000-000000000000", "global")
    tables = scope_tables(order, Refusing(order), scope)
    assert set(tables.coverage["outcome"]) == {"failed"} and set(tables.coverage["code"]) == {"RecursionError"}
    pd.testing.assert_frame_equal(order.run.read(scope).coverage, tables.coverage)
    assert "a secret" not in tables.coverage.to_csv() + tables.gaps.to_csv()


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


@pytest.fixture
def estate(lab: Lab) -> Iterator[Estate]:
    """The lab's Azure estate, which a test may spoil."""
    kept = lab.azure.estate
    lab.azure.estate = deepcopy(kept)
    yield lab.azure.estate
    lab.azure.estate = kept


def turned(before: Report, after: Report) -> set[tuple[str, str, str, str]]:
    """What a scan says of resources that it did not say before."""
    return told(after) - told(before)


def without_a_host_name(estate: Estate) -> str:
    """The first hub is being activated (azure-powershell issue 16842)."""
    hubs = estate.hubs[PRODUCTION]
    hubs.sort(key=lambda hub: hub["name"] != "hub-pumps")
    hub = hubs[0]
    del hub["properties"]["hostName"]
    hub["properties"]["state"] = "Activating"
    return str(hub["id"])


def with_a_time_that_is_none(estate: Estate) -> str:
    """A device's last activity is no date (azure-iot-sdk-python issue 423)."""
    host, twins = next((host, twins) for host, twins in estate.twins.items() if len(twins) > 3)
    odd = next(twin for twin in twins if twin.get("connectionState") != "Connected")
    odd["lastActivityTime"] = "an hour ago"
    hub = next(h for hubs in estate.hubs.values() for h in hubs if h["properties"]["hostName"] == host)
    return f"{hub['id']}/devices/{odd['deviceId']}"


def with_tags_that_are_a_list(estate: Estate) -> str:
    """A hub's tags are no object."""
    hub = estate.hubs[PRODUCTION][0]
    hub["tags"] = ["odd"]
    return str(hub["id"])


def of_which_nothing_is_said(estate: Estate) -> str:
    """A storage account has no properties."""
    account = estate.accounts[PRODUCTION][0]
    account["properties"] = None
    return str(account["id"])


@pytest.mark.parametrize(
    "spoil",
    [without_a_host_name, with_a_time_that_is_none, with_tags_that_are_a_list, of_which_nothing_is_said],
)
def test_one_odd_resource_of_azure_costs_what_is_said_of_it(
    lab: Lab, estate: Estate, healthy: Callable[..., Report], tmp_path: Path, spoil: Callable[[Estate], str]
) -> None:
    before = healthy("azure")
    odd = spoil(estate)
    after = scan(lab, tmp_path / "odd", "azure")
    changed = turned(before, after)
    assert changed, "the spoilt value is one that a check reads"
    assert {(status, resource) for _, resource, _, status in changed if not resource.startswith(odd)} <= {
        ("unknown", str(Scope("azure", PRODUCTION, "global")))
    }
    assert {status for _, _, _, status in changed} == {"unknown"}
    lost = {one[1] for one in told(before) - told(after)}
    assert all(resource.startswith(odd) for resource in lost), "what is said of others stays"
    assert not_read(after) == set(), "no list is failed because of what a row says"


def test_an_assignment_without_a_scope_leaves_unknown_who_holds_keys_and_nothing_else(
    lab: Lab, estate: Estate, healthy: Callable[..., Report], tmp_path: Path
) -> None:
    before = healthy("azure")
    odd = estate.assignments[PRODUCTION][0]
    del odd["properties"]["scope"]
    after = scan(lab, tmp_path / "odd", "azure")
    changed = turned(before, after)
    by_holders = {check.id for check in CHECKS if "key_holders" in check.reads}
    assert {check for check, resource, _, _ in changed if resource != odd["id"]} <= by_holders
    assert {status for _, _, _, status in changed} == {"unknown"}
    assert not_read(after) == set()


NEVER = {"publicKey": {"format": "ES256_PEM", "key": "no key"}, "expirationTime": "never"}
DEVICES = [
    {"id": "odd", "credentials": [NEVER], "blocked": False, "logLevel": "INFO", "gatewayConfig": {}},
    {"id": "odder", "credentials": 7},
    "oddest",
    {"id": "good", "credentials": [], "blocked": False, "logLevel": "INFO", "gatewayConfig": {}},
]


def test_an_odd_device_of_a_registry_costs_its_cells_or_its_row(lab: Lab, tmp_path: Path) -> None:
    operation = "clearblade.devices.list"
    lab.clearblade.switchboard.faults[operation] = Fault("refuse", status=200, body=json.dumps({"devices": DEVICES}))
    seen = look(lab, tmp_path, "clearblade")
    assert seen.outcomes(operation) == {"read"}
    found = [tables for tables in seen.tables.values() if Device in tables.frames and len(tables.frames[Device])]
    assert found
    for tables in found:
        rows = tables.frames[Device]
        assert set(rows["name"]) == {"odd", "good"}
        unread = rows.loc[rows["expired_credentials"].isna(), "name"]
        assert set(unread) == {"odd"}
        assert rows["sharers"].isna().all(), "a device that nobody understood may hold any key"
        gaps = tables.gaps[tables.gaps["table"] == "device"]
        assert set(gaps["name"]) == {"odder", ""}
        assert set(gaps["cause"]) == {"not_parseable"}
        assert all(one.endswith(("/devices/odder", "")) for one in gaps["resource"])


def test_a_registry_that_says_nothing_of_its_authorities_costs_what_is_said_of_them(
    lab: Lab, healthy: Callable[..., Report], tmp_path: Path
) -> None:
    before, kept = healthy("clearblade"), deepcopy(lab.clearblade.registries)
    registry = next(held for held in lab.clearblade.registries.values() if len(held) > 1)[0]
    try:
        del registry["credentials"]
        after = scan(lab, tmp_path / "odd", "clearblade")
    finally:
        lab.clearblade.registries = kept
    changed = turned(before, after)
    assert changed and {status for _, _, _, status in changed} == {"unknown"}
    whole = {(resource, subject) for _, resource, subject, _ in changed if registry["name"] not in resource}
    assert {subject for _, subject in whole} == {"every certificate"}
    assert all(registry["name"] in resource for _, resource, _, _ in told(before) - told(after))
    assert not_read(after) == set(), "no list is failed because of what a row says"


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("sns", {"targetArn": "${get(*,'target')}", "roleArn": "arn:aws:iam::123456789012:role/r"}),
        ("kinesis", {"streamName": "${topic()}", "roleArn": "arn:aws:iam::123456789012:role/r", "partitionKey": "k"}),
    ],
)
def test_a_target_that_the_message_chooses_costs_its_cell_and_no_call(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, action: dict[str, str]
) -> None:
    before = look(lab, tmp_path, "aws", "iot.get_topic_rule")
    place = next(s for s in before.tables if Route in before.tables[s].frames and len(before.tables[s].frames[Route]))
    name = before.tables[place].frames[Route]["name"].min()
    answer = lab.aws.answers["iot.get_topic_rule"]

    def chosen(region: str, params: Any) -> Any:
        reply = deepcopy(answer(region, params))
        if params["ruleName"] == name:
            reply["rule"]["actions"] = [{kind: action}]
        return reply

    monkeypatch.setitem(lab.aws.answers, "iot.get_topic_rule", chosen)
    after = look(lab, tmp_path, "aws", "iot.get_topic_rule")
    for scope, tables in after.tables.items():
        old = before.tables[scope]
        pd.testing.assert_frame_equal(tables.gaps, old.gaps)
        odd = set(tables.coverage["outcome"]) - {"read", "unavailable"}
        assert odd == set(), "no call is made with such a name"
        if Route in old.frames:
            routes, known = (one.frames[Route] for one in (tables, old))
            assert set(routes["resource"]) == set(known["resource"])
    unread = after.tables[place].unread
    told = unread[(unread["subject"] == f"actions[0].{kind}") & (unread["cause"] == "message_decides")]
    assert told[["table", "column"]].to_numpy().tolist() == [["route", "encrypted_at_rest"]]
