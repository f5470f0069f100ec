"""Everything about every case in one table: ``csv`` as it is, for programs; ``spreadsheet`` guarded, for people.

Columns stand for ever where they stand; new ones are added at the end. Every cell is on one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from checks.finding import Finding
from reports.escape import clip, spreadsheet, visible
from reports.report import ABOUT
from reports.tickets.profile import Column, Context, Profile, Sheet
from reports.tickets.ticket import Ticket, ticket_keys

LIFE = (
    "lifecycle", "first_seen", "last_seen", "resolved_at", "age_days", "changed", "owner", "waiver", "waiver_kind",
    "waiver_expires_on", "due_on", "sla",
)  # fmt: skip
LATER = ("tags", "unread")
"""What a finding says since this table has columns."""
CELL = 32_767
"""Characters in a cell of Excel and LibreOffice."""


def cell_text(value: object) -> str:
    """A value as text; true and false as such."""
    return visible(str(value).lower() if isinstance(value, bool) else str(value))


def about(name: str) -> Callable[[Ticket, Context], str]:
    return lambda _, context: cell_text(context.about[name])


def found(name: str) -> Callable[[Ticket, Context], str]:
    return lambda ticket, _: cell_text(getattr(ticket.case.finding, name))


def life(name: str) -> Callable[[Ticket, Context], str]:
    return lambda ticket, _: cell_text(getattr(ticket.case, name))


COLUMNS = (
    *(Column(name, about(name)) for name in ABOUT),
    *(Column(name, found(name), required=name == "finding_id") for name in Finding._fields if name not in LATER),
    *(Column(name, life(name), required=name == "lifecycle") for name in LIFE),
    Column("external_key", lambda ticket, context: cell_text(ticket_keys(context.keys.get(ticket.id, {})))),
    *(Column(name, found(name)) for name in LATER),
)


def guarded(column: Column) -> Column:
    """The column with its cells kept from running as formulas, and no longer than a cell can be."""
    return Column(
        column.name, lambda t, c: clip(spreadsheet(column.cell(t, c)), CELL), CELL, column.required, column.shape
    )


def rules(row: Mapping[str, Any]) -> Iterator[str]:
    """No cell runs."""
    for name, cell in row.items():
        if re.match(r"[=+@\t\r\n＝＋－＠]|-(?![0-9]+(\.[0-9]+)?$)", cell):
            yield f"{name} starts like a formula"


CSV = Profile("csv", "CSV", "snapshot", Sheet("findings", COLUMNS, "finding_id"))
SPREADSHEET = Profile(
    "spreadsheet",
    "Spreadsheet",
    "snapshot",
    Sheet("findings", tuple(map(guarded, COLUMNS)), "finding_id"),
    rows=1_048_575,
    guard="a leading ' before = + - @ and '; take it off to read the cell back",
    bom=True,
    rules=rules,
)
