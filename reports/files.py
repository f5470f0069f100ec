"""The files of a report: all of them new, or all of them as they were."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from reports.document import findings_json
from reports.page.page import report_html
from reports.report import Report
from reports.table import coverage_csv, findings_csv

FILES: Mapping[str, Callable[[Report, TextIO], None]] = {
    "findings.csv": findings_csv,
    "findings.json": findings_json,
    "coverage.csv": coverage_csv,
    "report.html": report_html,
}
"""Every file of a report and what writes it."""


def write(report: Report, folder: Path) -> list[Path]:
    """Writes every file into a folder, which is made if need be; returns their paths. Raises OSError as it comes.

    Nobody sees half a file: each is written beside its place, and all are moved there when the last one is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    made = {folder / f".{name}.{mark}": folder / name for name in FILES}
    try:
        for draft, place in made.items():
            with draft.open("x", encoding="utf-8", errors="backslashreplace", newline="") as out:
                FILES[place.name](report, out)
                out.flush()
                os.fsync(out.fileno())
        for draft, place in made.items():
            os.replace(draft, place)
    finally:
        for draft in made:
            draft.unlink(missing_ok=True)
    return list(made.values())
