"""What a finding needed and nobody could read: as data in its column ``unread``, and in words, made here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from collectors.causes import NOTHING_THERE, cause_of

ALIKE = 10
"""Details of one cause and operation that a finding keeps; the rest are counted."""
LIST = "the list"
"""What a sentence calls a list that is not whole."""
WHOLE_ROW = "resource"
"""The column that stands for a row of which nothing was understood."""


class Unread(NamedTuple):
    """One cell, or one list where ``column`` is empty, that was not read.

    ``cause`` is one of :data:`collectors.causes.CAUSES`. ``operation`` is what was asked and ``permission`` what would
    allow it, each empty where there is none. ``detail`` is what else is known, the provider's own code first.
    """

    column: str
    cause: str
    operation: str = ""
    permission: str = ""
    detail: str = ""

    @property
    def lacks(self) -> str:
        """The permission that would mend it; empty where the fault is another."""
        return self.permission if self.cause == "denied" else ""


def dump(unread: Iterable[Unread]) -> str:
    """The column ``unread``: a JSON list of objects; empty text where everything was read."""
    rows = [one._asdict() for one in unread]
    return json.dumps(rows, ensure_ascii=False) if rows else ""


def parse(cell: str) -> tuple[Unread, ...]:
    """The column ``unread`` as data. Raises ``ValueError`` for text that :func:`dump` has not written."""
    try:
        return tuple(Unread(**row) for row in json.loads(cell)) if cell else ()
    except TypeError as error:
        raise ValueError(f"not what was not read: {cell[:60]!r}") from error


def unread_of(unread: str, cause: str, permission: str) -> tuple[Unread, ...]:
    """What a finding says was not read. One of schema version 1 has no ``unread``: its cause and permission say it."""
    if unread:
        return parse(unread)
    lacks = [Unread("", "denied", permission=p) for p in permission.split("|") if p]
    rest = [c for c in cause.split("|") if c and not (c == "denied" and lacks)]
    return (*lacks, *(Unread("", c) for c in rest))


def causes(unread: Iterable[Unread]) -> str:
    """The column ``cause``: each cause once, joined by ``|``."""
    return "|".join(dict.fromkeys(one.cause for one in unread))


def permissions(unread: Iterable[Unread]) -> str:
    """The column ``permission``: each permission that is lacking once, joined by ``|``."""
    return "|".join(dict.fromkeys(one.lacks for one in unread if one.lacks))


def nothing_there(unread: Sequence[Unread]) -> bool:
    """Whether all of it could not be read because it cannot exist."""
    return bool(unread) and all(one.cause in NOTHING_THERE for one in unread)


def lies_with_the_read(unread: Sequence[Unread]) -> bool:
    """Whether all of it lies with a read and not with a resource."""
    return all(cause_of(one.cause).refused for one in unread)


def shortened(unread: Iterable[Unread]) -> tuple[Unread, ...]:
    """Each once, and of one column, cause and operation at most ALIKE."""
    groups: dict[Unread, dict[Unread, None]] = {}
    for one in unread:
        groups.setdefault(one._replace(detail=""), {})[one] = None
    kept: list[Unread] = []
    for alike, found in groups.items():
        kept += list(found)[:ALIKE]
        kept += [alike._replace(detail=f"and {len(found) - ALIKE} more")] if len(found) > ALIKE else []
    return tuple(kept)


def sentences(unread: Sequence[Unread], concerned: int = 0) -> str:
    """What was not read and why, what would mend it at the end, as in ``min_tls: not read: no API tells it. …``.

    ``concerned`` resources may be ones that the check concerns, if that is what is open.
    """
    groups: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for one in unread:
        details = groups.setdefault((one.cause, one.operation, one.lacks), {})
        details.setdefault(one.detail, []).append(one.column)
    said = []
    for (cause, operation, permission), details in groups.items():
        by_columns: dict[str, list[str]] = {}
        for detail, columns in details.items():
            by_columns.setdefault(", ".join(filter(None, dict.fromkeys(columns))), []).append(detail)
        said += [sentence(names or LIST, cause, operation, permission, *found) for names, found in by_columns.items()]
    mends = dict.fromkeys(cause_of(one.cause).mend for one in unread)
    lead = [f"Nobody can tell whether the check concerns {concerned} resource{'s' if concerned > 1 else ''}."]
    return " ".join((*(lead if concerned else ()), *said, *filter(None, mends)))


def sentence(what: str, cause: str, operation: str, permission: str, *details: str) -> str:
    """One thing that was not read, and why."""
    why = cause_of(cause)
    needs = " ".join(filter(None, (operation, f"needs {permission}" if permission else "")))
    facts = "; ".join(filter(None, (needs, *details)))
    return f"{what}: {why.lead}: {why.words}{f' ({facts})' if facts else ''}."


def read_in_words(row: Mapping[str, str]) -> str:
    """One row of the coverage that was not read to its end, and what would mend it."""
    cause = row.get("cause") or row["outcome"]
    lacks = row["permission"] if cause == "denied" else ""
    return f"{sentence(row['operation'], cause, '', lacks, row['code'])} {cause_of(cause).mend}".rstrip()
