"""A collected run on disk: one folder per scope, one parquet file per table, any fsspec URL.

Every file is written under a temporary name and renamed. ``coverage.parquet`` is written last: a scope that has it
is whole, and is not collected again when the run is resumed.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from errno import EAGAIN, EEXIST
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fsspec
import pandas as pd
from fsspec.implementations.local import LocalFileSystem

from collectors.errors import BadRun, is_scan_id
from collectors.files import OLD, filesystem, lock, path_part, private_folder, write_file
from collectors.operation import Collector, Memory, Notes, Reader, ReadFailed, Session
from collectors.registry import TABLES, collectors_in
from collectors.schema import (
    COVERAGE,
    GAPS,
    TEXT,
    UNREAD,
    Row,
    Table,
    Tables,
    Unread,
    column_value,
    coverage_frame,
    gaps_frame,
    unread_frame,
    unread_note,
)
from collectors.scope import Scope
from collectors.tables.device import Certificate


def collect(
    scope: Scope, session: Session, memory: Memory, clock: datetime, chosen: Sequence[Collector] = ()
) -> Tables:
    """Reads everything about one scope, or what the chosen collectors do. What could not be read is noted, never raised."""
    notes, rows, kept = Notes(), dict[type[Table], list[Row]](), memory.kept.of(scope)
    for collector in chosen or collectors_in(scope):
        reader = Reader(scope, session, clock, notes, memory, collector, kept)
        rows.setdefault(collector.table, []).extend(collector.rows(reader))
    whole = not chosen and all(gap["table"] != Certificate.id() for gap in notes.gaps)
    memory.kept.write(scope, kept, whole=whole)
    return Tables(
        {table: sorted_unique(frame_of(table, found, notes)) for table, found in rows.items()},
        unread_frame(notes.unread),
        gaps_frame(notes.gaps),
        coverage_frame(notes.coverage[key] for key in sorted(notes.coverage)),
    )


def frame_of(table: type[Table], rows: list[Row], notes: Notes) -> pd.DataFrame:
    """The rows as a dataframe. A value that its column cannot hold, such as a new word of the provider's, is unread."""
    try:
        return table.frame(rows)
    except ValueError:
        return table.frame(readable_row(table, row, notes) for row in rows)


def readable_row(table: type[Table], row: Row, notes: Notes) -> Row:
    """The row without the values that their columns cannot hold, each of them noted."""
    kept = dict(row)
    for name, column in table.columns().items():
        try:
            column_value(table, name, column, row.get(name))
        except ValueError as error:
            kept[name] = None
            notes.unread.append(unread_note(table, row, name, Unread("not_parseable", detail=str(error))))
    return kept


