"""Every check, by its own examples. Nothing here names a check: a new one is covered the moment it is declared."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any, ClassVar

import pandas as pd
import pytest
from golden_files import agree, csv_lines, golden_lines
from judged import WHY, judged_by, unread_columns
from mutants import ROOT, fitting, frame_of, helper_survivors, helpers, place, survivors

from checks.check import SEVERITIES, Check, proven
from checks.guidelines import controls_of, frameworks, guidelines
from checks.judge import judge, relevant, verdicts
from checks.registry import AREAS, CHECKS
from checks.unread import Unread, parse
from collectors.registry import COLLECTORS, PROVIDERS
from collectors.schema import Tables, gaps_frame, unread_frame
from collectors.scope import Scope
from collectors.tables.data import Key


def answer(check: Check, cells: Mapping[str, Any]) -> Any:
    """The check's verdict on one row: True, False or <NA>."""
    return verdicts(check, frame_of(check, [cells]), check.settings).iloc[0]


def examples() -> Iterator[Any]:
    """Every example with a verdict; that of ``open`` is <NA>."""
    for check in CHECKS:
        for kind, expected in (("passes", True), ("fails", False), ("open", pd.NA)):
            for number, example in enumerate(getattr(check, kind)):
                yield pytest.param(check, example, expected, id=f"{check.id}-{kind}-{number}")


@pytest.mark.parametrize(("check", "example", "expected"), list(examples()))
def test_an_example_is_judged_as_it_says(check: Check, example: Mapping[str, Any], expected: Any) -> None:
    assert relevant(frame_of(check, [example]), check.only).tolist() == [True], "`only` leaves it out, or may do so"
    verdict = answer(check, example)
    assert verdict is expected or verdict == expected


@pytest.mark.parametrize(("check", "example", "expected"), list(examples()))
def test_a_blank_cell_never_turns_a_verdict_round(check: Check, example: Mapping[str, Any], expected: Any) -> None:
    for column in example:
        verdict = answer(check, {**example, column: None})
        assert verdict is pd.NA or (expected is not pd.NA and verdict == expected), f"blank {column} gave {verdict}"


@pytest.mark.parametrize("check", [c for c in CHECKS if c.ignores], ids=lambda c: c.id)
def test_a_row_that_a_check_ignores_is_not_judged(check: Check) -> None:
    for example in check.ignores:
        assert verdicts(check, frame_of(check, [example]), check.settings).empty, f"{example} is judged"


def tell(missing: list[str]) -> None:
    """Fails with what is missing, and nothing else."""
    if missing:
        pytest.fail("\n".join(missing), pytrace=False)


def other_than(check: Check, column: str) -> Any:
    """A cell that ``only`` does not want in a column, as it may be written."""
    wanted, about = check.only[column], check.table.columns()[column]
    if isinstance(wanted, bool):
        return not wanted
    if isinstance(wanted, int):
        return wanted + 1
    known = wanted if isinstance(wanted, tuple) else (wanted,)
    return next((value for value in about.values if value not in known), f"another {column}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_every_column_that_narrows_a_check_has_a_row_that_it_ignores_for_that_column_alone(check: Check) -> None:
    """So that no column can leave ``only`` unnoticed.

    Not asked of ``provider``: a row of another cloud tells a reader nothing that ``only`` does not say. The golden list
    of what judges each kind of row in each cloud notices when it leaves, and when a cloud leaves or enters a tuple.
    """
    frame = frame_of(check, list(check.ignores))
    told = []
    for column in check.only:
        rest = {name: value for name, value in check.only.items() if name != column}
        if column != "provider" and not relevant(frame, rest).fillna(False).any():
            told.append(
                f"{place(check)}: {check.id}: no example of `ignores` differs from what `only` wants in {column} alone:"
                f" add one, such as { ({column: other_than(check, column)}) }"
            )
    tell(told)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_an_example_notices_every_change_of_a_check(check: Check) -> None:
    """Of its function, its settings' defaults and what it lets in, each changed in one place at a time."""
    tell(survivors(check))


def proof_of_rotation(keys: Any, *, days: int = 90) -> Any:
    """A key that is on is rotated every 90 days; one that is off must not be."""
    return (
        (keys["rotation_days"] <= days)
        & (keys["rotates"] | ~keys["enabled"])
        & proven(keys["enabled"] | ~keys["rotates"])
    )


WHOLE = Check(
    proof_of_rotation, Key, "low", (), (), {},
    passes=(
        {"rotates": True, "enabled": True, "rotation_days": 90},
        {"rotates": False, "enabled": False, "rotation_days": 90},
    ),
    fails=(
        {"rotates": True, "enabled": True, "rotation_days": 91},
        {"rotates": False, "enabled": True, "rotation_days": 90},
    ),
    open=({"rotates": True, "enabled": False, "rotation_days": 90},),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "left_out", "told"),
    [
        ("passes", 0, ["that only `keys['rotates']` decides", "that only `keys['enabled']` decides"]),
        ("passes", 1, ["that only `~keys['enabled']` decides", "that only `~keys['rotates']` decides"]),
        ("fails", 0, ["that only `keys['rotation_days'] <= days` decides", "days is 91 and not 90"]),
        ("fails", 1, ["that only `keys['rotates'] | ~keys['enabled']` decides"]),
        ("open", 0, ["an `open` example in which only `keys['enabled'] | ~keys['rotates']` is false"]),
    ],
)
def test_an_example_that_is_missing_is_named_with_its_line(kind: str, left_out: int, told: list[str]) -> None:
    assert survivors(WHOLE) == []
    examples = getattr(WHOLE, kind)
    fewer: dict[str, Any] = {kind: (*examples[:left_out], *examples[left_out + 1 :])}
    left = survivors(replace(WHOLE, **fewer))
    assert all(any(part in line for line in left) for part in told), left
    first = proof_of_rotation.__code__.co_firstlineno
    assert {line.split(":")[0] for line in left} == {"tests/test_checks.py"}
    assert {int(line.split(":")[1]) for line in left} <= set(range(first, first + 6))


