"""The files of a report: all of them new, or all of them as they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TextIO

from collectors.files import text_writer, write_files
from reports.case import CaseReport
from reports.csv_files import coverage_csv, findings_csv
from reports.findings_json import findings_json
from reports.page.page import report_html
from reports.report import Report
from reports.trend import Trend

FILES: Mapping[str, Callable[[Report, TextIO], None]] = {
    "findings.csv": findings_csv,
    "findings.json": findings_json,
    "coverage.csv": coverage_csv,
}
"""Every file that one scan alone tells, and what writes it."""
PAGE = "report.html"


def write(
    report: Report, folder: Path, trend: Trend | None = None, case_report: CaseReport | None = None
) -> list[Path]:
    """Writes every file into a folder, which is made if need be; returns their paths. Raises OSError as it comes.

    The page also tells what the history knows, where there is one. Nobody sees half a file.
    """
    files = {name: text_writer(partial(make, report)) for name, make in FILES.items()}
    return write_files(folder, files | {PAGE: text_writer(lambda out: report_html(report, out, trend, case_report))})
