"""The tables of the history, and how a database is opened, locked and brought up to date. SQLite or PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from collectors.files import private_folder, private_opener

TABLES = sa.MetaData()
MANY = 5000
"""Values in one statement."""
BUSY_SECONDS = 300
"""How long a writer waits for another one: 100,000 findings on a slow disk take a minute to be taken in."""
LOCK = 0x696F7470
"""PostgreSQL's advisory lock that a writer holds."""
MAGIC = b"SQLite format 3\0"
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
NETWORK = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb2", "smb3", "smbfs"}
)
"""File systems on which SQLite's write-ahead log does not work (sqlite.org, *Write-Ahead Logging*)."""


class BadHistory(Exception):
    """The history cannot be used: one line that says where it is and why. Never holds a password."""


class Damaged(BadHistory):
    """The database can be opened, and what it holds cannot be trusted."""


def link(name: str, to: str) -> sa.Column[int]:
    """A column that points at another table's ``no``."""
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{to}.no"), nullable=False)


def text(*names: str) -> list[sa.Column[str]]:
    """Columns of text, empty where there is none."""
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def later(*names: str) -> list[sa.Column[str]]:
    """Columns of text that an older version did not have: empty for what it wrote."""
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


VERSION = sa.Table("iotposture_version", TABLES, sa.Column("number", sa.Integer, primary_key=True, autoincrement=False))

