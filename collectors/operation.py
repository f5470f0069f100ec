"""One read of a cloud and what came of it: Operation, Reader, Reply and the ``@collector`` decorator.

A collector is a generator of rows. It asks only through its :class:`Reader`, which refuses every operation the
collector did not declare, keeps the coverage, and turns what could not be read into ``<NA>`` with its reason.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from collectors.causes import CAUSES, known_cause
from collectors.fact_cache import FactCache, Facts
from collectors.schema import NAMING, Row, Table, Unread, details, unread_note
from collectors.scope import OUTCOMES, Outcome, Scope
from collectors.tags import tags
from collectors.weak_keys import WeakKeys

log = logging.getLogger("iotposture")
FIELD = re.compile(r"[\w$.:-]{1,60}")
"""What the name of a field looks like."""


@dataclass(frozen=True)
class Operation:
    """One API operation: its name in the SDK and the permission it needs.

    ``items`` says where a page holds its list (dotted path); without it the reply is one object. ``absent`` lists
    error codes that mean *there is none*, which is an answer and no error. A ``shared`` operation is asked by several
    collectors or scopes; its reply is kept for the run. ``fixed`` are parameters that never change. ``data`` marks a
    permission on the data plane, which Azure's custom roles list apart. ``ready`` says of a reply whether the report it
    stands for is finished; until then it is asked again, as long as the account's patience lasts. ``outside`` marks one
    that asks no API of the provider: no role or policy allows it, and ``permission`` says in words what does.
    """

    name: str
    permission: str
    items: str = ""
    absent: tuple[str, ...] = ()
    shared: bool = False
    fixed: tuple[tuple[str, Any], ...] = ()
    data: bool = False
    ready: Callable[[Mapping[str, Any]], bool] | None = None
    outside: bool = False

    def __str__(self) -> str:
        return self.name


class ReadFailed(Exception):
    """Raised by a session when an operation gave no answer. ``code`` is the provider's own error code.

    ``permission`` is what was missing where that is not the operation's own, as when an account cannot be entered.
    ``cause`` says more than the outcome where the provider does: one of :data:`collectors.causes.CAUSES`. It says that
    nothing is there if and only if the outcome is ``unavailable``. Raises ``ValueError`` for another cause.
    """

    def __init__(self, outcome: Outcome, code: str, detail: str = "", permission: str = "", cause: str = "") -> None:
        super().__init__(f"{outcome}: {code} {detail}".strip())
        self.outcome, self.code, self.detail, self.permission = outcome, code, detail, permission
        self.cause = known_cause(cause or outcome)
        if CAUSES[self.cause].nothing_there != (outcome == "unavailable"):
            raise ValueError(f"a read that is {outcome} cannot have the cause {self.cause}")


class Absent(Exception):
    """Raised by a session when the provider said that the thing asked for does not exist."""


class Lost(ReadFailed, Absent):
    """Raised by a session when no permission and no second try brings what was asked for.

    It costs its row or its cell, and the operation counts as read: a list of it has no rows and no gap, as of a thing
    that is absent, and a cell of it is unread for the cause given.
    """

    def __init__(self, code: str, detail: str = "", cause: str = "gone") -> None:
        super().__init__("read", code, detail, cause=cause)


class Undeclared(Exception):
    """Raised when code asks for an operation that its collector did not declare: a fault of ours, and no net is for it."""


class Session(Protocol):
    """The transport of one provider and account: the only code that knows the provider's SDK."""

    options: Mapping[str, Any]

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Yields the items of every page, or the one object; raises ReadFailed or Absent."""


@dataclass
class Notes:
    """What a scope's reads came to: coverage, unread cells and lists that are not whole."""

    coverage: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    unread: list[dict[str, str]] = field(default_factory=list)
    gaps: list[dict[str, str]] = field(default_factory=list)
    _tables: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def cover(
        self, scope: Scope, region: str, operation: Operation, failure: ReadFailed | None = None, table: str = ""
    ) -> None:
        """Notes one ask of an operation, and the table it was asked for; the worst outcome stays."""
        key = region, operation.name
        outcome: Outcome = failure.outcome if failure else "read"
        known, tables = self.coverage.get(key), self._tables.setdefault(key, set())
        if table and table not in tables:
            tables.add(table)
            if known:
                known["tables"] = "|".join(sorted(tables))
        if known and OUTCOMES.index(known["outcome"]) >= OUTCOMES.index(outcome):
            return
        self.coverage[key] = {
            "provider": scope.provider,
            "account": scope.account,
            "region": region,
            "operation": operation.name,
            "permission": (failure and failure.permission) or operation.permission,
            "outcome": outcome,
            "code": failure.code if failure else "",
            "detail": failure.detail if failure else "",
            "cause": failure.cause if failure else "",
            "tables": "|".join(sorted(tables)),
        }

    def gap(
        self,
        scope: Scope,
        collector: Collector,
        failure: ReadFailed,
        operation: Operation,
        where: str = "",
        cause: str = "",
        row: Row | None = None,
    ) -> None:
        """Notes that rows of a collector's table may be missing, or the one row that is named.

        ``cause`` replaces the failure's own.
        """
        place = {"account": scope.account, "region": scope.region, "kind": collector.kind}
        self.gaps.append(
            {
                "table": collector.table.id(),
                "provider": scope.provider,
                **place,
                **{column: str(row[column]) for column in NAMING if row and row.get(column)},
                "cause": known_cause(cause or failure.cause),
                "operation": operation.name,
                "permission": failure.permission or operation.permission,
                "detail": details(failure.code, failure.detail, where),
            }
        )