@pytest.mark.parametrize(("helper", "users"), list(helpers(CHECKS).items()), ids=lambda v: getattr(v, "__name__", ""))
def test_an_example_notices_every_change_of_a_helper(helper: FunctionType, users: list[Check]) -> None:
    """One of any check that uses it."""
    tell(helper_survivors(helper, users))


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


def test_ids_severities_and_clouds_are_as_golden() -> None:
    """An id stands in tickets and waivers, a severity decides who is woken, a cloud who is asked: none changes unnoticed."""
    rows = [
        (c.id, c.severity, json.dumps(c.severity_when) if c.severity_when else "", " ".join(members(c.only.get("provider", "any"))))
        for c in CHECKS
    ]  # fmt: skip
    agree(
        "checks.csv",
        ["id,severity,severity_when,clouds", *csv_lines(sorted(rows))],
        "ids, severities and clouds of checks; tickets and waivers name an id, so one that was published stays",
    )


def test_what_judges_each_kind_of_row_is_as_golden() -> None:
    """A new kind of row is judged by nobody unless somebody decides so. The rows that the lab holds: see test_scan."""
    held = (line.split(",")[:3] for line in golden_lines("judged_by.csv")[1:])
    agree("judged_by.csv", judged_by({(table, kind, provider) for table, kind, provider in held}), WHY)


def test_columns_that_no_check_reads_are_as_golden() -> None:
    agree(
        "unread_columns.txt",
        unread_columns(),
        "columns that no check reads in its examples, `only`, `severity_when`, command or context",
    )


def test_the_readme_shows_a_check_as_it_stands() -> None:
    readme = (ROOT / "checks" / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^## Add a check$.*?^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert shown and any(inspect.getsource(check.function) == shown[1] for check in CHECKS)


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


def members(value: Any) -> tuple[Any, ...]:
    """The values that a cell of ``only`` or ``severity_when`` stands for."""
    return value if isinstance(value, tuple) else (value,)


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
    failing = next(e for e in check.fails if all(e.get(c) in (None, *members(v)) for c, v in cells.items()))
    for number, values in enumerate(zip(*map(members, cells.values()), strict=True)):
        read = dict(zip(cells, values, strict=True))
        blank = {column: None for column in read if column not in check.only}
        rows = [{**fitting(check), **failing, **common, "resource": f"r{number}", **more} for more in (read, blank)]
        for one, expected in zip(rows, (severity, check.severity if blank else severity), strict=True):
            tables = Tables({check.table: check.table.frame([one])})
            finding = judge(scope, tables, [check]).findings.iloc[0]
            assert finding["severity"] == expected
            assert finding["severity_rank"] == str(len(SEVERITIES) - 1 - SEVERITIES.index(finding["severity"]))


@pytest.mark.parametrize(("check", "severity", "cells"), VARYING)
def test_a_severity_that_varies_has_a_row_that_has_it_and_one_that_has_not(
    check: Check, severity: str, cells: dict[str, Any]
) -> None:
    """Where every row that fails has it, an ``open`` one shows the other."""
    rows = [{**fitting(check), **example} for example in check.fails if cells.keys() <= {*check.only, *example}]
    fails = {all(row[c] in members(v) for c, v in cells.items()) for row in rows}
    spared = any(check.severity_for({**fitting(check), **example}) != severity for example in check.open)
    where, names = f"{place(check)}: {check.id} is {severity} where {cells}", ", ".join(cells)
    if not any(check.severity_for(row) == severity for row in rows):
        tell([f"{where}: add an example of `fails` that names {names} and is so"])
    if False not in fails and not spared:
        tell([f"{where}: add an example of `fails` that names {names} and is not so"])


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
