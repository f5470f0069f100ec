"""What a scan tells while it works: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from collectors.provider import Scopes
from collectors.scope import Scope
from flows.console import say
from reports.escape import terminal


@dataclass
class Progress:
    """What a scan tells while it works. The default says nothing."""

    planned: Callable[[Scopes, Mapping[str, str]], None] = lambda _, __: None
    done: Callable[[Scope, int, int], None] = lambda _, __, ___: None


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """What a scan tells while it works: a bar on a terminal, plain lines elsewhere, nothing when quiet."""
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

    def advanced(scope: Scope, _: int, __: int) -> None:
        bar.update(row, advance=1, description=terminal(str(scope)))

    with bar:
        yield Progress(begun, advanced)
