"""Tables for spreadsheets and ticket systems: ``findings.csv`` and ``coverage.csv``.

RFC 4180 with CRLF, every cell quoted, UTF-8 without a byte order mark, a header even over nothing. A column keeps its
name and place for ever; new ones are added at the end. Cells are guarded against formulas
(:func:`reports.escape.spreadsheet`).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

import pandas as pd

from reports.escape import spreadsheet, visible
from reports.report import ABOUT, Report


def findings_csv(report: Report, out: TextIO) -> None:
    """One row per finding, each with what is known about its scan."""
    write(report.findings, {name: report.about[name] for name in ABOUT}, out)


def coverage_csv(report: Report, out: TextIO) -> None:
    """One row per operation asked in a scope."""
    write(report.coverage, {}, out)


def write(frame: pd.DataFrame, alike: dict[str, str], out: TextIO) -> None:
    """The frame, with the cells that are alike in every row before it."""
    rows = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    rows.writerow([*alike, *frame.columns])
    first = list(map(spreadsheet, alike.values()))
    columns = [guarded(frame[name]) for name in frame.columns]
    rows.writerows([*first, *cells] for cells in zip(*columns, strict=True))


def guarded(column: pd.Series[str]) -> Sequence[str]:
    """A column's cells on one line each, each different text looked at once."""
    safe = {text: spreadsheet(visible(text)) for text in column.unique()}
    return [safe[text] for text in column]
