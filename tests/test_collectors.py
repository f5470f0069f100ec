"""Every collector, against the lab through the real SDKs. A new one is covered the moment it is declared."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from estate import Apart, filled, look

from collectors.operation import COLLECTORS as DECLARED
from collectors.registry import COLLECTORS, PROVIDERS, TABLES
from lab.cloud import Lab
from lab.server import Fault, Switchboard
from reports.permissions import operations

CASES = [pytest.param(provider, op.name, id=op.name) for provider in PROVIDERS for op in operations(provider)]


def switchboard(lab: Lab, provider: str) -> Switchboard:
    """The calls and faults of one cloud."""
    return next(cloud.switchboard for cloud in lab.clouds if cloud.name == provider)


@pytest.fixture(scope="module")
def baseline(whole_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What each cloud gives when nothing is wrong, read once."""
    folder = tmp_path_factory.mktemp("baseline")

    @cache
    def read(provider: str) -> Apart:
        return Apart.of(whole_lab, folder, provider)

    return read


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_full_scan_asks_what_is_declared_and_nothing_else(lab: Lab, tmp_path: Path, provider: str) -> None:
    look(lab, tmp_path, provider)
    assert set(switchboard(lab, provider).calls) == {op.name for op in operations(provider)}


def test_every_column_of_every_table_is_filled_by_something_in_the_lab(lab: Lab, baseline: Any) -> None:
    found = filled(baseline(provider).asking() for provider in PROVIDERS)
    empty = {table.id(): sorted(set(table.columns()) - found.get(table, set())) for table in TABLES}
    assert {table: columns for table, columns in empty.items() if columns} == {}


@pytest.mark.parametrize(("provider", "operation"), CASES)
def test_a_denied_operation_only_ever_darkens(
    lab: Lab, baseline: Any, tmp_path: Path, provider: str, operation: str
) -> None:
    finds = operation not in {op.name for c in COLLECTORS if c.provider == provider for op in c.operations}
    healthy: Apart = baseline(provider)
    switchboard(lab, provider).clear()
    switchboard(lab, provider).faults[operation] = Fault("deny")
    try:
        after = look(lab, tmp_path, provider, "" if finds else operation)
    except AssertionError as error:
        if finds and provider in str(error):  # only the first question may end a scan, and it says so
            return
        raise
    assert finds or "denied" in after.outcomes(operation)
    before = healthy.asking("" if finds else operation)
    known = before.verdicts
    turned = {key: verdict for key, verdict in after.verdicts.items() if known.get(key) is not verdict}
    assert turned == {}, "a denied read made a verdict out of nothing"
    cells = before.cells()
    assert {key: value for key, value in after.cells().items() if key not in cells or cells[key] != value} == {}
    lost = {key[:3] for key in cells} - {key[:3] for key in after.cells()}
    assert {table for table, _, _ in lost} <= after.gaps(), "rows went missing without a word"


def test_every_collector_says_what_it_collects() -> None:
    for collector in DECLARED:
        assert collector.function.__doc__, collector.name
        assert collector.operations, collector.name
        for operation in collector.operations:
            assert operation.permission, operation
