"""How a tracker wants its files: columns, limits, what it can update, and what its importer has to be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reports.tickets.ticket import Ticket

Update = Literal["key", "id", "never", "snapshot"]
"""How a tracker learns that a ticket changed: its own ``key`` stands in the row; the finding's ``id`` does, on which it
matches; ``never``, it only creates; ``snapshot``: every file holds everything, and no tickets are kept track of."""

DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
ID = r"(v1|g1):[a-z2-7]{26}"


@dataclass(frozen=True)
class TrackerSettings:
    """What differs between two users of one tracker; from the section ``[tickets]`` of the settings."""

    jira_project: str = ""
    jira_issue_type: str = "Task"
    jira_open_status: str = "To Do"
    jira_closed_status: str = "Done"
    azure_work_item_type: str = "Bug"
    azure_area_path: str = ""
    azure_open_state: str = "Active"
    azure_closed_state: str = "Closed"
    gitlab_labels: bool = True


@dataclass(frozen=True)
class Context:
    """What is known beside the ticket: about the scan, the choices, and every key known for a finding."""

    about: Mapping[str, str]
    choices: TrackerSettings
    keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a file: how a ticket fills it, and what the tracker takes. ``limit`` is in characters, 0 is none.

    An ``optional`` column is left out of a file in which it would be empty, because not every project has it.
    """

    name: str
    cell: Callable[[Ticket, Context], Any]
    limit: int = 0
    required: bool = False
    shape: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Sheet:
    """One kind of file. ``ids`` names the column in which each row is one of its kind."""

    name: str
    columns: tuple[Column, ...]
    ids: str = ""

    def filled_columns(self, tickets: Sequence[Ticket], context: Context) -> list[Column]:
        """The columns of a file with these tickets."""
        return [c for c in self.columns if not c.optional or any(c.cell(ticket, context) for ticket in tickets)]


@dataclass(frozen=True)
class Profile:
    """One tracker. What was resolved and is back goes into ``reopen`` where there is such a sheet, else it is a change; changes
    go into ``create`` where there is no ``change``. ``rows`` and ``size`` (bytes) are what it takes in one file, 0 is no limit; more is split.

    ``keys`` are the headers under which the tracker's own export has its key, the best first. ``setup`` gives the
    importer's files by name, ``rules`` what a row must obey beyond its columns. ``guard`` says in the manifest what was
    done to cells: ``none`` means that only the tracker's importer should open the file. ``judged``: what could not be judged
    is left out unless asked for; of trackers that are no ``snapshot`` it always is. ``remembers``: a snapshot also holds all
    that was ever resolved, because nobody keeps track of what its target was told.
    """

    name: str
    product: str
    update: Update
    create: Sheet
    change: Sheet | None = None
    reopen: Sheet | None = None
    close: Sheet | None = None
    ending: Literal["csv", "ndjson", "json"] = "csv"
    rows: int = 0
    size: int = 0
    keys: tuple[str, ...] = ()
    guard: str = "none"
    bom: bool = False
    judged: bool = False
    remembers: bool = False
    setup: Callable[[Context, Sequence[Ticket]], Mapping[str, str]] = lambda _, __: {}
    rules: Callable[[Mapping[str, Any]], Iterator[str]] = lambda _: iter(())
    envelope: Callable[[Context], Mapping[str, Any]] = lambda _: {}

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """Every kind of file that an export writes, whether a row goes into it or not."""
        return tuple(sheet for sheet in (self.create, self.change, self.reopen, self.close) if sheet)


def units(text: str) -> int:
    """Characters as Java, JavaScript and .NET count them."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def email(owner: str) -> str:
    """The owner, if that is an address."""
    name, _, domain = owner.partition("@")
    plain = all(
        part.replace(".", "").replace("-", "").replace("_", "").replace("+", "").isalnum() for part in (name, domain)
    )
    return owner if owner.isascii() and plain and "." in domain else ""
