"""Learning what a tracker calls our tickets, from a file that the tracker exported: CSV, or a JSON array of objects."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.escape import visible
from reports.tickets.ledger import Entry, Ledger
from reports.tickets.profile import ID, Profile
from reports.tickets.targets import TARGETS

IDS = ("externalid", "customfieldexternalid", "ucorrelationid", "correlationid", "findingid", "uniqueidfromtool")
"""Headers under which our id stands, without punctuation and in small letters."""
FOUND = re.compile(rf"Finding:(?:\s|&nbsp;|<[^<>]{{0,80}}>|[`*]){{0,8}}((?:{ID}))(?![a-z0-9])")
"""How our descriptions name it, before anything that a cloud named; trackers dress it up differently."""
TOLD = ("description", "reprosteps", "body")
FIELD = 1 << 24


class Unreadable(ValueError):
    """A file that gives no keys, in one line: what, where, what is allowed."""


@dataclass(frozen=True)
class Learnt:
    """Keys that are new, how many were known already, and a line for each row that was refused."""

    target: str
    keys: Mapping[str, str]
    known: int
    refused: tuple[str, ...]


def learn(file: Path, ledger: Ledger, target: str = "", replace: bool = False) -> Learnt:
    """Reads a tracker's export and keeps its keys.

    Our id is read from a column of its own, or found in the description. A key that differs from
    the one known is refused unless ``replace``; so is one that two tickets would share, and an id that was never
    exported. Without a ``target`` it is the one that was sent these ids. Raises Unreadable, and OSError as it comes.
    """
    header, rows = read(file)
    profile = TARGETS[target] if target else guess(file, header, rows, ledger)
    key = column(file, header, profile)
    entries = ledger.entries(profile.name)
    holders = {entry.key: entry.id for entry in entries.values() if entry.key}
    learnt: dict[str, str] = {}
    refused = []
    known = 0
    for number, row in rows:
        found = sorted(set(ids(header, row)))
        name = row[key].strip() if key < len(row) else ""
        if not found:
            continue
        problem = ""
        if len(found) > 1:
            problem = f"names {len(found)} findings: {', '.join(found[:3])}"
        elif not name:
            problem = f"{found[0]} has no key under {header[key]!r}"
        elif not fits(profile, name):
            problem = f"{name!r} is no key of {profile.product}"
        else:
            problem = conflict(found[0], name, entries, holders, learnt, profile, replace)
        if problem:
            refused.append(visible(f"{file.name}:{number}: {problem}"))
        elif entries[found[0]].key == name:
            known += 1
        else:
            learnt[found[0]] = name
            holders[name] = found[0]
    ledger.learn(profile.name, learnt)
    return Learnt(profile.name, learnt, known, tuple(refused))


def conflict(
    id_: str,
    key: str,
    entries: Mapping[str, Entry],
    holders: Mapping[str, str],
    learnt: Mapping[str, str],
    profile: Profile,
    replace: bool,
) -> str:
    """Why a key is not taken; empty if it is."""
    entry = entries.get(id_)
    if not entry:
        return f"{id_} was never exported to {profile.product}"
    if learnt.get(id_, key) != key:
        return f"{id_} is {learnt[id_]} further up, and {key} here"
    if holders.get(key, id_) != id_:
        return f"{key} is the key of {holders[key]} already, not of {id_}"
    if entry.key and entry.key != key and not replace:
        return f"{id_} is {entry.key} already, not {key}; --replace takes the new one"
    return ""


def read(file: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the rows, with the line on which each ends or, of JSON, its number.

    UTF-8, or UTF-16 by its byte order mark; commas, semicolons or tabs; any line ends; the line ``sep=;`` of spreadsheets.
    """
    data = file.read_bytes()
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"{file}: not {error.encoding.upper()} at byte {error.start}; export it as CSV in UTF-8"
        ) from error
    if text.lstrip().startswith("["):
        return objects(file, text)
    was = csv.field_size_limit(FIELD)
    try:
        told = re.match(r"sep=(.)\r?\n", text)
        text = text[told.end() :] if told else text
        first = text.split("\n", 1)[0]
        mark = told[1] if told else max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise Unreadable(f"{file}: not CSV: {error}") from error
    finally:
        csv.field_size_limit(was)
    if not rows:
        raise Unreadable(f"{file}: is empty; a header with the tracker's key and the finding's id is needed")
    return rows[0][1], rows[1:]


def objects(file: Path, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The same of a JSON array of objects, such as `gh issue list --json number,body` prints."""
    try:
        rows = json.loads(text)
        header = list(dict.fromkeys(name for row in rows for name, _ in row.items()))
    except (ValueError, AttributeError) as error:
        raise Unreadable(f"{file}: no JSON array of objects: {error}") from error
    return header, [(n, [str(row.get(name) or "") for name in header]) for n, row in enumerate(rows, start=1)]


def plainly(name: str) -> str:
    """A header without punctuation, in small letters."""
    return "".join(c for c in name.casefold() if c.isalnum())


def column(file: Path, header: Sequence[str], profile: Profile) -> int:
    """Where the tracker's key stands."""
    names = [plainly(name) for name in header]
    for wanted in profile.keys:
        if plainly(wanted) in names:
            return names.index(plainly(wanted))
    allowed = ", ".join(profile.keys) or "none: it keeps no keys of ours"
    raise Unreadable(f"{file}: no column with the key of {profile.product}; allowed: {allowed}")


def ids(header: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """Our ids in a row: from the column that is theirs, else the first in the description."""
    own = [cell.strip() for name, cell in zip(header, row, strict=False) if plainly(name) in IDS and cell.strip()]
    if own:
        yield from own
        return
    for name, cell in zip(header, row, strict=False):
        if plainly(name) in TOLD and (found := FOUND.search(cell)):
            yield found[1]


def fits(profile: Profile, key: str) -> bool:
    """Whether a text can be a key of the tracker; any short one on a line, unless a file says more of it."""
    shapes = [c.shape for sheet in profile.sheets for c in sheet.columns if c.name in ("Issue Key", "ID", "number")]
    return len(key) <= 255 and key.isprintable() and all(re.fullmatch(shape, key) for shape in shapes)


def guess(file: Path, header: Sequence[str], rows: Sequence[tuple[int, list[str]]], ledger: Ledger) -> Profile:
    """The one target that was sent these ids; of several, the one whose key has a column."""
    found = {id_ for _, row in rows for id_ in ids(header, row)}
    if not found:
        raise Unreadable(
            f"{file}: names no finding of ours; allowed: a column External Id, or the id in the description"
        )
    told = [name for name, profile in TARGETS.items() if profile.keys and found & set(ledger.entries(name))]
    if len(told) > 1:
        names = {plainly(name) for name in header}
        told = [name for name in told if names & {plainly(key) for key in TARGETS[name].keys}] or told
    if len(told) != 1:
        raise Unreadable(
            f"{file}: its findings were exported to {', '.join(told) or 'no tracker'}; say which with --to"
        )
    return TARGETS[told[0]]
