"""What was done to the waivers: an audit log beside their file, one JSON object a line, only ever appended to.

Each line holds the hash of the line before, so a line that was changed, taken out or put in breaks the chain. Lines cut
off the end, and a chain that somebody computed anew, show only against a hash kept elsewhere: ``iotposture waivers
lint`` prints the last one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from checks.waiver import Waiver
from collectors.files import private_opener

Plain = Mapping[str, Any]
Change = tuple[str, Plain | None, Plain | None]
"""A waiver's id, what it was and what it is; None where it was not, or is no more."""
Action = Literal["added", "changed", "removed"]
FIELDS = ("number", "at", "actor", "action", "waiver", "before", "after", "previous", "hash")


def log_of(file: Path) -> Path:
    """Where the log of a waivers file lies: ``waivers.audit.jsonl`` for ``waivers.toml``."""
    return file.with_suffix(".audit.jsonl")


def waiver_fields(waiver: Waiver) -> Plain:
    """A waiver as the log keeps it: what differs from the defaults."""
    return waiver.model_dump(mode="json", exclude_defaults=True)


def entry_hash(entry: Plain) -> str:
    """The hash of an entry: SHA-256 over its other fields as JSON with sorted keys, ``previous`` among them."""
    rest = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Log:
    """The entries up to the first that is wrong; ``broken`` says what is wrong with that one."""

    entries: tuple[Plain, ...] = ()
    broken: str = ""

    @property
    def head(self) -> str:
        """The hash of the last entry; empty text for a log without any."""
        return str(self.entries[-1]["hash"]) if self.entries else ""

    def state(self) -> dict[str, Plain]:
        """The waivers as they were last recorded, by id."""
        held: dict[str, Plain] = {}
        for entry in self.entries:
            held.pop(entry["waiver"], None)
            if entry["after"] is not None:
                held[entry["waiver"]] = entry["after"]
        return held

    def unrecorded(self, waivers: Iterable[Waiver]) -> list[Change]:
        """What the waivers are now and the log does not say."""
        before, after = self.state(), {waiver.id: waiver_fields(waiver) for waiver in waivers}
        names = dict.fromkeys((*after, *before))
        return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def read(log: Path) -> Log:
    """The log, its chain verified. One that is not there has no entries. Raises OSError."""
    try:
        return checked_log(log.read_bytes())
    except FileNotFoundError:
        return Log()


def checked_log(content: bytes) -> Log:
    """The entries of a log."""
    entries: list[Plain] = []
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        if why := wrong(line, number, str(entries[-1]["hash"]) if entries else ""):
            return Log(tuple(entries), f"line {number}: {why}")
        entries.append(json.loads(line))
    return Log(tuple(entries))


def wrong(line: bytes, number: int, previous: str) -> str:
    """What is wrong with a line; empty text when nothing is."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return "is no JSON"
    if not line.endswith(b"\n"):
        return "has no end"
    if not isinstance(entry, dict) or tuple(entry) != FIELDS or not isinstance(entry["waiver"], str):
        return "is no entry of this log"
    if entry["number"] != number or entry["previous"] != previous:
        return "does not follow the line before"
    return "" if entry["hash"] == entry_hash(entry) else "was changed after it was written"


@contextmanager
def lock(log: Path) -> Iterator[BinaryIO]:
    """The log, open for :func:`append`, and nobody else's until the end. Raises OSError."""
    import fcntl  # POSIX only; what only reads a log does without

    with open(log, "a+b", opener=private_opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def append(file: BinaryIO, changes: Sequence[Change], actor: str, now: datetime) -> None:
    """Adds one entry a change and brings them to the disk: all of them, or none. Raises OSError.

    ``file`` comes from :func:`locked` and holds a log that is not broken.
    """
    file.seek(0)
    log = checked_log(file.read())
    number, previous = len(log.entries), log.head
    lines = []
    for waiver, before, after in changes:
        number += 1
        action: Action = "added" if before is None else "removed" if after is None else "changed"
        at = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        values = (number, at, actor, action, waiver, before, after, previous)
        entry = dict(zip(FIELDS[:-1], values, strict=True))
        previous = entry_hash(entry)
        lines.append(json.dumps({**entry, "hash": previous}) + "\n")
    size = file.seek(0, os.SEEK_END)
    try:
        file.write("".join(lines).encode())
        file.flush()
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), size)
        raise
