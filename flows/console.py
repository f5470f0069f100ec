"""The terminal: results on stdout, progress and messages on stderr, one line per mistake, and the exit codes."""

from __future__ import annotations

import csv
import gc
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from reports.text import spreadsheet, terminal

if TYPE_CHECKING:
    from collectors.operation import Scope
    from collectors.target import Scopes
    from flows.scan import Progress

Format = Literal["text", "json", "csv"]
Result = TypeVar("Result")

CLEAN, GATE, USAGE, COVERAGE, UNREACHABLE, NOT_WRITTEN, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
"""Exit codes: nothing to report, gate hit, wrong use or settings, coverage below the minimum, no target reachable,
output not written, interrupted."""


def collect_seldom() -> None:
    """Lets Python look for garbage less often: SDKs load models by the million objects, and hardly any is garbage.

    A scan of the demo spent a fifth of its time on looking.
    """
    gc.set_threshold(50_000, 20, 20)


def say(line: str) -> None:
    """One message for the person, on stderr."""
    for part in line.splitlines():
        print(terminal(part), file=sys.stderr)


def emit(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], format_: Format) -> None:
    """Rows on stdout: a table, a JSON list of objects or CSV with a header."""
    if format_ == "json":
        print(json.dumps([dict(row) for row in rows], indent=2))
    elif format_ == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([spreadsheet(flat(row.get(column, ""))) for column in columns] for row in rows)
    else:
        grid(rows, columns)


def flat(value: Any) -> str:
    """A cell as text; a list is joined by ``|``."""
    return "|".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def grid(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows as a table as wide as the terminal; full lines where there is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(terminal(flat(row.get(column, "")))) for column in columns))
    console.print(table)


def lines(pairs: Iterable[tuple[str, Any]]) -> None:
    """Name and value, one under the other; nothing where there is no value."""
    for name, value in pairs:
        if text := flat(value):
            print(f"{name + ':':12} {terminal(text)}")


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """What a scan tells while it works: a bar on a terminal, plain lines elsewhere, nothing when quiet."""
    from flows.scan import Progress

    if quiet:
        yield Progress()
        return

    def planned(scopes: Scopes, unreachable: Mapping[str, str]) -> None:
        for line in (*unreachable.values(), *scopes.lines):
            say(line)
        say(f"scanning {len(scopes)} scope{'s'[: len(scopes) != 1]}")

    def told(scope: Scope, failed: int, unknown: int) -> None:
        say(f"{scope}: {failed} failing, {unknown} unknown")

    if not sys.stderr.isatty():
        yield Progress(planned, told)
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    row = bar.add_task("finding scopes", total=None)

    def begun(scopes: Scopes, unreachable: Mapping[str, str]) -> None:
        for line in (*unreachable.values(), *scopes.lines):
            bar.console.print(terminal(line), markup=False, highlight=False)
        bar.update(row, description="scanning", total=len(scopes))

    def advanced(scope: Scope, failed: int, unknown: int) -> None:
        bar.update(row, advance=1, description=terminal(str(scope)))

    with bar:
        yield Progress(begun, advanced)


def exit_code(work: Callable[[], int | None]) -> int:
    """Does the work of a verb; every failure a user can cause is one clear line and an exit code."""
    from cyclopts import CycloptsError

    from flows.mistakes import BadSettings, NothingReachable, UnknownName

    try:
        return work() or CLEAN
    except (BadSettings, UnknownName) as error:
        say(str(error))
        return USAGE
    except CycloptsError as error:
        say(f"iotposture: {' '.join(str(error).split()).rstrip('.')}; see `iotposture --help`")
        return USAGE
    except NothingReachable as error:
        say(f"{error}\nno cloud can be scanned; `iotposture doctor` says more")
        return UNREACHABLE
    except BrokenPipeError:  # nobody reads on, as after `| head`; what is left goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_WRITTEN
    except OSError as error:
        say(f"not written: {error.filename or ''} {error.strerror or type(error).__name__}".replace("  ", " "))
        return NOT_WRITTEN
    except KeyboardInterrupt:
        say("interrupted; `iotposture scan --resume DIR` goes on where it stopped")
        return INTERRUPTED
