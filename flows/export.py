"""The verbs `export` and `tickets`: findings to a tracker, and the tracker's keys back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.console import CLEAN, NOT_WRITTEN, USAGE, say
from flows.errors import BadSettings, UnknownName
from flows.history import case_report, open_history
from flows.settings import Settings
from reports.case import CaseReport
from reports.formats.format import FormatOptions
from reports.formats.targets import FORMATS, write
from reports.formats.verify import verify as verify_format
from reports.history import History
from reports.summary import number
from reports.tickets.delta import Only
from reports.tickets.export import Refused, TicketOptions, export
from reports.tickets.keys import Unreadable, learn
from reports.tickets.profile import TrackerSettings
from reports.tickets.targets import TARGETS
from reports.tickets.ticket import By
from reports.tickets.verify import verify

MOST = 20
"""Lines about mistakes in files that are shown."""


def first_lines(lines: Sequence[str]) -> list[str]:
    """As many lines as a person reads, and how many more there are."""
    more = len(lines) - MOST
    return [*lines[:MOST], *([f"and {number(more, 'more line')}"] if more > 0 else [])]


class Misfit(Exception):
    """Files that their target would not take: one line per rule they break."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(first_lines(problems)))


@dataclass(frozen=True)
class ExportRequest:
    """What was typed."""

    to: str
    settings: str = ""
    history: str = ""
    out: str = ""
    only: tuple[Only, ...] = ()
    by: By = "finding"
    include_unknown: bool = False
    include_waived: bool = False
    verify: bool = False


def export_to(asked: ExportRequest) -> int:
    """The verb `export`: paths on stdout, what a person should know on stderr."""
    try:
        files, lines = write_export(asked)
    except Misfit as error:
        say(f"{error}\n{verdict(asked.to)}")
        return NOT_WRITTEN
    for line in lines:
        say(f"{asked.to}: {line}")
    for file in files:
        print(file)
    return CLEAN


def verdict(target: str) -> str:
    """What it means that a rule is broken."""
    if target in FORMATS:
        return f"not valid as {FORMATS[target].product}; the files are there to be looked at"
    return f"not as {TARGETS[target].product} takes it; nothing is noted as exported"


def write_export(asked: ExportRequest) -> tuple[Sequence[Path], Sequence[str]]:
    """The files that were written, and what a person should know. Raises BadSettings, UnknownName and Misfit."""
    with open_history(asked.settings, asked.history) as (history, settings):
        found = read_cases(history, settings, asked.to)
        folder = Path(asked.out or f"{settings.out}/{found.about['scan_id']}/{asked.to}")
        return (interchange if asked.to in FORMATS else tickets)(asked, history, settings, found, folder)


def interchange(
    asked: ExportRequest, history: History, settings: Settings, found: CaseReport, folder: Path
) -> tuple[Sequence[Path], Sequence[str]]:
    """Every case of the last scan in a format that programs read."""
    if asked.only or asked.by != "finding" or asked.include_unknown or asked.include_waived:
        raise BadSettings(
            f"--only, --group-by, --include-unknown, --include-waived: for trackers; {asked.to} has every finding with its lifecycle"
        )
    options = FormatOptions(**settings.formats.model_dump())
    format_ = FORMATS[asked.to]
    files = write(format_, found, history.coverage(found.about["scan_id"]), options, folder)
    if problems := verify_format(folder, format_) if asked.verify else []:
        raise Misfit(problems)
    return files, format_.notes(found, options)


def tickets(
    asked: ExportRequest, history: History, settings: Settings, found: CaseReport, folder: Path
) -> tuple[Sequence[Path], Sequence[str]]:
    """The findings that a tracker does not know yet, as the files that it imports."""
    profile = TARGETS[asked.to]

    def check(written: Path) -> None:
        if problems := verify(written, profile) if asked.verify else []:
            raise Misfit(problems)

    wish = TicketOptions(asked.only, asked.by, asked.include_unknown, asked.include_waived)
    choices = TrackerSettings(**settings.tickets.model_dump())
    try:
        done = export(found, profile, folder, history.ledger(), now(), wish, choices, check)
    except Refused as error:
        raise BadSettings(str(error)) from error
    left = {"unchanged and left out": done.unchanged} if done.unchanged else {}
    told = {kind: count for kind, count in done.counts.items() if count or kind != "unchanged"} | left
    return done.files, [*done.notes, ", ".join(f"{count:,} {kind}" for kind, count in told.items())]


def read_cases(history: History, settings: Settings, target: str) -> CaseReport:
    """The cases of the last scan, with all that was resolved since the oldest that the tracker still takes for open."""
    try:
        return case_report(history, settings, since="" if target in FORMATS else since(history, target))
    except LookupError as error:
        raise UnknownName(f"{history.place}: {error.args[0]}; `iotposture scan` takes one in") from error


def since(history: History, target: str) -> str:
    """The scan after which a resolved finding may not have been told to the tracker; empty if there is none."""
    scans = [str(scan["scan_id"]) for scan in history.scans()]
    if target in TARGETS and TARGETS[target].remembers:
        return scans[0] if scans else ""
    told = {entry.scan_id for entry in history.ledger().entries(target).values() if not entry.closed}
    if told - set(scans):
        return scans[0] if scans else ""
    return next((scan for scan in scans if scan in told), "")


def import_keys(file: str, settings: str, history: str, to: str, replace: bool) -> int:
    """The verb `tickets import`."""
    with open_history(settings, history) as (past, _):
        try:
            done = learn(Path(file), past.ledger(), to, replace)
        except Unreadable as error:
            raise BadSettings(str(error)) from error
        except OSError as error:
            raise BadSettings(f"{file}: {error.strerror or type(error).__name__}") from error
    for line in first_lines(done.refused):
        say(line)
    print(
        f"{done.target}: {number(len(done.keys), 'key')} learnt, {done.known} known already, {number(len(done.refused), 'row')} refused"
    )
    return USAGE if done.refused else CLEAN


def forget(target: str, settings: str, history: str) -> int:
    """The verb `tickets forget`."""
    with open_history(settings, history) as (past, _):
        ledger = past.ledger()
        print(
            f"{target}: {number(ledger.forget(target), 'ticket')} without a key forgotten; the next export has them as new"
        )
    return CLEAN


def now() -> str:
    """For the ledger."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
