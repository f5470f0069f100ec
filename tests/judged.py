"""Which checks judge what: each kind of row in each cloud, and each column."""

from __future__ import annotations

from collections.abc import Iterable

from golden_files import csv_lines

from checks.check import Check
from checks.command import places
from checks.judge import concerns
from checks.registry import CHECKS
from collectors.registry import COLLECTORS, TABLES
from collectors.schema import Table, Tables, Tagged

Kind = tuple[str, str, str]
"""Table, kind (empty text where the table has none) and provider."""


def with_declared(kinds: set[Kind]) -> set[Kind]:
    """These kinds of row and those that are declared: a collector's own, and what a table says that it may hold."""
    found = kinds | {
        (c.table.id(), c.kind, c.provider) for c in COLLECTORS if c.kind or "kind" not in c.table.columns()
    }
    seen = {(table, kind) for table, kind, _ in found}
    for table in TABLES:
        for kind in table.columns()["kind"].values if "kind" in table.columns() else ():
            if (table.id(), kind) not in seen:
                found |= {(table.id(), kind, c.provider) for c in COLLECTORS if c.table is table}
    return found


def kinds_in(tables: Iterable[Tables]) -> set[Kind]:
    """The kinds of row that collected tables hold."""
    found: set[Kind] = set()
    for one in tables:
        for table, frame in one.frames.items():
            kinds = frame["kind"].fillna("") if "kind" in frame else [""] * len(frame)
            found |= {(table.id(), str(k), str(p)) for k, p in zip(kinds, frame["provider"], strict=True)}
    return found


def judges(check: Check, kind: Kind) -> bool:
    """Whether a check judges a kind of row in a cloud, as far as ``only`` goes by these."""
    wanted = check.only.get("kind", kind[1])
    return (
        check.table.id() == kind[0]
        and concerns(check, kind[2])
        and kind[1] in (wanted if isinstance(wanted, tuple) else (wanted,))
    )


WHY = "the checks that judge each kind of row in each cloud; a kind that nobody judges has an empty list"


def judged_by(kinds: set[Kind]) -> list[str]:
    """One line per kind of row, those that are declared too: the checks that judge it."""
    rows = [(*kind, " ".join(sorted(c.id for c in CHECKS if judges(c, kind)))) for kind in sorted(with_declared(kinds))]
    return ["table,kind,provider,checks", *csv_lines(rows)]


def unread_columns() -> list[str]:
    """Columns, beside those of all tables, that no check reads."""
    read = {(check.table, column) for check in CHECKS for column in columns_of(check)}
    common = {*Table.columns(), *Tagged.columns(), "hub"}
    return [
        f"{table.id()}.{column}"
        for table in sorted(TABLES, key=lambda t: t.id())
        for column in table.columns()
        if column not in common and (table, column) not in read
    ]


def columns_of(check: Check) -> set[str]:
    """The columns that a check names in its examples, ``only``, ``severity_when`` and commands, and its table's context."""
    examples = (*check.passes, *check.fails, *check.open, *check.ignores)
    named = {column for example in examples for column in example}
    filled = {column for template in check.command.values() for column, _ in places(template)}
    chosen = {"kind", "target_kind"} if any(" " in where for where in check.command) else set()
    return named | filled | chosen | {*check.only, *check.weighs, *check.table.context}
