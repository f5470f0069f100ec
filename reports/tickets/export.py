"""An export: the files of one target, split where it wants them split, and a manifest that says what they hold."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.files import Writer, write_files
from reports.case import CaseReport
from reports.tickets.delta import DELTA, Only, Selection, select, snapshot
from reports.tickets.ledger import Entry, Ledger
from reports.tickets.profile import Column, Context, Profile, Sheet, TrackerSettings
from reports.tickets.ticket import By, Ticket, sheaf, tickets_one_each

BOM = "\ufeff"


@dataclass(frozen=True)
class TicketOptions:
    """What is to be exported. Without ``only``: for a tracker all that it does not know yet, else everything."""

    only: tuple[Only, ...] = ()
    by: By = "finding"
    include_unknown: bool = False
    include_waived: bool = False


@dataclass(frozen=True)
class Done:
    """What was written, the manifest last, and one line per thing that a person should know.

    ``unchanged`` are the tickets that were left out because there is nothing to tell about them.
    """

    files: tuple[Path, ...]
    counts: Mapping[str, int]
    notes: tuple[str, ...]
    unchanged: int = 0


@dataclass(frozen=True)
class Part:
    """One file: rows of one sheet."""

    name: str
    text: str
    sheet: Sheet
    rows: int
    number: int
    of: int

    @property
    def data(self) -> bytes:
        return self.text.encode("utf-8", errors="backslashreplace")


class Refused(ValueError):
    """An export that a target cannot have, in one line."""


def export(
    case_report: CaseReport,
    profile: Profile,
    folder: Path,
    ledger: Ledger,
    now: str,
    wish: TicketOptions,
    choices: TrackerSettings,
    check: Callable[[Path], None] = lambda _: None,
) -> Done:
    """Writes the files of a target into a folder, and notes in the ledger what they hold.

    ``now`` is ISO 8601 in UTC with ``Z``; it goes into the ledger only. ``check`` may refuse what was written by raising:
    then the files stay to be looked at, and the ledger is as it was. Raises Refused, and OSError as it comes.
    """
    if profile.update == "snapshot" and wish.by != "finding":
        raise Refused(f"--group-by {wish.by}: {profile.product} takes findings one by one")
    only: tuple[Only, ...] = wish.only or (("all",) if profile.update == "snapshot" else DELTA)
    keys = ledger.keys()
    with ledger.turn(profile.name) as turn:
        left_out: dict[str, int] = {}
        if profile.update == "snapshot":
            chosen = snapshot(tickets_one_each(case_report), profile, only, case_report.about, wish.include_unknown)
        else:
            every = sheaf(case_report, wish.by, wish.include_unknown, wish.include_waived)
            chosen = select(every, turn.entries, profile, only, case_report.about)
            left_out = {"waived": every.waived, "dark": every.dark, "unknown": every.unknown}
            turn.note(ledger_entries(chosen, turn.entries, case_report.about["scan_id"], now))
        context = Context(case_report.about, choices, keys, only)
        parts = [p for sheet in profile.sheets for p in split(rows_of(sheet, profile, chosen), sheet, profile, context)]
        extras = profile.setup(context, chosen.all)
        manifest = manifest_json(profile, case_report.about, wish, only, parts, extras, chosen, left_out)
        texts = {part.name: part.data for part in parts} | {name: text.encode() for name, text in extras.items()}
        files = write(folder, texts, profile.name, manifest)
        check(folder)
    return Done(tuple(files), chosen.counts, tuple(chosen.notes), chosen.left_out)


def ledger_entries(chosen: Selection, entries: Mapping[str, Entry], scan: str, now: str) -> list[Entry]:
    """What the ledger keeps of a selection."""
    keys = {id_: entry.key for id_, entry in entries.items()}
    return [Entry(ticket.id, keys.get(ticket.id, ""), ticket.digest, ticket.closed, scan, now) for ticket in chosen.all]


def rows_of(sheet: Sheet, profile: Profile, chosen: Selection) -> list[Ticket]:
    """The tickets that go into one kind of file; where a target has none for changes, they go with the new ones."""
    if sheet is profile.close:
        return chosen.close
    if sheet is profile.reopen:
        return chosen.reopen
    if sheet is profile.change:
        return chosen.change
    return [*chosen.create, *([] if profile.change else chosen.change)]


def split(tickets: Sequence[Ticket], sheet: Sheet, profile: Profile, context: Context) -> list[Part]:
    """One file, or as many as keep each within the target's rows and bytes; a file with no rows is a header."""
    if profile.ending == "json":
        text = document(tickets, sheet, profile, context)
        return [Part(f"{profile.name}-{sheet.name}.json", text, sheet, len(tickets), 1, 1)]
    columns = sheet.filled_columns(tickets, context)
    head = line([column.name for column in columns]) if profile.ending == "csv" else ""
    head = BOM + head if profile.bom else head
    held: list[tuple[list[str], int]] = [([], len(head.encode()))]
    for text in lines(tickets, columns, profile, context):
        size = len(text.encode("utf-8", errors="backslashreplace"))
        rows, bytes_ = held[-1]
        if rows and ((profile.rows and len(rows) >= profile.rows) or (profile.size and bytes_ + size > profile.size)):
            held.append(([], len(head.encode())))
            rows, bytes_ = held[-1]
        rows.append(text)
        held[-1] = (rows, bytes_ + size)
    many = len(held)
    return [
        Part(
            f"{profile.name}-{sheet.name}{f'-{number}-of-{many}' if many > 1 else ''}.{profile.ending}",
            head + "".join(rows), sheet, len(rows), number, many,
        )
        for number, (rows, _) in enumerate(held, start=1)
    ]  # fmt: skip


