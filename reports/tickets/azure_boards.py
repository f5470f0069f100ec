"""Azure Boards: "Import work items" from CSV.

Work Item Type and Title are required, 1,000 items is the most at a time. New items have no ID and no Assigned To column and
start in the state New; rows with an ID update it (Microsoft Learn, "Import or update work items in bulk by using CSV
files"). A description is HTML, of a bug it is called Repro Steps ("Work item field index"); tags are separated by ``;``. The owner
of a new item is a tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from reports.escape import clip, heading, visible
from reports.tickets.description import HTML, description
from reports.tickets.profile import Column, Context, Profile, Sheet, email
from reports.tickets.ticket import Ticket

PRIORITY = {"critical": "1", "high": "2", "medium": "3", "low": "4", "info": "4"}
SEVERITY = {
    "critical": "1 - Critical", "high": "2 - High", "medium": "3 - Medium", "low": "4 - Low", "info": "4 - Low"
}  # fmt: skip
TAGS = frozenset({"p", "h3", "ul", "li", "code", "pre", "br"})


def tags(ticket: Ticket, _: Context) -> str:
    """Labels, with no separator in one of them."""
    owner = "" if ticket.key and email(ticket.owner) else ticket.owner
    about = ticket.case.finding.area if ticket.by in ("finding", "check") else ticket.by
    names = ("iotposture", ticket.severity, about, owner)
    return "; ".join(clip(visible(name).replace(";", " ").replace(",", " "), 100) for name in names if name)


def is_bug(context: Context) -> bool:
    """Bugs have fields of their own."""
    return context.choices.azure_work_item_type == "Bug"


def severity_text(ticket: Ticket, _: Context) -> str:
    return description(ticket, HTML, 32000)


ID_COLUMN = Column("ID", lambda t, _: t.key, required=True, shape=r"\d+")
TYPE = Column("Work Item Type", lambda _, c: c.choices.azure_work_item_type, required=True)
TITLE = Column("Title", lambda t, _: clip(heading(t.title), 255), limit=255, required=True, shape=r"[^\r\n]+")
BODY = (
    TYPE,
    TITLE,
    Column("Description", lambda t, c: "" if is_bug(c) else severity_text(t, c), limit=32000, optional=True),
    Column("Repro Steps", lambda t, c: severity_text(t, c) if is_bug(c) else "", limit=32000, optional=True),
    Column("Priority", lambda t, _: PRIORITY[t.severity], required=True, shape="[1-4]"),
    Column(
        "Severity",
        lambda t, c: SEVERITY[t.severity] if is_bug(c) else "",
        shape="|".join(SEVERITY.values()),
        optional=True,
    ),
    Column("Tags", tags, required=True),
    Column("Area Path", lambda _, c: c.choices.azure_area_path, optional=True),
)
ASSIGNED = Column("Assigned To", lambda t, _: email(t.owner), optional=True)
UPDATE = (ID_COLUMN, *BODY, ASSIGNED)


class Seen(HTMLParser):
    """The tags of a description, and whether one has an attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.foreign: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS or attrs:
            self.foreign.add(tag)


def rules(row: Mapping[str, Any]) -> Iterator[str]:
    """A description is there, unless the item is closed, and has no HTML but ours."""
    told_ = [(name, row[name]) for name in ("Description", "Repro Steps") if row.get(name)]
    if len(told_) != 1 and "Priority" in row:
        yield "neither Description nor Repro Steps tells what it is about"
    for name, text in told_:
        if foreign := Seen(text).foreign:
            yield f"{name} has foreign HTML: {', '.join(sorted(foreign))}"


PROFILE = Profile(
    "azure-boards",
    "Azure Boards",
    "key",
    Sheet("create", BODY),
    Sheet("update", UPDATE, "ID"),
    Sheet("reopen", (*UPDATE, Column("State", lambda _, c: c.choices.azure_open_state, required=True)), "ID"),
    Sheet(
        "close",
        (ID_COLUMN, TYPE, TITLE, Column("State", lambda _, c: c.choices.azure_closed_state, required=True)),
        "ID",
    ),
    rows=1000,
    keys=("ID",),
    rules=rules,
)
