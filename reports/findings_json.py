"""``findings.json``: everything a report holds, for programs."""

from __future__ import annotations

import json
from typing import Any, TextIO

from reports.report import Report, records
from reports.summary import summarise


def findings_json(report: Report, out: TextIO) -> None:
    """``about``, ``summary``, ``findings``, ``counts`` and ``coverage``; one row a line, so that two scans compare.

    Text stands as the cloud gave it, in ASCII: anything else is a ``\\u`` escape, and nothing is guarded.
    """
    out.write(f'{{\n"about": {text(dict(report.about))},\n"summary": {text(summarise(report).to_json())}')
    for name, frame in (("findings", report.findings), ("counts", report.counts), ("coverage", report.coverage)):
        out.write(f',\n"{name}": [')
        out.writelines(f"{',' if number else ''}\n{text(row._asdict())}" for number, row in enumerate(records(frame)))
        out.write("\n]")
    out.write("\n}\n")


def text(value: Any) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, allow_nan=False)
