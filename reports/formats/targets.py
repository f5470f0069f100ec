"""Every format by name, and how its files are written. A new one is a module with a Format, its schema, and a line here."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from collectors.files import Writer, write_files
from reports.case import CaseReport
from reports.formats import asff, native_json, ocsf, sarif
from reports.formats.format import Coverage, File, Format, FormatOptions

FORMATS: Mapping[str, Format] = {
    format_.name: format_ for format_ in (ocsf.FORMAT, asff.FORMAT, sarif.FORMAT, native_json.FORMAT)
}


def write(
    format_: Format, case_report: CaseReport, coverage: Coverage, options: FormatOptions, folder: Path
) -> list[Path]:
    """Writes the files of a format into a folder, which is made if need be, and a manifest last; returns their paths.

    Nobody sees half a file. What an earlier export left there goes: a batch too many would be imported again. Raises
    OSError.
    """
    noted: list[dict[str, Any]] = []
    files = {file.name: writer(file, noted) for file in format_.files(case_report, coverage, options)}
    last = f"{format_.name}.manifest.json"

    def manifest(out: BinaryIO) -> None:
        out.write(manifest_json(format_, case_report, options, noted).encode("ascii"))

    def ready() -> None:
        (folder / last).unlink(missing_ok=True)
        for older in folder.glob(format_.own):
            if older.name not in files:
                older.unlink(missing_ok=True)

    return write_files(folder, {**files, last: manifest}, ready)


def writer(file: File, noted: list[dict[str, Any]]) -> Writer:
    """Writes a file piece by piece, and notes what it was."""

    def pour(out: BinaryIO) -> None:
        digest, size = hashlib.sha256(), 0
        for piece in file.text:
            data = piece.encode("ascii")
            out.write(data)
            digest.update(data)
            size += len(data)
        noted.append({"name": file.name, "rows": file.rows, "bytes": size, "sha256": digest.hexdigest()})

    return pour


def manifest_json(format_: Format, case_report: CaseReport, options: FormatOptions, files: list[dict[str, Any]]) -> str:
    """The manifest. Nothing in it depends on when or where it was written."""
    about = case_report.about
    lives = Counter(case.lifecycle for case in case_report.cases)
    held = {
        "manifest_version": 1,
        "format": format_.name,
        "product": format_.product,
        "tool_version": about["tool_version"],
        "scan_id": about["scan_id"],
        "scan_completed_at": about["scan_completed_at"],
        "complete": about["scan_complete"] == "true",
        "coverage_pct": about["coverage_pct"],
        "counts": dict(sorted(lives.items())),
        "notes": list(format_.notes(case_report, options)),
        "files": files,
    }
    return json.dumps(held, indent=2) + "\n"
