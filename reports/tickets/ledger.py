"""What went to which tracker, and what the tracker calls it: so that a second export updates and does not duplicate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from reports.store import TICKETS, BadHistory, error_text, reading, url_text, writing


@dataclass(frozen=True)
class Entry:
    """A ticket that was exported. ``exported_at`` is ISO 8601 in UTC with ``Z``."""

    id: str
    key: str
    digest: str
    closed: bool
    scan_id: str
    exported_at: str


@dataclass(frozen=True)
class Turn:
    """One export to one tracker, alone among all that write to the history."""

    connection: Connection
    target: str
    entries: Mapping[str, Entry]

    def note(self, entries: Iterable[Entry]) -> None:
        """Keeps what is exported now."""
        rows = [{"target": self.target, **vars(entry)} for entry in entries]
        fresh = [row for row in rows if row["id"] not in self.entries]
        place = (TICKETS.c.target == self.target) & (TICKETS.c.id == sa.bindparam("at"))
        if fresh:
            self.connection.execute(sa.insert(TICKETS), fresh)
        names = ("key", "digest", "closed", "scan_id", "exported_at")
        known = [{"at": row["id"], **{n: row[n] for n in names}} for row in rows if row["id"] in self.entries]
        if known:
            statement = sa.update(TICKETS).where(place).values({name: sa.bindparam(name) for name in names})
            self.connection.execute(statement, known)


class Ledger:
    """The tickets of every tracker, in the database of the history. Its methods raise BadHistory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entries(self, target: str) -> dict[str, Entry]:
        """What was exported to a tracker, by id."""
        with self._plainly(), reading(self._engine) as connection:
            return entries_of(connection, target)

    def keys(self) -> Mapping[str, Mapping[str, str]]:
        """Every key that is known, by id and tracker."""
        found: dict[str, dict[str, str]] = {}
        with self._plainly(), reading(self._engine) as connection:
            known = sa.select(TICKETS.c.id, TICKETS.c.target, TICKETS.c.key).where(TICKETS.c.key != "")
            for id_, target, key in connection.execute(known):
                found.setdefault(id_, {})[target] = key
        return found

    @contextmanager
    def turn(self, target: str) -> Iterator[Turn]:
        """An export; what it notes is kept when the block ends, and nothing of it if the block fails."""
        with self._plainly(), writing(self._engine) as connection:
            yield Turn(connection, target, entries_of(connection, target))

    def learn(self, target: str, keys: Mapping[str, str]) -> None:
        """Keeps the tracker's keys of tickets, by id. All of them must have been exported."""
        with self._plainly(), writing(self._engine) as connection:
            for id_, key in keys.items():
                place = (TICKETS.c.target == target) & (TICKETS.c.id == id_)
                connection.execute(sa.update(TICKETS).where(place).values(key=key))

    def forget(self, target: str) -> int:
        """Drops what was exported and never confirmed by a key, so that it is exported as new again; how many."""
        with self._plainly(), writing(self._engine) as connection:
            place = (TICKETS.c.target == target) & (TICKETS.c.key == "")
            return connection.execute(sa.delete(TICKETS).where(place)).rowcount

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            url = self._engine.url
            raise BadHistory(f"history: {url_text(url)}: {error_text(error, url)}") from error


def entries_of(connection: Connection, target: str) -> dict[str, Entry]:
    """The entries of a tracker, by id."""
    names = ("id", "key", "digest", "closed", "scan_id", "exported_at")
    rows = connection.execute(sa.select(*(TICKETS.c[name] for name in names)).where(TICKETS.c.target == target))
    return {row.id: Entry(*row) for row in rows}