def sorted_unique(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in one order, whatever order the provider gave them in; a row the provider gave twice stays once."""
    if len(frame) < 2:
        return frame
    key = ["provider", "account", "region", "resource", "subject"]
    return frame.drop_duplicates(key).sort_values(key, ignore_index=True)


PART = re.compile(r"/(run\.json|[^/]+\.parquet)\.[0-9a-f]{32}\.part$")
"""Name of a file that :func:`collectors.files.write_file` is writing."""
KEY = frozenset({"provider", "account", "region", "resource"})
"""Columns that every table has."""
NEEDED: Mapping[str, frozenset[str]] = {
    **{table.id(): KEY for table in TABLES},
    "unread": frozenset({"table", "resource", "column", "cause"}),
    "gaps": frozenset({"table", "cause"}),
    "coverage": frozenset({"outcome"}),
    "findings": frozenset({"finding_id", "check_id", "severity", "status", "provider", "account_id", "region"}),
    "counts": frozenset({"check_id", "provider", "account_id", "region", "passed", "failed", "unknown"}),
}
"""Columns that each frame of a run has, in every version."""


def tables_of_lost_scope(scope: Scope, error: Exception) -> Tables:
    """A scope of which nothing was kept, because something was raised that nobody expected: all of it is unknown."""
    notes, failure = Notes(), ReadFailed("failed", type(error).__name__, "the scope was given up")
    for collector in collectors_in(scope):
        notes.gap(scope, collector, failure, collector.operations[0])
        for operation in collector.operations:
            notes.cover(scope, scope.region, operation, failure, collector.table.id())
    return Tables(
        gaps=gaps_frame(notes.gaps), coverage=coverage_frame(notes.coverage[key] for key in sorted(notes.coverage))
    )


@dataclass(frozen=True)
class Run:
    """A run at a URL or path. Raises ``OSError`` when it cannot be read or written, BadRun when it holds something else."""

    url: str
    storage: Mapping[str, Any] | None = None

    def _fs(self) -> tuple[fsspec.AbstractFileSystem, str]:
        return filesystem(self.url, self.storage)

    def folder(self, scope: Scope) -> str:
        """The scope's folder below the run; ids are percent-encoded, so none can leave it."""
        return "/".join(path_part(part) for part in (scope.provider, scope.account, scope.region))

    def _write(self, path: str, write: Callable[[Any], None]) -> None:
        fs, root = self._fs()
        write_file(fs, f"{root}/{path}", write)

    def write_about(self, about: Mapping[str, Any]) -> None:
        """Writes what the run is: its id, clock, scopes and versions."""
        self._write("run.json", lambda file: file.write(json.dumps(about, indent=2, sort_keys=True).encode()))

    def begin(self, about: Mapping[str, Any]) -> None:
        """Writes what the run is, and forgets the run of another scan that lies there.

        Raises FileExistsError where a scan with the same id began at another time.
        """
        try:
            earlier = self.about()
        except (FileNotFoundError, NotADirectoryError, BadRun):
            earlier = {"scan_id": "", "clock": ""}
        if earlier["scan_id"] != about["scan_id"]:
            self._forget()
        elif earlier["clock"] != about["clock"]:
            raise FileExistsError(EEXIST, f"a scan with the id {about['scan_id']} began there before", self.url)
        self._remove_parts()
        self.write_about(about)

    def _remove_parts(self) -> None:
        """Removes what a scan killed an hour ago was writing, where files are not written by :func:`write_files`."""
        fs, root = self._fs()
        for path in fs.find(root):
            if PART.search(path):
                with suppress(OSError, NotImplementedError):
                    if datetime.now(UTC) - fs.modified(path).astimezone(UTC) > timedelta(seconds=OLD):
                        fs.rm(path)

    def _forget(self) -> None:
        """Removes every frame."""
        fs, root = self._fs()
        paths = {path: path.removeprefix(root).strip("/").split("/") for path in fs.find(root)}
        for path in sorted(paths):  # coverage before the rest: what is half gone counts as not collected
            if len(paths[path]) == 4 and path.endswith(".parquet"):
                fs.rm(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes into the run, on this machine's disk, until the end. Raises BlockingIOError where one does.

        Elsewhere a scan has a folder by its own id.
        """
        fs, root = self._fs()
        if not isinstance(fs, LocalFileSystem):
            yield
            return
        private_folder(Path(root))
        folder = os.open(root, os.O_RDONLY)
        try:
            try:
                lock(folder, wait=False)
            except BlockingIOError as error:
                raise BlockingIOError(EAGAIN, "another scan is writing there", root) from error
            except OSError:  # some network file systems lock no folder
                pass
            yield
        finally:
            os.close(folder)

    def about(self) -> dict[str, Any]:
        """What the run is. Raises ``FileNotFoundError`` where no run lies, and BadRun for what no scan has written."""
        fs, root = self._fs()
        with fs.open(f"{root}/run.json", "rb") as file:
            text = file.read()
        try:
            about = json.loads(text)
        except (ValueError, RecursionError):
            raise BadRun(f"{self.url}/run.json: is no JSON") from None
        if wrong := fault_of(about):
            raise BadRun(f"{self.url}/run.json: {wrong}")
        return dict(about)

    def write_frame(self, scope: Scope, name: str, frame: pd.DataFrame) -> None:
        """Writes one frame beside a scope's tables, such as its findings."""
        self._write(f"{self.folder(scope)}/{name}.parquet", lambda file: frame.to_parquet(file, index=False))

    def read_frame(self, scope: Scope, name: str) -> pd.DataFrame:
        """Reads a frame back as it was written, text as text. Raises ``FileNotFoundError``."""
        frame = self._parquet(scope, name)
        return frame.astype(
            {column: TEXT for column in frame.columns if frame[column].dtype not in ("Int64", "boolean")}
        )

    def _parquet(self, scope: Scope, name: str) -> pd.DataFrame:
        """A frame of a scope as its file holds it. Raises ``FileNotFoundError``, and BadRun for what is no such file."""
        fs, root = self._fs()
        path = f"{self.folder(scope)}/{name}.parquet"
        with fs.open(f"{root}/{path}", "rb") as file:
            content = file.read()
        try:
            frame = pd.read_parquet(io.BytesIO(content))
        except Exception as error:  # a file that was cut or changed makes pyarrow raise almost anything
            raise BadRun(f"{self.url}/{path}: is no whole parquet file ({type(error).__name__})") from error
        if missing := NEEDED.get(name, frozenset()) - set(frame.columns):
            raise BadRun(f"{self.url}/{path}: holds no {name}, it has no column {', '.join(sorted(missing))}")
        return frame

    def has(self, scope: Scope) -> bool:
        """Whether the scope was collected to its end."""
        fs, root = self._fs()
        return bool(fs.isfile(f"{root}/{self.folder(scope)}/coverage.parquet"))

    def write(self, scope: Scope, tables: Tables) -> None:
        """Writes one scope; it counts as collected only once the last file is in place."""
        if self.has(scope):
            fs, root = self._fs()
            fs.rm(f"{root}/{self.folder(scope)}/coverage.parquet")
        frames = {table.id(): frame for table, frame in tables.frames.items()}
        frames |= {"unread": tables.unread, "gaps": tables.gaps, "coverage": tables.coverage}
        for name, frame in frames.items():
            self.write_frame(scope, name, frame)

    def read(self, scope: Scope) -> Tables:
        """Reads one scope back, with the dtypes that keep ``<NA>``."""
        fs, root = self._fs()
        folder = f"{root}/{self.folder(scope)}"

        frames = {}
        for table in TABLES:
            if fs.exists(f"{folder}/{table.id()}.parquet"):
                kinds = {name: column.dtype for name, column in table.columns().items()}
                frames[table] = self._typed(scope, table.id(), kinds)
        unread = split_key(self._parquet(scope, "unread"))
        notes = ((unread, UNREAD), (self._parquet(scope, "gaps"), GAPS), (self._parquet(scope, "coverage"), COVERAGE))
        return Tables(frames, *(frame.reindex(columns=list(c), fill_value="").astype(TEXT) for frame, c in notes))

    def _typed(self, scope: Scope, name: str, kinds: Mapping[str, Any]) -> pd.DataFrame:
        """A table of a scope with the columns and types that it has now; a column that it did not have is ``<NA>``."""
        frame = self._parquet(scope, name).reindex(columns=list(kinds))
        try:
            return frame.astype(dict(kinds))
        except (ValueError, TypeError, ArithmeticError) as error:
            path = f"{self.folder(scope)}/{name}.parquet"
            raise BadRun(f"{self.url}/{path}: holds no {name}, a column has another type") from error

    def scopes(self) -> Iterator[Scope]:
        """Every scope that was collected to its end, in order."""
        fs, root = self._fs()
        for path in sorted(fs.find(root)):
            *folder, name = path.removeprefix(root).strip("/").split("/")
            if name == "coverage.parquet" and len(folder) == 3:
                yield Scope(*(unquote(part) for part in folder))


def is_texts(value: object, kind: type = list) -> bool:
    """Whether a value is a list of texts, or texts by name."""
    members = value.values() if isinstance(value, dict) else value
    return isinstance(value, kind) and all(isinstance(one, str) for one in members)  # type: ignore[attr-defined]


def is_time(value: object) -> bool:
    """Whether a value is a moment in ISO 8601, with its time zone."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def all_of(value: object, holds: Callable[[Any], bool]) -> bool:
    """Whether a value is a list, and something holds for each of its members."""
    return isinstance(value, list) and all(map(holds, value))


ABOUT: Mapping[str, Callable[[Any], bool]] = {
    "scan_id": is_scan_id,
    "clock": is_time,
    "tool_version": lambda value: isinstance(value, str),
    "scopes": lambda value: all_of(value, lambda parts: is_texts(parts) and len(parts) == 3),
    "unreachable": lambda value: is_texts(value, dict),
    "select": is_texts,
    "only": is_texts,
    "own_folder": lambda value: isinstance(value, bool),
    "found": lambda value: all_of(value, lambda row: is_texts(row, dict)),
    "would_ask": lambda value: isinstance(value, dict) and all(type(number) is int for number in value.values()),
}
"""What each part of a run.json has to be. A run of an older version does not have the last ones."""
LATER = frozenset({"only", "own_folder", "found", "would_ask"})


def fault_of(about: object) -> str:
    """What is wrong with the content of a run.json; empty text if nothing is."""
    if not isinstance(about, dict):
        return "is no object"
    if missing := [name for name in ABOUT if name not in about and name not in LATER]:
        return f"has no {', '.join(missing)}"
    return next(
        (
            f"{name} is {'no id that a folder can have' if name == 'scan_id' else 'not as a scan writes it'}"
            for name, holds in ABOUT.items()
            if name in about and not holds(about[name])
        ),
        "",
    )


def split_key(unread: pd.DataFrame) -> pd.DataFrame:
    """Notes of unread cells as they are now: those of schema version 1 hold resource and subject in one text."""
    if "subject" in unread.columns:
        return unread
    key = unread["resource"].astype(TEXT).str.rpartition("#")
    return unread.assign(resource=key[0], subject=key[2]) if len(unread) else unread.assign(subject="")
