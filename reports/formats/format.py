"""What a format is: a name, and what makes its files from the cases of a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from reports.case import Case, Docket

Coverage = Sequence[Mapping[str, Any]]
"""Rows of ``coverage.csv``: what was asked, and what came of it."""


class File(NamedTuple):
    """One file: its name, and its text piece by piece. All text is ASCII."""

    name: str
    text: Iterable[str]


@dataclass(frozen=True)
class Options:
    """What differs between two users of one format.

    ``aws_account`` and ``aws_region``: where Security Hub takes in what belongs to no AWS account or region of its own:
    findings of other clouds, left out without an account, and those of AWS services without a region.
    ``resolved``: what a scan resolved is said in SARIF too; GitHub would show it as an alert.
    """

    aws_account: str = ""
    aws_region: str = "us-east-1"
    resolved: bool = False


@dataclass(frozen=True)
class Format:
    """One format. ``files`` yields at least one file, also when there is nothing to say; ``notes`` says what is left out.

    ``own`` is a glob that fits all its files, of any export.
    """

    name: str
    product: str
    files: Callable[[Docket, Coverage, Options], Iterable[File]]
    own: str
    notes: Callable[[Docket, Options], Sequence[str]] = lambda docket, options: ()


def filled(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what is empty; a number, 0 too, stays."""
    return {key: value for key, value in row.items() if value or isinstance(value, int)}


def milliseconds(stamp: str) -> int:
    """A time as OCSF's ``timestamp_t``: milliseconds since 1970, not seconds."""
    return int(datetime.fromisoformat(stamp).timestamp() * 1000)


def split(joined: str) -> list[str]:
    """The parts of a column whose values are joined by ``|``."""
    return [part for part in joined.split("|") if part]


def clip(text: str, limit: int) -> str:
    """At most so many characters; what was cut ends with ``…``."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def explained(case: Case) -> str:
    """Why a case is what it is, in one sentence."""
    finding = case.finding
    if case.lifecycle == "resolved":
        return f"Resolved {case.resolved_at}: judged as pass, or no longer there."
    return finding.status_reason or finding.actual or finding.check_title
