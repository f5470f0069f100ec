"""Which tickets go into an export: what the tracker does not know yet, as far as its importer can be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from reports.summary import number
from reports.tickets.ledger import Entry
from reports.tickets.profile import Profile
from reports.tickets.ticket import Sheaf, Ticket

Only = Literal["new", "changed", "reopened", "resolved", "all"]
DELTA: tuple[Only, ...] = ("new", "changed", "reopened", "resolved")
KINDS = (*DELTA, "unchanged")


@dataclass
class Selection:
    """Tickets by the sheet they go to, how many there are of each kind, and what a person should know.

    ``left_out`` are those about which there is nothing to tell.
    """

    create: list[Ticket] = field(default_factory=list)
    change: list[Ticket] = field(default_factory=list)
    reopen: list[Ticket] = field(default_factory=list)
    close: list[Ticket] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: int = 0

    @property
    def all(self) -> list[Ticket]:
        """Every ticket of the export."""
        return [*self.create, *self.change, *self.reopen, *self.close]


def kind(ticket: Ticket, entry: Entry | None, scan: str) -> str:
    """What a ticket is to a tracker that was last told what ``entry`` says. Empty: nothing to tell.

    ``new``: it was never exported. ``reopened``: it was exported as resolved, or it was resolved and this scan sees it
    again. ``changed``: its digest is another. ``resolved``: it was exported, and not yet as resolved.
    """
    if ticket.closed:
        return "resolved" if entry and not entry.closed else ""
    if not entry:
        return "new"
    if entry.closed or (ticket.case.lifecycle == "reopened" and entry.scan_id != scan):
        return "reopened"
    return "unchanged" if entry.digest == ticket.digest else "changed"


def select(
    sheaf: Sheaf, entries: Mapping[str, Entry], profile: Profile, only: Sequence[Only], about: Mapping[str, str]
) -> Selection:
    """The tickets of ``only`` (``all`` is every kind) that the tracker's importer can take."""
    complete = about["scan_complete"] == "true"
    wanted = KINDS if "all" in only else only
    chosen = Selection(counts=dict.fromkeys(KINDS, 0))
    left = Counter[str]()
    for ticket in (*sheaf.open, *sheaf.resolved):
        entry = entries.get(ticket.id)
        what = kind(ticket, entry, about["scan_id"])
        if not what:
            continue
        if why := obstacle(what, entry, profile, wanted, complete):
            left[why] += 1
        else:
            tickets_of(chosen, what, profile).append(
                ticket
                if what == "new"
                else replace(ticket, key=entry.key if entry else "", reopened=what == "reopened")
            )
            chosen.counts[what] += 1
    chosen.left_out = left["unchanged"]
    strangers = sum(not entry.closed and id_ not in sheaf.known for id_, entry in entries.items())
    chosen.notes.extend(notes(left, strangers, profile, about))
    return chosen


def obstacle(what: str, entry: Entry | None, profile: Profile, wanted: Sequence[str], complete: bool) -> str:
    """Why a ticket does not go into an export; empty text for one that does."""
    if what == "resolved" and not complete:
        return "incomplete"
    if what not in wanted:
        return "unchanged" if what == "unchanged" else "unwanted"
    if what != "new" and profile.update == "never":
        return "unwanted" if what == "unchanged" else "no update"
    return "no key" if what != "new" and profile.update == "key" and not (entry and entry.key) else ""


def tickets_of(chosen: Selection, what: str, profile: Profile) -> list[Ticket]:
    """The list of an export that tickets of a kind go into."""
    if what == "new":
        return chosen.create
    if what == "resolved":
        return chosen.close
    return chosen.reopen if what == "reopened" and profile.reopen else chosen.change


def notes(left: Counter[str], strangers: int, profile: Profile, about: Mapping[str, str]) -> Iterator[str]:
    """What a person should know of the tickets that were left out, by the reason."""
    if about["scan_complete"] != "true":
        yield f"the scan is not complete ({about['coverage_pct']} % coverage): {closures(left['incomplete'])}"
    if left["no key"]:
        yield (
            f"without a key, so not updated: {number(left['no key'], 'ticket')}; "
            f"`iotposture tickets import KEYS.csv --to {profile.name}` with what {profile.product} exports, "
            f"or `iotposture tickets forget {profile.name}` if nobody imported the files"
        )
    if strangers:
        yield (
            f"neither updated nor closed: {number(strangers, 'ticket')} exported with another --group-by, or of something "
            "that this scan did not look at or that is no more; look after them in the tracker"
        )
    if left["no update"]:
        yield f"{number(left['no update'], 'update')} left out: {profile.product}'s importer only creates"


def closures(withheld: int) -> str:
    return f"nothing is exported as resolved{f', {withheld} held back' if withheld else ''}"


def snapshot(
    tickets: Iterable[Ticket], profile: Profile, only: Sequence[Only], about: Mapping[str, str], include_unknown: bool
) -> Selection:
    """Every case, or those in the states of ``only``, for a target that keeps no track."""
    complete = about["scan_complete"] == "true"
    chosen = Selection(counts=dict.fromkeys(KINDS, 0))
    withheld = 0
    for ticket in tickets:
        case = ticket.case
        what = case.lifecycle if case.lifecycle in DELTA else "changed" if case.changed else "unchanged"
        if ticket.closed and not complete:
            withheld += 1
        elif profile.judged and case.finding.status != "fail" and case.lifecycle != "dark" and not include_unknown:
            continue
        elif "all" in only or what in only:
            chosen.create.append(ticket)
            chosen.counts[what] += 1
    if not complete:
        chosen.notes.append(f"the scan is not complete ({about['coverage_pct']} % coverage): {closures(withheld)}")
    return chosen