SCANS = sa.Table(
    "scan",
    TABLES,
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scan_id", sa.Text, nullable=False, unique=True),
    *text("schema_version", "tool_version", "catalogue_version", "scan_started_at", "scan_completed_at"),
    sa.Column("coverage_pct", sa.Float, nullable=False),
    sa.Column("scan_complete", sa.Boolean, nullable=False),  # everything that was asked was read
    sa.Column("narrowed", sa.Boolean, nullable=False),  # asked for fewer clouds or checks than the settings name
    sa.Column("late", sa.Boolean, nullable=False),  # a newer scan had judged one of its scopes already
    sa.Column("complete", sa.Boolean, nullable=False),  # the history has all of it
)
SCOPES = sa.Table(
    "scope",
    TABLES,
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    *text("provider", "account", "region"),
    sa.Column("judged_at", sa.Text, nullable=False),  # start of the newest scan that judged it
    sa.UniqueConstraint("provider", "account", "region"),
)
CHECKS = sa.Table(
    "checked",
    TABLES,
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    *text("check_id", "area", "severity"),
    sa.UniqueConstraint("check_id", "area", "severity"),
)
WORDINGS = sa.Table(
    "wording",
    TABLES,
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    *text("check_title", "severity_rank", "resource_type", "expected", "guidelines", "risk", "remediation", "controls"),
)
COVERAGE = sa.Table(
    "coverage",
    TABLES,
    sa.Column("scan_no", sa.Integer, sa.ForeignKey("scan.no"), primary_key=True),
    sa.Column("scope_no", sa.Integer, sa.ForeignKey("scope.no"), primary_key=True),
    sa.Column("operation", sa.Text, primary_key=True),
    *text("outcome", "permission", "code"),
    *later("cause", "tables"),
)
COUNTED = sa.Table(
    "counted",
    TABLES,
    sa.Column("scan_no", sa.Integer, sa.ForeignKey("scan.no"), primary_key=True),
    sa.Column("check_no", sa.Integer, sa.ForeignKey("checked.no"), primary_key=True),
    sa.Column("scope_no", sa.Integer, sa.ForeignKey("scope.no"), primary_key=True),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("passed", "failed", "unknown")),
)
MOVED = sa.Table(
    "moved",
    TABLES,
    sa.Column("scan_no", sa.Integer, sa.ForeignKey("scan.no"), primary_key=True),
    sa.Column("severity", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("open", "dark", "new", "resolved", "reopened")),
)
FINDINGS = sa.Table(
    "finding",
    TABLES,
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("finding_id", sa.Text, nullable=False, unique=True),
    link("check_no", "checked"),
    link("scope_no", "scope"),
    sa.Column("state", sa.Text, nullable=False, index=True),
    link("first_no", "scan"),  # the scan that saw it first; failing, if it ever failed
    link("last_no", "scan"),  # the last scan that listed it
    *(
        sa.Column(name, sa.Integer, sa.ForeignKey("scan.no"))
        for name in ("opened_no", "resolved_no", "reopened_no", "dark_no", "changed_no")
    ),  # the last scan at which it failed anew, was resolved, was reopened, went dark, or said something else
)
DETAILS = sa.Table(
    "detail",
    TABLES,
    sa.Column("finding_no", sa.Integer, sa.ForeignKey("finding.no"), primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    link("wording_no", "wording"),
    *text("status", "status_reason", "cause", "permission", "partition", "account_id", "region", "resource_id"),
    *text("resource_name", "subject", "hub", "actual", "evidence_hash", "ticket_title", "remediation_cli"),
    *later("tags", "unread"),
)
EVENTS = sa.Table(
    "event",
    TABLES,
    sa.Column("scan_no", sa.Integer, sa.ForeignKey("scan.no"), primary_key=True),
    sa.Column("finding_no", sa.Integer, sa.ForeignKey("finding.no"), primary_key=True, index=True),
    *text("event", "was"),  # ``was`` is the state before, empty for a finding never seen
    sa.Column("opened_no", sa.Integer),  # the scan at which it had failed anew: the start of what ends here
)
TICKETS = sa.Table(
    "ticket",
    TABLES,
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # of a finding, or of a group of them
    *text("key", "digest"),  # what the tracker calls it, empty until that is known; of what was exported last
    sa.Column("closed", sa.Boolean, nullable=False),
    *text("scan_id", "exported_at"),
)


def with_tags(connection: Connection) -> None:
    """Version 2: a finding has the tags of its resource. Those of older scans are not known."""
    connection.exec_driver_sql("ALTER TABLE detail ADD COLUMN tags TEXT NOT NULL DEFAULT ''")


def with_reasons(connection: Connection) -> None:
    """Version 3: a finding says as data what was not read, and a read says its cause and the tables that it fills.

    Older scans have said neither. A scan that follows one of them goes by what it knows itself of the tables.
    """
    for table, column in (("detail", "unread"), ("coverage", "cause"), ("coverage", "tables")):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")


STEPS: Mapping[int, Callable[[Connection], None]] = {2: with_tags, 3: with_reasons}
"""What takes a database from the version before to this one. A step never changes once it was released."""
LATEST = max(STEPS, default=1)


def address(place: str) -> URL:
    """A place as a database's URL: a file's path is SQLite. Raises BadHistory."""
    if "://" not in place:
        return URL.create("sqlite", database=place)
    try:
        url = sa.make_url(place)
    except ArgumentError:
        raise BadHistory(
            "history: not a database URL; allowed: a file, or postgresql+psycopg://HOST/DATABASE"
        ) from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadHistory(f"history: {url.drivername} is not supported; allowed: sqlite, postgresql+psycopg")
    return url


def url_text(url: URL) -> str:
    """A URL without its password; SQLite's file."""
    return str(url.database) if url.drivername == "sqlite" else sa.URL.create(
        url.drivername, None, None, url.host, url.port, url.database
    ).render_as_string()  # fmt: skip


def filesystem(path: Path, mounts: str) -> str:
    """The kind of file system that a path lies on, from the text of /proc/mounts; empty where it does not say."""
    found = ("", "")
    for line in mounts.splitlines():
        _, point, kind, *_ = [*line.split(), "", "", ""]
        point = point.encode().decode("unicode_escape")  # a space is written \\040
        if path.is_relative_to(point or "/nowhere") and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]