def lines(tickets: Iterable[Ticket], columns: Sequence[Column], profile: Profile, context: Context) -> Iterator[str]:
    for ticket in tickets:
        if profile.ending == "csv":
            yield line([column.cell(ticket, context) for column in columns])
        else:
            yield json.dumps(without_empty(ticket, columns, context)) + "\n"


def line(cells: Sequence[str]) -> str:
    """A row of CSV: RFC 4180, every cell quoted, CRLF."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def without_empty(ticket: Ticket, columns: Sequence[Column], context: Context) -> dict[str, Any]:
    """A row as an object, without what is empty."""
    cells = ((column.name, column.cell(ticket, context)) for column in columns)
    return {name: cell for name, cell in cells if cell is not None and cell not in ("", [])}


def document(tickets: Iterable[Ticket], sheet: Sheet, profile: Profile, context: Context) -> str:
    """One JSON document, a finding a line."""
    opening = "".join(
        f"{json.dumps(name)}: {json.dumps(value)},\n" for name, value in profile.envelope(context).items()
    )
    rows = ",\n".join(json.dumps(without_empty(ticket, sheet.columns, context)) for ticket in tickets)
    return f'{{\n{opening}"{sheet.name}": [\n{rows}\n]\n}}\n'


def manifest_json(
    profile: Profile,
    about: Mapping[str, str],
    wish: TicketOptions,
    only: Sequence[Only],
    parts: Sequence[Part],
    extras: Mapping[str, str],
    chosen: Selection,
    left_out: Mapping[str, int],
) -> str:
    """The manifest. Nothing in it depends on when or where it was written."""
    complete = about["scan_complete"] == "true"
    held = {
        "manifest_version": 1,
        "profile": profile.name,
        "product": profile.product,
        "tool_version": about["tool_version"],
        "scan_id": about["scan_id"],
        "scan_completed_at": about["scan_completed_at"],
        "complete": complete,
        "coverage_pct": about["coverage_pct"],
        "closures": ("exported" if profile.close or profile.update == "snapshot" else "never") if complete else "withheld",
        "only": list(only),
        "grouped_by": wish.by,
        "guard": profile.guard,
        "counts": chosen.counts,
        "left_out": dict(left_out),
        "notes": chosen.notes,
        "files": [
            {
                "name": part.name, "kind": part.sheet.name, "part": part.number, "of": part.of, "rows": part.rows,
                "bytes": len(part.data), "sha256": hashlib.sha256(part.data).hexdigest(),
            }
            for part in parts
        ],
        "setup": [
            {"name": name, "bytes": len(text.encode()), "sha256": hashlib.sha256(text.encode()).hexdigest()}
            for name, text in extras.items()
        ],
    }  # fmt: skip
    return json.dumps(held, indent=2) + "\n"


def write(folder: Path, texts: Mapping[str, bytes], name: str, manifest: str) -> list[Path]:
    """All files whole, the manifest last; parts of an older export go."""
    last = f"{name}.manifest.json"
    older = set(before(folder / last)) - set(texts)

    def ready() -> None:
        for file in (last, *older):
            (folder / file).unlink(missing_ok=True)

    def writer(data: bytes) -> Writer:
        return lambda out: out.write(data)

    return write_files(folder, {file: writer(data) for file, data in {**texts, last: manifest.encode()}.items()}, ready)


def before(manifest: Path) -> list[str]:
    """The files that an older manifest names, if there is one."""
    try:
        held = json.loads(manifest.read_bytes())
        names = [file["name"] for file in held["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str) and Path(name).name == name]
