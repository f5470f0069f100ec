"""How a table is declared: one class, one line per column, each column with its meaning.

A missing cell is ``<NA>`` and means *nobody could read this*. Only three kinds of column exist, because only these
pandas dtypes keep ``<NA>`` through a comparison: text (``string``), flag (``boolean``) and count (``Int64``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypeVar

from collectors.causes import known_cause

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]
Dtype = Literal["string[python]", "boolean", "Int64"]
TEXT: Final = "string[python]"
"""The dtype of text. Comparing it gives ``boolean``, which combines with flags; pyarrow's own strings do not."""
T = TypeVar("T", bound="Table")


@dataclass(frozen=True)
class Column:
    """One column: its pandas dtype, what it means, and the values it may hold (none named: any).

    One that ``moves`` does so by itself, from one scan to the next, while nothing has changed.
    """

    dtype: Dtype
    meaning: str
    values: tuple[str, ...] = ()
    shown: bool = True
    moves: bool = False


def text(meaning: str, *values: str, shown: bool = True) -> Column:
    """A column of text. ``values`` closes the set; ``shown=False`` keeps long documents out of evidence."""
    return Column(TEXT, meaning, values, shown)


def flag(meaning: str) -> Column:
    """A column of true, false or not read."""
    return Column("boolean", meaning)


def count(meaning: str) -> Column:
    """A column of whole numbers: counts, days, seconds or bits, as the meaning says."""
    return Column("Int64", meaning)


def days(meaning: str) -> Column:
    """A column of days against the run's clock, which move by themselves: evidence shows them, and they change nothing."""
    return Column("Int64", meaning, moves=True)


def hours(meaning: str) -> Column:
    """The same in hours."""
    return days(meaning)


@dataclass(frozen=True)
class Unread:
    """A cell that could not be read, and why.

    ``cause`` is one of :data:`collectors.causes.CAUSES`. ``permission`` is what would allow the read, ``operation`` the
    one that was asked, and ``code`` the provider's own word for what went wrong. Raises ``ValueError`` for another cause.
    """

    cause: str
    permission: str = ""
    detail: str = ""
    operation: str = ""
    code: str = ""

    def __post_init__(self) -> None:
        known_cause(self.cause)


def is_gone(value: Any) -> bool:
    """Whether a cell was not read because what it was to be read of is no longer there."""
    return isinstance(value, Unread) and value.cause == "gone"


def any_of(values: Iterable[Any]) -> Any:
    """One cell out of several flags: true when one is, else unread when one was not read, else false."""
    unread: Unread | None = None
    for value in values:
        if isinstance(value, Unread):
            unread = unread or value
        elif value:
            return True
    return unread or False


class Table:
    """One row per resource. Every table also holds the columns below."""

    provider = text("The cloud.", "aws", "azure", "gcp", "clearblade")
    account = text("Account, subscription or project id.")
    region = text("Region or location; `global` where the service has none.")
    resource = text("The provider's full id: ARN, ARM id or resource name.")
    context: ClassVar[tuple[str, ...]] = ()
    """Columns that evidence shows beside those a check reads."""

    name = text("The name people know it by.")
    subject = text("The part of the resource that is meant, where one resource has several.")

    @classmethod
    def columns(cls) -> dict[str, Column]:
        """Every column by name, the common ones first."""
        return {
            name: value
            for base in reversed(cls.__mro__)
            for name, value in vars(base).items()
            if isinstance(value, Column)
        }

    @classmethod
    def id(cls) -> str:
        """The table's name in files and on the command line: ``RoleAlias`` is ``role_alias``."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")

    @classmethod
    def frame(cls, rows: Iterable[Row]) -> pd.DataFrame:
        """The rows as a dataframe with exactly this table's columns; absent and unread cells are ``<NA>``.

        Raises ``ValueError`` for a column the table does not have or a value outside its closed set.
        """
        import pandas as pd  # late: `iotposture show` needs tables, not dataframes

        columns = cls.columns()
        cells: dict[str, list[Any]] = {name: [] for name in columns}
        for row in rows:
            if unknown := row.keys() - columns.keys():
                raise ValueError(f"{cls.__name__} has no column {', '.join(sorted(unknown))}")
            for name, column in columns.items():
                cells[name].append(column_value(cls, name, column, row.get(name)))
        return pd.DataFrame(
            {name: pd.array(values, dtype=columns[name].dtype) for name, values in cells.items()},
            columns=list(columns),
        )


class Tagged(Table):
    """A table of resources that may carry tags, labels or attributes."""

    tags = text("Its tags, a JSON object of texts. Of a device only those that an owner's rule names.", shown=False)


def column_value(table: type[Table], name: str, column: Column, value: Any) -> Any:
    """The value as it is stored: None for nothing read; raises ``ValueError`` when it does not fit the column."""
    if value is None or isinstance(value, Unread):
        return None
    fits = {TEXT: str, "boolean": bool, "Int64": int}[column.dtype]
    if not isinstance(value, fits) or (fits is int and isinstance(value, bool)):
        raise ValueError(f"{table.__name__}.{name} holds {fits.__name__}, not {type(value).__name__}")
    if column.values and value not in column.values:
        raise ValueError(f"{table.__name__}.{name} is one of {', '.join(column.values)}, not {str(value)[:60]!r}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{table.__name__}.{name} holds whole numbers of 64 bits")
    return storable(value) if isinstance(value, str) else value


def storable(value: str) -> str:
    """The text with `?` for each lone surrogate: JSON may hold such halves of a character, no file can."""
    return value if value.isascii() else value.encode(errors="replace").decode()


if TYPE_CHECKING:

    class Rows(pd.DataFrame, Generic[T]):
        """Rows of one table."""

    Verdict = pd.Series[bool]
else:

    class Rows(Generic[T]):
        """Rows of one table: ``Rows[Hub]`` in a check's signature names what it judges."""

    class Verdict:
        """A boolean column, one answer per row: True passes, False fails, ``<NA>`` is unknown."""


