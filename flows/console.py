"""The terminal: results on stdout, progress and messages on stderr, one line per mistake, and the exit codes."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeVar, cast

from reports.escape import log_json, spreadsheet, terminal

if TYPE_CHECKING:
    from flows.errors import NothingReachable

Format = Literal["text", "json", "csv"]
Result = TypeVar("Result")

CLEAN, GATE, USAGE, COVERAGE, UNREACHABLE, NOT_WRITTEN, INTERRUPTED, UNREAD = 0, 1, 2, 3, 4, 5, 130, 141
"""Exit codes: nothing to report, gate hit, wrong use or settings, coverage below the minimum, no target reachable,
output not written, interrupted, and what a shell says of a program whose reader stopped (128 and SIGPIPE)."""


def collect_seldom() -> None:
    """Lets Python look for garbage less often: SDKs load models by the million objects, and hardly any is garbage.

    Looking is what a short scan would spend much of its time on.
    """
    gc.set_threshold(50_000, 20, 20)


def open_streams() -> None:
    """Gives a program that was started without stdout or stderr one that goes nowhere.

    What the encoding of a stream has no character for is shown as a question mark: no text may end a verb.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(line: str) -> None:
    """One message for the person, on stderr."""
    for part in line.splitlines():
        print(terminal(part), file=sys.stderr)


class Escaped(io.TextIOBase):
    """Standard output, on the way to which each piece of text is escaped."""

    def __init__(self, escape: Callable[[str], str]) -> None:
        self._escape = escape

    def write(self, text: str) -> int:
        return sys.stdout.write(self._escape(text))


def escaping(escape: Callable[[str], str]) -> TextIO:
    """Standard output for whoever writes a file to it, row by row."""
    return cast("TextIO", Escaped(escape))


def emit(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], format_: Format) -> None:
    """Rows on stdout: a table, a JSON list of objects or CSV with a header."""
    if format_ == "json":
        print_json([dict(row) for row in rows])
    elif format_ == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([spreadsheet(terminal(flat(row.get(column, "")))) for column in columns] for row in rows)
    else:
        grid(rows, columns)


def print_json(value: Any) -> None:
    """Anything as JSON on stdout."""
    print(log_json(json.dumps(value, indent=2)))


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


def reader_stopped(error: BaseException) -> bool:
    """Whether nobody reads on, as after `| head`, which is no mistake: then what is left to print goes nowhere."""
    if not any(isinstance(one, BrokenPipeError) for one in (error, error.__context__)):  # rich leaves by SystemExit
        return False
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return True


@contextmanager
def unread() -> Iterator[None]:
    """What is printed here may go unread: the work goes on, because there is more to it."""
    try:
        yield
        print(end="", flush=True)
    except (BrokenPipeError, SystemExit) as error:
        if not reader_stopped(error):
            raise


def failure_code(error: NothingReachable | OSError) -> int:
    """Says why a verb could not do its work, and gives the exit code."""
    if isinstance(error, OSError):
        where_and_why = (str(error.filename or ""), error.strerror or type(error).__name__)
        say(f"not written: {': '.join(filter(None, where_and_why))}")
        return NOT_WRITTEN
    say(f"{error}\nno cloud can be scanned; `iotposture doctor` says more")
    return UNREACHABLE


def exit_code(work: Callable[[], int | None]) -> int:
    """Does the work of a verb; every failure a user can cause is one clear line and an exit code."""
    from cyclopts import CycloptsError

    from collectors.errors import BadRun
    from flows.errors import BadSettings, NothingReachable, UnknownName

    try:
        code = work() or CLEAN
        print(end="", flush=True)
        return code
    except (BadSettings, UnknownName, BadRun) as error:
        say(str(error))
        return USAGE
    except CycloptsError as error:
        verb = " ".join(("iotposture", *(error.command_chain or ())))
        said = " ".join(str(error).split())
        say(f"iotposture: {said if said.endswith('...') else said.rstrip('.')}; see `{verb} --help`")
        return USAGE
    except NothingReachable as error:
        return failure_code(error)
    except (BrokenPipeError, SystemExit) as error:
        if not reader_stopped(error):
            raise
        return UNREAD
    except OSError as error:
        return failure_code(error)
    except KeyboardInterrupt:
        say("interrupted; `iotposture scan --resume DIR` goes on where it stopped")
        return INTERRUPTED
