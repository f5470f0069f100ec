"""Every check, by its own examples. Nothing here names a check: a new one is covered the moment it is declared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from checks.check import SEVERITIES, Check
from checks.guidelines import controls_of, frameworks, guidelines
from checks.judge import judge, verdicts
from checks.registry import AREAS, CHECKS
from checks.unread import Unread, parse
from collectors.registry import COLLECTORS, PROVIDERS
from collectors.schema import Tables, gaps_frame, unread_frame
from collectors.scope import Scope

GOLDEN = Path(__file__).parent / "golden" / "check_ids.txt"


def fitting(check: Check) -> dict[str, Any]:
    """Cells that make a row one the check concerns."""
    return {column: value[0] if isinstance(value, tuple) else value for column, value in check.only.items()}


def answer(check: Check, cells: Mapping[str, Any]) -> Any:
    """The check's verdict on one row: True, False or <NA>."""
    frame = check.table.frame([{**fitting(check), "resource": "r", **cells}])
    return verdicts(check, frame, check.settings).iloc[0]


def examples() -> Iterator[Any]:
    for check in CHECKS:
        for expected, cases in ((True, check.passes), (False, check.fails)):
            for number, example in enumerate(cases):
                yield pytest.param(
                    check, example, expected, id=f"{check.id}-{'passes' if expected else 'fails'}-{number}"
                )


@pytest.mark.parametrize(("check", "example", "expected"), list(examples()))
def test_an_example_is_judged_as_it_says(check: Check, example: Mapping[str, Any], expected: bool) -> None:
    assert answer(check, example) == expected


@pytest.mark.parametrize(("check", "example", "expected"), list(examples()))
def test_a_blank_cell_never_turns_a_verdict_round(check: Check, example: Mapping[str, Any], expected: bool) -> None:
    for column in example:
        verdict = answer(check, {**example, column: None})
        assert verdict is pd.NA or verdict == expected, f"blank {column} gave {verdict}"


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_nothing_read_is_unknown(check: Check) -> None:
    assert answer(check, dict.fromkeys(check.reads)) is pd.NA


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_a_row_that_may_not_be_concerned_is_unknown(check: Check) -> None:
    readable = [c for c in check.only if c not in ("provider", "kind")]
    for column in readable:
        for example in (*check.passes, *check.fails):
            if column not in example:
                assert answer(check, {**example, column: None}) is pd.NA