def mounts_text() -> str:
    """The text of /proc/mounts; empty on a system without."""
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def engine(url: URL) -> tuple[Engine, str]:
    """An engine, and one line of warning or empty text. Raises BadHistory."""
    try:
        if url.drivername != "sqlite":
            return sa.create_engine(url, connect_args={"connect_timeout": 10}), ""
        path = Path(url.database or "").absolute()
        private_folder(path.parent)
        if url.database not in (None, "", ":memory:") and not path.exists():
            with suppress(OSError):  # SQLite says what is wrong; its other files get the mode of this one
                open(path, "ab", opener=private_opener).close()
        slow = filesystem(path.resolve(), mounts_text()) in NETWORK
        fixed = read_only(path)
        made = sa.create_engine(url, **({"creator": fixed} if fixed else {"connect_args": {"timeout": BUSY_SECONDS}}))
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadHistory("history: PostgreSQL needs psycopg; install with the extra postgres") from error
    except OSError as error:
        raise BadHistory(f"history: {url_text(url)}: {error.strerror or type(error).__name__}") from error
    journal = "DELETE" if slow else "WAL"

    def opened(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late to be a lock
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL may lose a commit when the power fails
        if not fixed and connection.execute("PRAGMA journal_mode").fetchone()[0].upper() != journal:
            connection.execute(f"PRAGMA journal_mode = {journal}")

    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")

    sa.event.listen(made, "connect", opened)
    sa.event.listen(made, "begin", begun)
    warning = (
        f"history: {url_text(url)} lies on a network file system; it goes without a write-ahead log" if slow else ""
    )
    return made, warning


def read_only(path: Path) -> Callable[[], sqlite3.Connection] | None:
    """How a file is opened that nobody may write here, such as one on a read-only mount; None for any other file.

    SQLite would make a write-ahead log beside it even to read. Without one there is nothing to add to the file.
    """
    log = path.with_name(f"{path.name}-wal")
    if not path.is_file() or (os.access(path, os.W_OK) and (os.access(path.parent, os.W_OK) or log.exists())):
        return None
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    return lambda: sqlite3.connect(
        f"{path.as_uri()}?{how}", uri=True, timeout=BUSY_SECONDS, check_same_thread=False
    )  # fmt: skip


def damaged(error: DBAPIError, url: URL) -> bool:
    """Whether SQLite says that a file is broken which once was a database."""
    if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in DAMAGE:
        return False
    try:
        with Path(url.database or "").open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def plain_errors(made: Engine) -> Iterator[None]:
    """What the database says against it, as one line."""
    try:
        yield
    except DBAPIError as error:
        raise (Damaged if damaged(error, made.url) else BadHistory)(
            f"history: {url_text(made.url)}: {error_text(error, made.url)}"
        ) from error
    except UnicodeDecodeError as error:  # the driver's own complaint repeats what it cannot decode
        raise Damaged(f"history: {url_text(made.url)}: is damaged: it holds text that is not UTF-8") from error


@contextmanager
def writing(made: Engine) -> Iterator[Connection]:
    """One transaction, alone among all writers: another one waits until it ends. Raises BadHistory."""
    with plain_errors(made), made.connect().execution_options(writes=True) as connection, connection.begin():
        if made.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        yield connection


@contextmanager
def reading(made: Engine) -> Iterator[Connection]:
    """One view of the database, unmoved by writers. Raises BadHistory."""
    options = {"isolation_level": "REPEATABLE READ"} if made.dialect.name == "postgresql" else {}
    with plain_errors(made), made.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def upgrade(made: Engine, url: URL, steps: Mapping[int, Callable[[Connection], None]] = STEPS) -> None:
    """Makes the tables, or brings them up to date, all or nothing. A SQLite file is copied beside itself before.

    Raises BadHistory for a database that a newer iotposture has written.
    """
    latest = max(steps, default=1)
    with reading(made) as connection:
        known = version(connection)
    if known == latest:
        return
    if known and known < latest and made.dialect.name == "sqlite":
        try:
            backup(Path(str(url.database)), known)
        except (sqlite3.Error, OSError) as error:
            raise BadHistory(
                f"history: {url_text(url)}: has version {known} and cannot be copied beside itself"
            ) from error
    with writing(made) as connection:
        known = version(connection)
        if not known:
            TABLES.create_all(connection)
        elif known > latest:
            raise BadHistory(f"history: {url_text(url)} has version {known}, written by a newer iotposture; update it")
        for number in range(known + 1, latest + 1) if known else ():
            steps[number](connection)
        connection.execute(sa.delete(VERSION))
        connection.execute(sa.insert(VERSION).values(number=latest))


def version(connection: Connection) -> int:
    """The version of a database's tables; 0 for an empty one."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return 0
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(VERSION.c.number), 0))).scalar_one())


def backup(file: Path, known: int) -> Path:
    """A copy of a SQLite file, made while others may use it."""
    copy = file.with_name(f"{file.name}.v{known}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.bak")
    open(copy, "ab", opener=private_opener).close()
    shutil.copymode(file, copy)
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    target.close()
    source.close()
    return copy


def error_text(error: DBAPIError, url: URL) -> str:
    """A driver's complaint on one line, without the password."""
    line = " ".join(str(error.orig).split()) or type(error.orig).__name__
    for secret in filter(None, (url.password, url.query.get("password"))):
        line = line.replace(str(secret), "***")
    return line


def put(connection: Connection, table: sa.Table, rows: Collection[Mapping[str, Any]]) -> None:
    """Inserts rows, if there are any."""
    if rows:
        connection.execute(sa.insert(table), [dict(row) for row in rows])


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Values in as many as one statement takes."""
    return (values[start : start + MANY] for start in range(0, len(values), MANY))
