"""What one scan changes in the findings of the history: collected finding by finding, then written at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from collectors.scope import Scope
from reports.store import DETAILS, EVENTS, FINDINGS, chunks, put

CHANGES = {
    "new": "opened_no",
    "reopened": "reopened_no",
    "resolved": "resolved_no",
    "read": "resolved_no",
    "dark": "dark_no",
}
"""The column that holds the scan at which an event happened last."""
AFTER = {"new": "fail", "reopened": "fail", "lit": "fail", "dark": "dark", "unread": "unknown", "resolved": "resolved", "read": "resolved"}  # fmt: skip
"""The state that an event leads to."""


@dataclass(frozen=True)
class Known:
    """A finding as the history has it."""

    no: int
    state: Any
    opened: int | None
    last: int
    check: str
    table: str
    scope: Scope
    digest: str


@dataclass
class Transition:
    """The changes by one scan. ``top`` is the highest number of a finding so far.

    ``moved`` are findings by the event of their life, ``judged`` those by the number of the check, with its severity, that
    they belong to from now on, ``reworded`` those that say something else, and ``listed`` those that the scan lists.
    """

    scan: int
    top: int
    findings: list[dict[str, Any]] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)
    moved: dict[str, list[int]] = field(default_factory=dict)
    judged: dict[int, list[int]] = field(default_factory=dict)
    reworded: list[int] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)

    def add(self, finding: Mapping[str, Any], words: Mapping[str, Any], event: str | None) -> None:
        """A finding that the history has never seen."""
        self.top += 1
        opened = self.scan if finding["state"] == "fail" else None
        seen = {"first_no": self.scan, "last_no": self.scan, "opened_no": opened, "changed_no": self.scan}
        self.findings.append({"no": self.top, **finding, **seen})
        self.details.append({"finding_no": self.top, **words})
        self.events.append({"scan_no": self.scan, "finding_no": self.top, "event": event, "was": "", "opened_no": None})

    def see(self, old: Known, state: str, event: str | None) -> None:
        """A known finding that the scan lists; a dark one was not seen."""
        if state != "dark":
            self.listed.append(old.no)
        self.happen(old.no, event, old.state, old.opened)

    def happen(self, number: int, event: str | None, was: str, opened: int | None) -> None:
        """An event in the life of a known finding, if there is one."""
        if event:
            self.events.append(
                {"scan_no": self.scan, "finding_no": number, "event": event, "was": was, "opened_no": opened}
            )
            self.moved.setdefault(event, []).append(number)

    def reword(self, old: Known, words: Mapping[str, Any], check_no: int) -> None:
        """What a known finding says now, if that is something else. Before the digest's dash stands what counts as a change."""
        if words["digest"] == old.digest:
            return
        self.words.append({"at": old.no, **words})
        if words["digest"].split("-")[0] != old.digest.split("-")[0]:
            self.reworded.append(old.no)
        self.judged.setdefault(check_no, []).append(old.no)

    def counts(self) -> Counter[str]:
        """How many events there are of each kind."""
        return Counter(str(event["event"]) for event in self.events)

    def write(self, connection: Connection) -> None:
        """Writes it all, within the caller's transaction."""
        put(connection, FINDINGS, self.findings)
        put(connection, DETAILS, self.details)
        put(connection, EVENTS, self.events)
        if self.words:
            connection.execute(sa.update(DETAILS).where(DETAILS.c.finding_no == sa.bindparam("at")), self.words)
        for event, numbers in self.moved.items():
            update(connection, numbers, self.after(event))
        for check_no, numbers in self.judged.items():
            update(connection, numbers, {"check_no": check_no})
        update(connection, self.reworded, {"changed_no": self.scan})
        update(connection, self.listed, {"last_no": self.scan})

    def after(self, event: str) -> dict[str, Any]:
        """The columns of a finding that an event changes."""
        values: dict[str, Any] = {"changed_no": self.scan}
        if event in AFTER:
            values["state"] = AFTER[event]
        if column := CHANGES.get(event):
            values[column] = self.scan
        if event in ("new", "reopened"):
            values["opened_no"] = self.scan
        if event == "new":
            values["first_no"] = self.scan
        return values


def update(connection: Connection, numbers: list[int], values: Mapping[str, Any]) -> None:
    """The same values for many findings."""
    for part in chunks(numbers):
        connection.execute(sa.update(FINDINGS).where(FINDINGS.c.no.in_(part)).values(values))