class Memory:
    """Replies of shared operations, kept for one account while a scan runs; safe for threads.

    ``kept`` has the facts of earlier scans that cannot have changed, and ``weak`` the keys known to be broken.
    ``device_tags`` are the keys, in lower case, of those tags of devices that somebody asks for; others are not kept,
    because they may be personal.
    """

    def __init__(
        self, kept: FactCache | None = None, weak: WeakKeys | None = None, device_tags: frozenset[str] = frozenset()
    ) -> None:
        self.kept, self.weak, self.device_tags = kept or FactCache(), weak or WeakKeys(), device_tags
        self._lock = threading.Lock()
        self._locks: dict[Any, threading.Lock] = {}
        self._kept: dict[Any, tuple[list[Any], BaseException | None]] = {}

    def ask(self, key: Any, send: Callable[[], Iterator[Any]]) -> tuple[list[Any], BaseException | None]:
        """The items of a reply and the error that ended it, asking at most once per key."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._kept:
                self._kept[key] = drain(send())
            return self._kept[key]


def drain(items: Iterator[Any]) -> tuple[list[Any], BaseException | None]:
    """Everything an iterator gives, and the failure that ended it, if one did."""
    kept: list[Any] = []
    try:
        kept.extend(items)
    except (ReadFailed, Absent) as error:
        return kept, error
    return kept, None


class Reply:
    """What an operation answered. Iterate it for a list; use :meth:`cell` for one value of a row."""

    def __init__(self, reader: Reader, operation: Operation, region: str, params: Mapping[str, Any]) -> None:
        self._reader, self._operation, self._region, self._params = reader, operation, region, params
        self._kept: tuple[list[Any], BaseException | None] | None = None

    def __iter__(self) -> Iterator[Any]:
        """The items. A list that was denied, or broke off, is noted as a gap of the collector's table."""
        reader, operation = self._reader, self._operation
        # What is wrong is noted when it comes: whoever asks may stop before the end.
        reader.cover(operation, self._region)
        try:
            if self._kept is None and not operation.shared:
                yield from reader.stream(operation, self._region, self._params)
            else:
                items, error = self._drained()
                yield from items
                if error:
                    raise error
        except Absent:
            return
        except ReadFailed as failure:
            reader.cover(operation, self._region, failure)
            asked = (str(value) for key, value in self._params.items() if (key, value) not in operation.fixed)
            reader.gap(failure, operation, " ".join(asked))

    def _drained(self) -> tuple[list[Any], BaseException | None]:
        if self._kept is None:
            self._kept = self._reader.drained(self._operation, self._region, self._params)
        return self._kept

    def cell(self, value: Callable[[Any], Any], absent: Any = None) -> Any:
        """``value(reply)``; ``absent`` when the provider has none; an unread cell, with its reason, otherwise.

        The reply is the list of items for an operation with ``items``, else the one object. Whatever ``value`` raises
        for a reply that it cannot make sense of costs the cell.
        """
        reader, operation = self._reader, self._operation
        items, error = self._drained()
        if isinstance(error, ReadFailed):
            reader.cover(operation, self._region, error)
            permission = error.permission or operation.permission
            return Unread(error.cause, permission, error.detail, operation.name, error.code)
        reader.cover(operation, self._region)
        if isinstance(error, Absent) or (not operation.items and not items):
            return absent
        try:
            return value(items if operation.items else items[0])
        except Undeclared:
            raise
        except KeyError as error:
            return Unread("absent_field", detail=oddity(error), operation=operation.name)
        except Exception as error:  # whatever a reply brings about, its text may hold what the reply holds
            return Unread("not_parseable", detail=oddity(error), operation=operation.name)


