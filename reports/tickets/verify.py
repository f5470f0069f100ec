"""Reads back every file of an export and holds it against the target's rules."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from reports.manifest import manifest_bytes
from reports.tickets.profile import Column, Profile, Sheet, units

CLOSING = {"u_state": "resolved", "lifecycle": "resolved", "is_mitigated": True, "state": "closed"}
"""What a row says that is exported as resolved."""


class Broken(ValueError):
    """A file that cannot be read back, in one line."""


def verify(folder: Path, profile: Profile) -> list[str]:
    """One line per rule that a file breaks; none if the target can take them all.

    Nothing is taken over from the writing: bytes, digests, headers, cells and counts are read again.
    """
    last = f"{profile.name}.manifest.json"
    try:
        manifest = json.loads((folder / last).read_bytes())
        files, setup, complete = manifest["files"], manifest["setup"], manifest["complete"]
        told = [(str(f["name"]), f["kind"], f["part"], f["of"], f["rows"], f["sha256"]) for f in files]
        rows, exported = sum(file[4] for file in told), sum(manifest["counts"].values())
        extras = [(str(file["name"]), file["sha256"]) for file in setup]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"{last}: no manifest: {type(error).__name__} {error}"]
    problems = [] if manifest.get("profile") == profile.name else [f"{last}: is of {manifest.get('profile')}"]
    if rows != exported:
        problems.append(f"{last}: {rows} rows in the files; {exported} were exported")
    problems += strays(folder, profile, {file[0] for file in told})
    for sheet in profile.sheets:
        parts = [file for file in told if file[1] == sheet.name]
        if not parts or [file[2:4] for file in parts] != [(n, len(parts)) for n in range(1, len(parts) + 1)]:
            problems.append(f"{last}: the parts of {sheet.name} are not 1 to {len(parts) or 1}")
        seen: dict[str, str] = {}
        for name, _, _, _, count, digest in parts:
            data = manifest_bytes(folder / name, digest, problems)
            if data is not None:
                problems += (
                    f"{name}: {problem}" for problem in file_problems(data, count, sheet, profile, complete, seen)
                )
    for name, digest in extras:
        data = manifest_bytes(folder / name, digest, problems)
        if data is not None and name.endswith(".json") and not is_json(data):
            problems.append(f"{name}: not JSON")
    return problems


def strays(folder: Path, profile: Profile, named: set[str]) -> Iterator[str]:
    """Files that look like parts of this export and are of another."""
    kinds = "|".join(re.escape(sheet.name) for sheet in profile.sheets)
    part = re.compile(rf"{re.escape(profile.name)}-({kinds})(-\d+-of-\d+)?\.{profile.ending}")
    for name in sorted(file.name for file in folder.iterdir()):
        if part.fullmatch(name) and name not in named:
            yield f"{name}: is not in the manifest, so it is of another export"


def is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def file_problems(
    data: bytes, told: int, sheet: Sheet, profile: Profile, complete: bool, seen: dict[str, str]
) -> Iterator[str]:
    """Everything that is wrong with one file."""
    if profile.size and len(data) > profile.size:
        yield f"{len(data)} bytes; {profile.product} takes {profile.size}"
    try:
        text = data.decode("utf-8")
        rows = {"csv": table, "ndjson": json_lines_rows, "json": json_rows}[profile.ending](text, sheet, profile)
    except UnicodeDecodeError:
        yield "not UTF-8"
        return
    except Broken as error:
        yield str(error)
        return
    if len(rows) != told:
        yield f"{len(rows)} rows; the manifest says {told}"
    if profile.rows and len(rows) > profile.rows:
        yield f"{len(rows)} rows; {profile.product} takes {profile.rows}"
    for number, cells in enumerate(rows, start=1):
        row = dict(cells)
        named: dict[str, list[Any]] = {}
        for name, cell in cells:
            named.setdefault(name, []).append(cell)
        for column in sheet.columns:
            cell = named[column.name].pop(0) if named.get(column.name) else None
            yield from (f"row {number}: {problem}" for problem in misfit(column, cell))
        yield from (f"row {number}: {problem}" for problem in profile.rules(row))
        if sheet.ids and (mark := str(row.get(sheet.ids, ""))):
            if mark in seen:
                yield f"row {number}: {sheet.ids} {mark} stands there twice"
            seen[mark] = mark
        if not complete and (sheet is profile.close or any(row.get(n) == v for n, v in CLOSING.items())):
            yield f"row {number}: exported as resolved although the scan is not complete"


def misfit(column: Column, cell: Any) -> Iterator[str]:
    """What a tracker would refuse in a cell."""
    if cell is None or cell in ("", []):
        if column.required:
            yield f"{column.name} is empty"
        return
    if isinstance(cell, str):
        if column.limit and units(cell) > column.limit:
            yield f"{column.name} has {units(cell)} characters, {column.limit} is the most"
        if column.shape and not re.fullmatch(column.shape, cell):
            yield f"{column.name} is {cell[:60]!r}, which does not fit {column.shape}"
        elif column.shape.startswith(r"\d{4}-") and not is_date(cell):
            yield f"{column.name} is {cell!r}, and there is no such day"


def is_date(text: str) -> bool:
    """Whether the calendar has it."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


Rows = Sequence[Sequence[tuple[str, Any]]]


def table(text: str, sheet: Sheet, profile: Profile) -> Rows:
    """The rows of a CSV file, by header. A header may stand there more than once."""
    if text.startswith("\ufeff") != profile.bom:
        raise Broken("a byte order mark is missing" if profile.bom else "has a byte order mark")
    if not text.endswith("\r\n"):
        raise Broken("the last line does not end with CRLF")
    try:
        header, *rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))
    except (csv.Error, ValueError) as error:
        raise Broken(f"not CSV: {error}") from error
    wanted = [column.name for column in sheet.columns if not column.optional or column.name in header]
    if header != wanted:
        off = sorted(set(wanted) ^ set(header)) or ["their order or number"]
        raise Broken(f"headers are not those of {profile.product}: {', '.join(off)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise Broken(f"row {number}: {len(row)} cells under {len(header)} headers")
    return [list(zip(header, row, strict=True)) for row in rows]


def json_lines_rows(text: str, sheet: Sheet, _: Profile) -> Rows:
    """The rows of a file with an object a line."""
    if text and not text.endswith("\n"):
        raise Broken("the last line does not end")
    return [known_members(line, sheet, number) for number, line in enumerate(text.split("\n")[:-1], start=1)]


def json_rows(text: str, sheet: Sheet, _: Profile) -> Rows:
    """The rows of one JSON document."""
    try:
        rows = json.loads(text)[sheet.name]
    except (ValueError, KeyError, TypeError) as error:
        raise Broken(f"not JSON with {sheet.name}: {error}") from error
    return [known_members(json.dumps(row), sheet, number) for number, row in enumerate(rows, start=1)]


def known_members(line: str, sheet: Sheet, number: int) -> Sequence[tuple[str, Any]]:
    """An object with no key that the target does not know."""
    try:
        row: Mapping[str, Any] = json.loads(line)
        names = set(row)
    except (ValueError, TypeError) as error:
        raise Broken(f"row {number}: not a JSON object: {error}") from error
    if foreign := sorted(names - {column.name for column in sheet.columns}):
        raise Broken(f"row {number}: keys that the target refuses: {', '.join(foreign)}")
    return list(row.items())
