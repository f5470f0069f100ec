"""Golden lists: a file says what there is, and a test says which lines are new and which are gone."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
ANEW = "WRITE_GOLDEN=1 .venv/bin/pytest tests/test_checks.py tests/test_scan.py -k as_golden"
"""Writes every list anew; look at the difference before it is committed."""


def csv_lines(rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows as lines of a CSV file."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().splitlines()


def golden_lines(name: str) -> list[str]:
    """The lines of a golden list; none if there is no such file."""
    path = GOLDEN / name
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def agree(name: str, lines: list[str], why: str) -> None:
    """A golden list is as it should be. ``why`` says to whoever changed it what the list is for."""
    if os.environ.get("WRITE_GOLDEN"):
        (GOLDEN / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    held = golden_lines(name)
    missing, surplus = Counter(lines) - Counter(held), Counter(held) - Counter(lines)
    told = [f"  add    {line}" for line in missing.elements()] + [f"  remove {line}" for line in surplus.elements()]
    if told:
        pytest.fail("\n".join([f"tests/golden/{name}: {why}", *told, f"If that is meant: {ANEW}"]), pytrace=False)
    assert held == lines, f"tests/golden/{name} has its lines in another order: {ANEW}"