@dataclass
class Tables:
    """What one scope holds: a frame per table, why cells are missing, and which lists are not whole."""

    frames: dict[type[Table], pd.DataFrame] = field(default_factory=dict)
    unread: pd.DataFrame = field(default_factory=lambda: unread_frame([]))
    gaps: pd.DataFrame = field(default_factory=lambda: gaps_frame([]))
    coverage: pd.DataFrame = field(default_factory=lambda: coverage_frame([]))


UNREAD = ("table", "resource", "subject", "column", "cause", "operation", "permission", "detail")
"""One row per cell that could not be read."""
NAMING = ("account", "region", "kind", "resource", "subject", "name")
"""What may be known of a row that was not read."""
GAPS = (
    "table", "provider", "account", "region", "kind", "cause", "operation", "permission", "detail",
    "resource", "subject", "name",
)  # fmt: skip
"""One row per list that could not be read to its end: the table, and the kind if all are alike, of rows that may be missing.
Where ``resource`` names one, it is that row alone that is missing.
"""
COVERAGE = ("provider", "account", "region", "operation", "permission", "outcome", "code", "detail", "cause", "tables")
"""One row per operation asked in a scope; the outcome is the worst seen there. ``cause`` says why, if it was not read;
``tables`` are the ids, joined by ``|``, of those that the operation fills there.
"""


def unread_key(row: Mapping[Any, Any]) -> tuple[str, str]:
    """What a row of a table, and the note of a cell of it that was not read, have in common."""
    return str(row["resource"]), str(row["subject"])


def unread_note(table: type[Table], row: Row, column: str, unread: Unread) -> dict[str, str]:
    """The note that a cell of a row was not read: one row of UNREAD."""
    resource, subject = unread_key(row)
    return {
        "table": table.id(),
        "resource": resource,
        "subject": subject,
        "column": column,
        "cause": unread.cause,
        "operation": unread.operation,
        "permission": unread.permission,
        "detail": details(unread.code, unread.detail),
    }


def details(*parts: str) -> str:
    """What else is known, in one text."""
    return ", ".join(part for part in parts if part)


def text_frame(columns: tuple[str, ...], rows: Iterable[Row]) -> pd.DataFrame:
    """A frame of text columns; empty text where a row says nothing."""
    import pandas as pd

    data = [[storable(str(row.get(column, ""))) for column in columns] for row in rows]
    return pd.DataFrame(data, columns=list(columns), dtype=TEXT)


def unread_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Frame of unread cells."""
    return text_frame(UNREAD, rows)


def gaps_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Frame of lists that are not whole."""
    return text_frame(GAPS, rows)


def coverage_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Frame of operations asked and what came of them."""
    return text_frame(COVERAGE, rows)
