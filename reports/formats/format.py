"""What a format is: a name, what makes its files from the cases of a scan, and what their reader takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from reports.case import Case, CaseReport

Coverage = Sequence[Mapping[str, Any]]
"""Rows of ``coverage.csv``: what was asked, and what came of it."""
ID = re.compile(r"v1:[a-z2-7]{26}")


class File(NamedTuple):
    """One file: its name, how many findings are in it, and its text piece by piece. All text is ASCII."""

    name: str
    rows: int
    text: Iterable[str]


class Read(NamedTuple):
    """One file that was read back: its name, its bytes, and what they say."""

    name: str
    data: bytes
    value: Any


@dataclass(frozen=True)
class FormatOptions:
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

    ``own`` is a glob that fits all its files, of any export. ``rows`` are the findings in a file that was read back. The
    ``schema`` is of the ``whole`` file, or of one of its rows; ``rules`` yield one line for each that no schema tells and
    that the files together break. What is in them fits the schema.
    """

    name: str
    product: str
    files: Callable[[CaseReport, Coverage, FormatOptions], Iterable[File]]
    own: str
    schema: str
    rows: Callable[[Any], Sequence[Any]]
    rules: Callable[[Sequence[Read]], Iterator[str]]
    whole: bool = False
    notes: Callable[[CaseReport, FormatOptions], Sequence[str]] = lambda _, __: ()


def without_empty(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what is empty; a number, 0 too, stays."""
    return {key: value for key, value in row.items() if value or isinstance(value, int)}


def milliseconds(stamp: str) -> int:
    """A time as OCSF's ``timestamp_t``: milliseconds since 1970, not seconds."""
    return int(datetime.fromisoformat(stamp).timestamp() * 1000)


def split(joined: str) -> list[str]:
    """The parts of a column whose values are joined by ``|``."""
    return [part for part in joined.split("|") if part]


def bad_ids(ids: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line for each id that is no finding's, or stands in a second place; ids come after their places."""
    seen: set[str] = set()
    for place, id_ in ids:
        if not ID.fullmatch(id_):
            yield f"{place}: {id_[:60]!r} is no id of a finding; one is {ID.pattern}"
        elif id_ in seen:
            yield f"{place}: {id_} stands there twice"
        seen.add(id_)


def explanation(case: Case) -> str:
    """Why a case is what it is, in one sentence."""
    finding = case.finding
    if case.lifecycle == "resolved":
        return f"Resolved {case.resolved_at}: judged as pass, or no longer there."
    return finding.status_reason or finding.actual or finding.check_title