class Watched(pd.DataFrame):
    """A frame that remembers which columns were asked for."""

    _metadata: ClassVar = ["asked"]
    asked: set[str]

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            self.asked.add(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_a_check_reads_the_columns_its_examples_name(check: Check) -> None:
    frame = Watched(check.table.frame([{**fitting(check), "resource": "r", **check.passes[0]}]))
    frame.asked = set()
    check.function(frame, **check.settings)
    assert frame.asked == set(check.reads)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_a_check_is_documented_and_mapped(check: Check) -> None:
    assert check.passes and check.fails
    assert set(check.reads) | set(check.only) <= set(check.table.columns())
    assert re.fullmatch(r"[A-Z][^\n]{10,88}\.", check.title), "the title is one sentence that states a requirement"
    assert len(check.risk) > 20, "the docstring goes on to say what happens otherwise"
    assert check.area in AREAS
    assert set(check.serves) <= set(guidelines()), "a guideline that does not exist"
    known = {f"{framework} {id_}" for framework, ids in frameworks().items() for id_ in ids}
    assert set(check.controls) | set(controls_of(check.serves)) <= known
    providers = {g.split("-")[0] for g in check.serves}
    assert check.remedy_for("") or providers <= set(check.remedy), "every cloud it serves has a remedy"
    if check.serves:
        worst = min(SEVERITIES.index(guidelines()[g].severity) for g in check.serves)
        assert SEVERITIES.index(check.severity) >= worst, "a part of a guideline may weigh less, never more"
        assert check.area in {guidelines()[g].area for g in check.serves}
    for value in check.settings.values():
        assert isinstance(value, int | float | str | bool), "a threshold has a plain default"


def test_the_ids_of_checks_are_a_contract() -> None:
    """An id stands in tickets and waivers: adding one adds a line here, and none ever leaves unnoticed."""
    assert sorted(c.id for c in CHECKS) == GOLDEN.read_text().split()


def test_every_area_and_every_cloud_has_checks() -> None:
    assert {c.area for c in CHECKS} == set(AREAS)
    for prefix in ("aws-", "azure-", "gcp-"):
        assert sum(any(g.startswith(prefix) for g in c.serves) for c in CHECKS) >= 15


def scope_with(check: Check) -> Scope:
    """A scope in which the check's table is collected."""
    for provider in PROVIDERS:
        for c in COLLECTORS:
            wanted = check.only.get("provider", provider)
            if (
                c.table is check.table
                and c.provider == provider
                and provider in (wanted if isinstance(wanted, tuple) else (wanted,))
            ):
                return Scope(provider, "account", "global" if c.where == "global" else "region")
    raise AssertionError(f"no collector fills the table of {check.id}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_a_list_that_was_denied_is_one_unknown_and_nothing_else(check: Check) -> None:
    scope = scope_with(check)
    gap = {"table": check.table.id(), "cause": "denied", "permission": "a:B", "detail": "a.b"}
    judged = judge(scope, Tables(gaps=gaps_frame([gap])), [check])
    assert judged.findings["status"].tolist() == ["unknown"]
    assert judged.findings["permission"].tolist() == ["a:B"]
    assert "a:B" in judged.findings["status_reason"].iloc[0]
    assert parse(judged.findings["unread"].iloc[0]) == (Unread("", "denied", "", "a:B", "a.b"),)
    assert judged.counts[["passed", "failed", "unknown", "status"]].values.tolist() == [[0, 0, 1, "unknown"]]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_nothing_to_judge_in_a_read_scope_is_not_applicable(check: Check) -> None:
    judged = judge(scope_with(check), Tables(), [check])
    assert judged.findings.empty
    assert judged.counts["status"].tolist() == ["not_applicable"]


def test_an_unread_cell_names_the_permission_that_was_missing() -> None:
    check = next(c for c in CHECKS if c.id == "connections-are-logged")
    scope = Scope("azure", "sub", "global")
    row = {
        "provider": "azure",
        "account": "sub",
        "region": "westeurope",
        "resource": "/hubs/a",
        "subject": "",
        "name": "a",
    }
    note = {
        "table": "log", "resource": "/hubs/a", "column": "logs_connections", "cause": "denied",
        "operation": "diagnostic_settings.list", "permission": "Microsoft.Insights/diagnosticSettings/read",
        "detail": "AuthorizationFailed",
    }  # fmt: skip
    tables = Tables({check.table: check.table.frame([row])}, unread=unread_frame([note]))
    finding = judge(scope, tables, [check]).findings.iloc[0]
    assert (finding["status"], finding["cause"]) == ("unknown", "denied")
    assert finding["permission"] == "Microsoft.Insights/diagnosticSettings/read"
    assert finding["status_reason"] == (
        "logs_connections: not read: the scanner lacks a permission (diagnostic_settings.list needs "
        "Microsoft.Insights/diagnosticSettings/read; AuthorizationFailed). Grant the permission to the identity that scans."
    )
    assert json.loads(finding["unread"]) == [{name: note[name] for name in Unread._fields}]


VARYING = [
    pytest.param(check, severity, cells, id=f"{check.id}-{severity}")
    for check in CHECKS
    for severity, cells in check.severity_when.items()
]


@pytest.mark.parametrize(("check", "severity", "cells"), VARYING)
def test_a_severity_goes_by_the_row_and_an_unread_cell_leaves_it_as_it_is(
    check: Check, severity: str, cells: dict[str, Any]
) -> None:
    assert severity != check.severity
    assert cells.keys() <= check.table.columns().keys()
    scope = scope_with(check)
    common = {"provider": scope.provider, "account": scope.account, "region": scope.region, "subject": "", "name": "n"}
    failing = next(e for e in check.fails if all(e.get(c, v) == v for c, v in cells.items()))
    for number, values in enumerate(zip(*(v if isinstance(v, tuple) else (v,) for v in cells.values()), strict=True)):
        read = dict(zip(cells, values, strict=True))
        blank = {column: None for column in read if column not in check.only}
        rows = [{**fitting(check), **failing, **common, "resource": f"r{number}", **more} for more in (read, blank)]
        for one, expected in zip(rows, (severity, check.severity if blank else severity), strict=True):
            tables = Tables({check.table: check.table.frame([one])})
            finding = judge(scope, tables, [check]).findings.iloc[0]
            assert finding["severity"] == expected
            assert finding["severity_rank"] == str(len(SEVERITIES) - 1 - SEVERITIES.index(finding["severity"]))


UNTIL = ("expires_in_days", "server_certificate_days")
"""Days that grow fewer; all others grow more."""


def test_days_against_the_clock_are_told_and_change_no_evidence() -> None:
    """A finding that is a day older is the same finding: else each scan would change tickets, and void pinned waivers."""
    moving = [
        (check, example)
        for check in CHECKS
        for example in check.fails
        if any(check.table.columns()[name].moves and cell is not None for name, cell in example.items())
    ]
    assert {check.id for check, _ in moving} >= {"certificate-has-a-month-left"}
    for check, example in moving:
        hashes, told = set(), set()
        for later in (0, 1):
            cells = {
                name: cell + (-later if name in UNTIL else later)
                if check.table.columns()[name].moves and cell is not None
                else cell
                for name, cell in example.items()
            }
            scope = scope_with(check)
            place = {"provider": scope.provider, "account": scope.account, "region": scope.region}
            row = {**fitting(check), **place, "resource": "r", "subject": "", "name": "r", **cells}
            found = judge(scope, Tables({check.table: check.table.frame([row])}), [check]).findings.iloc[0]
            hashes.add(found["evidence_hash"])
            told.add(found["actual"])
        assert len(hashes) == 1 and len(told) == 2, check.id


def test_every_column_of_days_since_or_until_moves() -> None:
    for table in {check.table for check in CHECKS}:
        for name, column in table.columns().items():
            clock = re.match(r"(\w+: )?(age in )?(days|hours) (since|until|of)", column.meaning, re.IGNORECASE)
            assert not clock or column.moves, f"{table.id()}.{name}"