def is_id(value: Any) -> bool:
    """Whether a value can be the id of a resource."""
    return isinstance(value, str) and bool(value)


def oddity(error: Exception) -> str:
    """What was odd about a reply, in words of our own: the field that it lacks, else the kind of exception."""
    lacks = str(error.args[0]) if isinstance(error, KeyError) and error.args else ""
    return f"gave no {lacks}" if FIELD.fullmatch(lacks) else type(error).__name__


@dataclass
class Reader:
    """What a collector asks with: ``read(OPERATION, param=…)``. One per collector and scope."""

    scope: Scope
    session: Session
    clock: datetime
    notes: Notes
    memory: Memory
    collector: Collector
    kept: Facts = field(default_factory=Facts)

    def __call__(self, operation: Operation, region: str = "", **params: Any) -> Reply:
        """The reply to one operation. ``region`` asks another region of the account than the scope's own."""
        if operation not in self.collector.operations:
            raise Undeclared(f"{self.collector.name} asks for {operation}, which it does not declare")
        return Reply(self, operation, region or self.scope.region, dict(operation.fixed) | params)

    @property
    def options(self) -> Mapping[str, Any]:
        """The provider's settings that collectors may need, such as its regions."""
        return self.session.options

    def device_tags(self, found: Mapping[str, Any] | None) -> str | None:
        """A device's tags as a cell, as far as they are asked for; None where nobody does."""
        return tags(found or {}, self.memory.device_tags) if self.memory.device_tags else None

    def days_until(self, moment: datetime) -> int:
        """Whole days from the run's clock to a moment; negative when it has passed."""
        return (moment - self.clock).days

    def days_since(self, moment: datetime) -> int:
        """Whole days from a moment to the run's clock."""
        return (self.clock - moment).days

    def stream(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Asks the session; nothing is kept. A reply that the session itself chokes on is a read that failed."""
        try:
            yield from self.session.send(operation, region, params)
        except (ReadFailed, Absent, Undeclared):
            raise
        except Exception as error:  # an SDK may raise anything, and its text may hold what the reply holds
            log.debug("%s failed in %s", operation, self.scope, exc_info=True)
            raise ReadFailed("failed", type(error).__name__) from error

    def drained(
        self, operation: Operation, region: str, params: Mapping[str, Any]
    ) -> tuple[list[Any], BaseException | None]:
        """The whole reply in memory; a shared operation is asked once for the account."""
        if not operation.shared:
            return drain(self.stream(operation, region, params))
        key = (operation.name, region, repr(sorted(params.items())))
        return self.memory.ask(key, lambda: self.stream(operation, region, params))

    def cover(self, operation: Operation, region: str, failure: ReadFailed | None = None) -> None:
        """Notes one ask of an operation for the collector's table."""
        self.notes.cover(self.scope, region, operation, failure, self.collector.table.id())

    def gap(self, failure: ReadFailed, operation: Operation, where: str = "", cause: str = "") -> None:
        """Notes that rows of the collector's table may be missing. ``cause`` replaces the failure's own."""
        self.notes.gap(self.scope, self.collector, failure, operation, where, cause)

    def each(
        self, items: Iterable[Any], build: Callable[[Any], Row | Iterable[Row]], named: Callable[[Any], Row | str]
    ) -> Iterator[Row]:
        """The rows that ``build`` makes of each item. An item that it cannot make sense of costs its own rows.

        ``named`` tells the resource of the row that an item makes, and its region, subject and name where these are its
        own. Of an item that makes several rows it tells the id as text.
        """
        for item in items:
            try:
                made = build(item)
                yield from (made,) if isinstance(made, Mapping) else made
            except Exception as error:  # whatever an item brings about costs its rows
                log.debug("%s: an item in %s makes no sense", self.collector.name, self.scope, exc_info=True)
                self.miss(error, named, item)

    def miss(self, error: Exception, named: Callable[[Any], Row | str], item: Any) -> None:
        """Notes that an item was not understood, with the row that it makes, as far as it can be named.

        Raises the error where it is Undeclared.
        """
        if isinstance(error, Undeclared):
            raise error
        try:
            told = named(item)
        except Exception:  # an item that makes no sense may have no name either
            told = "an item without an id"
        row = told if isinstance(told, Mapping) and is_id(told.get("resource")) else None
        where = told if isinstance(told, str) else "" if row else "an item without an id"
        failure = ReadFailed("failed", oddity(error), cause="not_parseable")
        asked = replace(self.collector.operations[0], permission="")
        self.notes.gap(self.scope, self.collector, failure, asked, where, row=row)


@dataclass(frozen=True)
class Collector:
    """A generator of rows for one table of one provider, with the operations it may ask."""

    table: type[Table]
    provider: str
    operations: tuple[Operation, ...]
    function: Callable[[Reader], Iterator[Row]]
    where: Literal["region", "global"]
    kind: str = ""

    @property
    def name(self) -> str:
        """Module and function, as in ``aws.iot.policies``."""
        return f"{self.function.__module__.removeprefix('collectors.')}.{self.function.__name__}"

    def rows(self, reader: Reader) -> Iterator[Row]:
        """Every row, completed with the scope's own provider, account and region."""
        scope = {"provider": reader.scope.provider, "account": reader.scope.account, "region": reader.scope.region}
        scope |= {"kind": self.kind} if self.kind else {}
        try:
            for row in self.function(reader):
                whole = {"subject": "", **scope, **row}
                if not is_id(whole.get("resource")):
                    reader.miss(KeyError("id"), lambda row: str(row.get("name") or "an item without an id"), whole)
                    continue
                for column, value in whole.items():
                    if isinstance(value, Unread):
                        reader.notes.unread.append(unread_note(self.table, whole, column, value))
                yield whole
        except Undeclared:
            raise
        except Exception as error:  # a reply of a shape nobody expected must cost this table, not the scan
            self.stop(reader, error)

    def stop(self, reader: Reader, error: Exception) -> None:
        """Notes that the collector did not come to its end. Its reads were answered, so it stands in the coverage itself."""
        log.debug("%s stopped in %s", self.name, reader.scope, exc_info=error)
        failure = ReadFailed("failed", type(error).__name__, cause="not_parseable")
        itself = Operation(self.name, "")
        reader.gap(failure, itself)
        reader.notes.cover(reader.scope, reader.scope.region, itself, failure)


COLLECTORS: list[Collector] = []


def collector(
    table: type[Table],
    provider: str,
    *operations: Operation,
    where: Literal["region", "global"] = "region",
    kind: str = "",
) -> Callable[[Callable[[Reader], Iterator[Row]]], Callable[[Reader], Iterator[Row]]]:
    """Declares a collector. ``where="global"`` runs it once per account instead of once per region.

    The first operation is the one that lists the table's rows. ``kind`` is the ``kind`` of every row it yields, where a
    table has several: a list that cannot be read then leaves only checks of that kind unknown.
    """

    def declare(function: Callable[[Reader], Iterator[Row]]) -> Callable[[Reader], Iterator[Row]]:
        COLLECTORS.append(Collector(table, provider, operations, function, where, kind))
        return function

    return declare


def declared(provider: str, collectors: Iterable[Collector]) -> tuple[Operation, ...]:
    """Every operation that a provider's collectors declare, once, by name."""
    found = {op.name: op for c in collectors if c.provider == provider for op in c.operations}
    return tuple(found[name] for name in sorted(found))


def permissions(operations: Iterable[Operation], *, data: bool = False) -> list[str]:
    """The permissions of operations that the provider's API asks for, sorted; those on the data plane apart."""
    return sorted({op.permission for op in operations if op.permission and op.data == data and not op.outside})


Policies = Mapping[str, Callable[[Iterable[Operation], Mapping[str, Any]], dict[str, Any]]]
"""What is to be created in a cloud so that a scan may read, by whose it is: made from the operations that a scan asks and
the settings of the cloud."""
ROLE = ("iotposture read-only", "Reads IoT, IAM and storage configuration; no keys.")
"""Title and description of the role to create, where a cloud has such."""
