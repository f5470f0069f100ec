"""iotposture's own JSON: ``docket.json``, every case of a scan with its life. ``docket.schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields

from reports.case import Case, CaseReport
from reports.formats.format import Coverage, File, Format, FormatOptions, Read, bad_ids

VERSION = "1"
"""Goes up when a key changes its meaning or leaves; a new key does not count."""
LIFE = tuple(field.name for field in fields(Case) if field.name != "finding")
"""What a case says beside its finding."""


def files(case_report: CaseReport, coverage: Coverage, _: FormatOptions) -> Iterator[File]:
    """``docket.json``."""
    yield File("docket.json", len(case_report.cases), document(case_report, coverage))


def document(case_report: CaseReport, coverage: Coverage) -> Iterator[str]:
    """``about``, ``cases`` and ``coverage``; one row a line."""
    yield f'{{\n"docket_version": "{VERSION}",\n"about": {json.dumps(dict(case_report.about))}'
    for name, rows in (("cases", map(flat, case_report.cases)), ("coverage", map(dict, coverage))):
        yield f',\n"{name}": ['
        for number, row in enumerate(rows):
            yield f"{',' if number else ''}\n{json.dumps(row)}"
        yield "\n]"
    yield "\n}\n"


def flat(case: Case) -> dict[str, object]:
    """A finding and its life side by side."""
    return {**case.finding._asdict(), **{name: getattr(case, name) for name in LIFE}}


def rules(files: Sequence[Read]) -> Iterator[str]:
    """No finding stands there mistaken."""
    for file in files:
        yield from bad_ids(
            (f"{file.name}: case {n}", row["finding_id"]) for n, row in enumerate(file.value["cases"], 1)
        )


FORMAT = Format(
    "json", "iotposture's JSON", files, "docket.json", "docket", lambda made: made["cases"], rules, whole=True
)
