"""What a check is: one function over one table that states a requirement. True passes, False fails.

Its name is its id, its docstring the title and the risk, its module the area; its examples are its tests, its
documentation and the list of columns it reads.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from checks.command import command_for_row
from collectors.schema import Table

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
"""From worst to least."""

Example = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One check. ``only`` narrows the rows it concerns; ``profile`` keeps it off until the settings choose it.

    Four kinds of example say what it does with a row: ``passes``, ``fails``, ``open`` (it concerns the row and cannot
    decide: unknown) and ``ignores`` (it does not concern the row: nothing is said of it).
    ``command`` is by cloud, or by cloud and kind of row (``aws authority``); ``severity_when`` in order, first match first.
    """

    function: Callable[..., Any]
    table: type[Table]
    severity: Severity
    serves: tuple[str, ...]
    controls: tuple[str, ...]
    remedy: Mapping[str, str]
    passes: tuple[Example, ...]
    fails: tuple[Example, ...]
    open: tuple[Example, ...] = ()
    ignores: tuple[Example, ...] = ()
    only: Mapping[str, Any] = field(default_factory=dict)
    profile: str = ""
    command: Mapping[str, str] = field(default_factory=dict)
    severity_when: Mapping[Severity, Example] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The function's name with dashes."""
        return self.function.__name__.replace("_", "-")

    @property
    def area(self) -> str:
        """The first name under ``checks`` of the module it stands in."""
        return self.function.__module__.split(".")[1]

    @cached_property
    def title(self) -> str:
        """The requirement: first line of the docstring."""
        return inspect.getdoc(self.function).partition("\n")[0]  # type: ignore[union-attr]

    @cached_property
    def risk(self) -> str:
        """Why it matters: the rest of the docstring."""
        return " ".join(inspect.getdoc(self.function).split("\n")[1:]).strip()  # type: ignore[union-attr]

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The columns it reads: those that each example of ``passes`` and ``fails`` names, in their order.

        An example may name more: columns of ``only``, and those that its severity goes by.
        """
        first, *others = (*self.passes, *self.fails)
        return tuple(column for column in first if all(column in example for example in others))

    @cached_property
    def weighs(self) -> tuple[str, ...]:
        """The columns by which its severity varies."""
        return tuple(dict.fromkeys(column for cells in self.severity_when.values() for column in cells))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Its thresholds: keyword-only parameters and their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def remedy_for(self, provider: str) -> str:
        """What to do about it in one cloud."""
        return self.remedy.get(provider, self.remedy.get("", ""))

    def command_for(self, row: Example) -> str:
        """The command that carries out the remedy for a row, or empty text."""
        cloud = str(row["provider"])
        template = self.command.get(f"{cloud} {row.get('kind') or row.get('target_kind')}", self.command.get(cloud, ""))
        return command_for_row(template, row)

    def severity_for(self, row: Example) -> Severity:
        """How grave it is for a row; a cell that was not read changes nothing."""
        for severity, cells in self.severity_when.items():
            if all(
                row.get(column) in (value if isinstance(value, tuple) else (value,)) for column, value in cells.items()
            ):
                return severity
        return self.severity


CHECKS: list[Check] = []


def proven(answer: pd.Series[bool]) -> pd.Series[bool]:
    """True where it holds, ``<NA>`` elsewhere: for a condition whose absence proves nothing either way."""
    return answer.where(answer.fillna(False))


def check(
    *,
    severity: Severity,
    passes: Sequence[Example],
    fails: Sequence[Example],
    open: Sequence[Example] = (),
    ignores: Sequence[Example] = (),
    serves: Sequence[str] = (),
    controls: Sequence[str] = (),
    remedy: str | Mapping[str, str] = "",
    only: Mapping[str, Any] | None = None,
    profile: str = "",
    command: Mapping[str, str] | None = None,
    severity_when: Mapping[Severity, Example] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares a check. See checks/README.md, *Add a check*.

    An example is a row: the cells it names, and for the rest a row as ``only`` wants it. ``passes`` meet the requirement,
    ``fails`` do not. ``open`` are rows that the check concerns and that stay unknown, such as an audit that is too old
    to prove anything. ``ignores`` are rows that ``only`` leaves out, each by one column. Together the examples prove the
    check: the tests change its code and ``only`` in one place at a time, and an example has to notice.
    ``serves`` names guidelines of ``frameworks/guidelines.csv``; their controls are the check's, ``controls`` adds
    more. ``only`` maps a column to the value, or tuple of values, a row must have to be judged. ``command`` is the
    remedy's command by cloud (see :mod:`checks.command`), or by cloud and kind of row. ``severity_when`` maps another
    severity to the cells, written as in ``only``, of the rows that have it.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        table = get_args(next(iter(get_type_hints(function).values())))[0]
        remedies = {"": remedy} if isinstance(remedy, str) else dict(remedy)
        CHECKS.append(
            Check(
                function, table, severity, tuple(serves), tuple(controls), remedies,
                tuple(passes), tuple(fails), tuple(open), tuple(ignores), dict(only or {}), profile, dict(command or {}),
                dict(severity_when or {}),
            )
        )  # fmt: skip
        return function

    return declare
