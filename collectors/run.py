"""A collected run on disk: one folder per scope, one parquet file per table, any fsspec URL.

Every file is written under a temporary name and renamed. ``coverage.parquet`` is written last: a scope that has it
is whole, and is not collected again when the run is resumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import fsspec
import pandas as pd

from collectors.files import filesystem, path_part, write_file
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


def lost(scope: Scope, error: Exception) -> Tables:
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
    """A run at a URL or path. Raises ``OSError`` when it cannot be read or written."""

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

    def about(self) -> dict[str, Any]:
        """What the run is. Raises ``FileNotFoundError`` where no run lies."""
        fs, root = self._fs()
        with fs.open(f"{root}/run.json", "rb") as file:
            about: dict[str, Any] = json.loads(file.read())
        return about

    def write_frame(self, scope: Scope, name: str, frame: pd.DataFrame) -> None:
        """Writes one frame beside a scope's tables, such as its findings."""
        self._write(f"{self.folder(scope)}/{name}.parquet", lambda file: frame.to_parquet(file, index=False))

    def read_frame(self, scope: Scope, name: str) -> pd.DataFrame:
        """Reads a frame back as it was written, text as text. Raises ``FileNotFoundError``."""
        fs, root = self._fs()
        with fs.open(f"{root}/{self.folder(scope)}/{name}.parquet", "rb") as file:
            frame = pd.read_parquet(file)
        return frame.astype(
            {column: TEXT for column in frame.columns if frame[column].dtype not in ("Int64", "boolean")}
        )

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

        def load(name: str) -> pd.DataFrame:
            with fs.open(f"{folder}/{name}.parquet", "rb") as file:
                return pd.read_parquet(file)

        frames = {}
        for table in TABLES:
            if fs.exists(f"{folder}/{table.id()}.parquet"):
                frame = load(table.id())
                kinds = {name: column.dtype for name, column in table.columns().items()}
                frames[table] = frame.reindex(columns=list(kinds)).astype(kinds)
        unread = split_key(load("unread"))
        notes = ((unread, UNREAD), (load("gaps"), GAPS), (load("coverage"), COVERAGE))
        return Tables(frames, *(frame.reindex(columns=list(c), fill_value="").astype(TEXT) for frame, c in notes))

    def scopes(self) -> Iterator[Scope]:
        """Every scope that was collected to its end, in order."""
        fs, root = self._fs()
        for path in sorted(fs.find(root)):
            *folder, name = path.removeprefix(root).strip("/").split("/")
            if name == "coverage.parquet" and len(folder) == 3:
                yield Scope(*(unquote(part) for part in folder))


def split_key(unread: pd.DataFrame) -> pd.DataFrame:
    """Notes of unread cells as they are now: those of schema version 1 hold resource and subject in one text."""
    if "subject" in unread.columns:
        return unread
    key = unread["resource"].astype(TEXT).str.rpartition("#")
    return unread.assign(resource=key[0], subject=key[2]) if len(unread) else unread.assign(subject="")
