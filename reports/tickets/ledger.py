"""What went to which tracker, and what the tracker calls it: so that a second export updates and does not duplicate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sql

METADATA = sql.MetaData()
TICKETS = sql.Table(
    "tickets",
    METADATA,
    sql.Column("target", sql.String(32), primary_key=True),
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("key", sql.String(255), nullable=False, server_default=""),
    sql.Column("digest", sql.String(64), nullable=False),
    sql.Column("closed", sql.Boolean, nullable=False),
    sql.Column("scan_id", sql.String(255), nullable=False),
    sql.Column("exported_at", sql.String(32), nullable=False),
)
"""One row per ticket and tracker. ``digest`` is of what was exported last, ``key`` is empty until the tracker's is learnt."""


@dataclass(frozen=True)
class Entry:
    """A ticket that was exported. ``exported_at`` is ISO 8601 in UTC with ``Z``."""

    id: str
    key: str
    digest: str
    closed: bool
    scan_id: str
    exported_at: str


class Ledger:
    """The tickets of every tracker, in the database of the history."""

    def __init__(self, engine: sql.Engine) -> None:
        """The table must be there: :func:`create` makes it."""
        self.engine = engine

    def entries(self, target: str) -> dict[str, Entry]:
        """What was exported to a tracker, by id."""
        columns = (
            TICKETS.c.id,
            TICKETS.c.key,
            TICKETS.c.digest,
            TICKETS.c.closed,
            TICKETS.c.scan_id,
            TICKETS.c.exported_at,
        )
        with self.engine.connect() as connection:
            rows = connection.execute(sql.select(*columns).where(TICKETS.c.target == target))
            return {row.id: Entry(*row) for row in rows}

    def keys(self) -> Mapping[str, Mapping[str, str]]:
        """Every key that is known, by id and tracker."""
        found: dict[str, dict[str, str]] = {}
        with self.engine.connect() as connection:
            known = sql.select(TICKETS.c.id, TICKETS.c.target, TICKETS.c.key).where(TICKETS.c.key != "")
            for id_, target, key in connection.execute(known):
                found.setdefault(id_, {})[target] = key
        return found

    @contextmanager
    def exporting(self, target: str, entries: Iterable[Entry]) -> Iterator[None]:
        """Notes what is exported within the block; nothing of it is kept if the block fails."""
        with self.engine.begin() as connection:
            for entry in entries:
                row = {"target": target, **vars(entry)}
                place = (TICKETS.c.target == target) & (TICKETS.c.id == entry.id)
                if not connection.execute(sql.update(TICKETS).where(place).values(row)).rowcount:
                    connection.execute(sql.insert(TICKETS).values(row))
            yield

    def learn(self, target: str, keys: Mapping[str, str]) -> None:
        """Keeps the tracker's keys of tickets, by id. All of them must have been exported."""
        with self.engine.begin() as connection:
            for id_, key in keys.items():
                place = (TICKETS.c.target == target) & (TICKETS.c.id == id_)
                connection.execute(sql.update(TICKETS).where(place).values(key=key))

    def forget(self, target: str) -> int:
        """Drops what was exported and never confirmed by a key, so that it is exported as new again; how many."""
        with self.engine.begin() as connection:
            place = (TICKETS.c.target == target) & (TICKETS.c.key == "")
            return connection.execute(sql.delete(TICKETS).where(place)).rowcount


def create(engine: sql.Engine) -> None:
    """Makes the table where there is none."""
    METADATA.create_all(engine)
