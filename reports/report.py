"""What a report is made of. Every output in this folder is written from one :class:`Report` and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from checks.finding import COUNTS, Finding
from collectors.schema import COVERAGE
from reports.check_facts import CheckFacts

ABOUT = (
    "schema_version",
    "tool_version",
    "catalogue_version",
    "scan_id",
    "scan_started_at",
    "scan_completed_at",
    "scan_complete",
    "coverage_pct",
)
"""What is known about the scan as a whole. Times are ISO 8601 in UTC with ``Z``; ``scan_complete`` is true or false."""
ORDER = ("provider", "account_id", "region", "resource_id", "subject", "check_id", "status", "finding_id")
NUMBERS = ("passed", "failed", "unknown")


@dataclass(frozen=True, eq=False)
class Report:
    """One scan, judged. Rows are put in the order of every output when it is made; a missing text is empty text.

    ``findings`` has the fields of :class:`Finding` and holds ``fail`` and ``unknown`` only; ``counts`` has the columns
    COUNTS, ``coverage`` COVERAGE. ``checks`` names every check that ran, ``areas`` gives each area's title in order.
    Raises ``ValueError`` for a column or a fact about the scan that is missing.
    """

    about: Mapping[str, str]
    findings: pd.DataFrame
    counts: pd.DataFrame
    coverage: pd.DataFrame
    checks: Sequence[CheckFacts]
    areas: Mapping[str, str]

    def __post_init__(self) -> None:
        if missing := [name for name in ABOUT if name not in self.about]:
            raise ValueError(f"about has no {', '.join(missing)}")
        findings = complete_frame(self.findings, Finding._fields, "findings")
        findings = findings.sort_values(
            ["severity_rank", *ORDER], ascending=[False, *(True for _ in ORDER)], ignore_index=True
        )
        counts = complete_frame(self.counts, COUNTS, "counts")
        coverage = complete_frame(self.coverage, COVERAGE, "coverage")
        object.__setattr__(self, "findings", findings)
        object.__setattr__(self, "counts", counts.sort_values(list(COUNTS), ignore_index=True))
        object.__setattr__(self, "coverage", coverage.sort_values(list(COVERAGE), ignore_index=True))
        object.__setattr__(self, "checks", sorted(self.checks, key=lambda check: check["id"]))


def complete_frame(frame: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """The columns in their order with nothing missing: empty text, and 0 for a number."""
    if missing := [column for column in columns if column not in frame.columns]:
        raise ValueError(f"{name} has no column {', '.join(missing)}")
    cells = {
        column: frame[column].astype("Int64").fillna(0)
        if column in NUMBERS
        else frame[column].astype("string").fillna("")
        for column in columns
    }
    return pd.DataFrame(cells, columns=list(columns))


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows as tuples of plain text and numbers, named as the columns are."""
    return iter(frame.astype(object).itertuples(index=False, name="Row"))
