"""A report on a terminal: 80 columns are enough, and without a terminal it is plain text."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from checks.check import SEVERITIES
from reports.escape import terminal
from reports.report import Report
from reports.summary import Line, NotRead, Summary, Tally, number, short, short_name, summarise

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

TOP = 10
"""Failing checks that a terminal shows."""
SHOWN = 3
"""Resources that it names for each."""
LEAVES = 24
"""Characters for what a gap leaves unknown, as in ``12 checks in 4 scopes``."""
NAME = 24
"""Characters of a resource's name."""
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}


def render(report: Report, console: Console) -> None:
    """Summary by area and severity with coverage beside it, what was not read, and the gravest failing checks."""
    summary = summarise(report)
    head(report, console)
    console.print(areas(report, summary, console))
    if missing := [gap for gap in summary.not_read if gap.checks or not gap.why.nothing_there]:
        console.print(text("\nNot read, and the checks that it leaves unknown", "bold"))
        gaps(missing, console)
    if summary.top:
        more = f", the first {TOP} of {len(summary.top)} checks" if len(summary.top) > TOP else ""
        console.print(text(f"\nWhat fails{more}", "bold"))
        console.print(failing(summary, console))


def text(shown: str, style: str = "") -> Text:
    """Text that rich prints as it stands."""
    from rich.text import Text

    return Text("\n".join(map(terminal, shown.split("\n"))), style=style, overflow="fold")


def grid(console: Console, *columns: tuple[str, Literal["left", "right"]]) -> Table:
    """An empty table; lines only where somebody looks."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, show_edge=False, header_style="bold"
    )
    for title, justify in columns:
        table.add_column(title, justify=justify, overflow="fold", no_wrap=justify == "right")
    return table


def head(report: Report, console: Console) -> None:
    """Which scan this is, and how far it saw."""
    about = report.about
    console.print(text(f"Scan {about['scan_id']}, {about['scan_started_at']}", "bold"))
    scopes = report.coverage[["provider", "account", "region"]].drop_duplicates()
    state = "complete" if about["scan_complete"] == "true" else "NOT COMPLETE"
    console.print(
        text(
            f"{state}; {number(len(scopes), 'scope')} in {', '.join(sorted(set(scopes['provider']))) or 'no cloud'}; "
            f"{about['coverage_pct']} % coverage\n"
        )
    )


def areas(report: Report, summary: Summary, console: Console) -> Table:
    """Failing by severity, unknown, passing, and how much could be judged."""
    severities = [s for s in SEVERITIES if s != "info" or summary.total.failed[s]]
    right = [(name, "right") for name in (*severities, "unknown", "pass", "assessed")]
    table = grid(console, ("Area", "left"), *right)  # type: ignore[arg-type]

    def row(title: str, tally: Tally, style: str = "") -> None:
        failed = [text(str(tally.failed[s] or "-"), COLOURS[s] if tally.failed[s] else "dim") for s in severities]
        unknown = sum(tally.unknown.values())
        table.add_row(
            text(title, style),
            *failed,
            text(str(unknown or "-"), "magenta" if unknown else "dim"),
            text(str(tally.passed or "-"), "" if tally.passed else "dim"),
            text(f"{tally.assessed_pct} %" if tally.pairs else "-"),
        )

    for area, tally in summary.areas.items():
        row(report.areas.get(area, area), tally)
    row("All", summary.total, "bold")
    return table


def gaps(not_read: list[NotRead], console: Console) -> None:
    """What is missing by name and what it leaves open, below each cause with what would mend it."""
    from rich.padding import Padding

    causes = defaultdict(list)
    for gap in not_read:
        causes[gap.why].append(gap)
    for why, alike in causes.items():
        console.print(text(f"{why.title}.", "magenta").append(f" {why.mend}", ""))
        table = grid(console, ("", "left"), ("", "left"))
        table.show_header, table.box = False, None
        table.columns[0].width = console.width - LEAVES - 3
        for gap in alike:
            what = gap.permission or ", ".join(sorted(gap.operations)) or ", ".join(sorted(gap.facts))
            open_ = f"{number(len(gap.checks), 'check')} in {number(len(gap.scopes), 'scope')}" if gap.checks else "-"
            table.add_row(text(f"{gap.provider} {what}"), text(open_))
        console.print(Padding(table, (0, 0, 0, 2)))


def failing(summary: Summary, console: Console) -> Table:
    """The gravest failing checks, each with some of the resources that fail it; devices are rolled up."""
    table = grid(console, ("Severity", "left"), ("Found", "right"), ("Requirement, and what fails it", "left"))
    lines = defaultdict(list)
    for line in summary.lines:
        if line.first.status == "fail":
            lines[line.first.check_id].append(line)
    for check in summary.top[:TOP]:
        shown = [line_name(line) for line in lines[check.id][:SHOWN]]
        if len(lines[check.id]) > SHOWN:
            shown.append("…")
        table.add_row(
            text(check.severity, COLOURS[check.severity]),
            text(f"{check.failed:,}"),
            text(f"{check.title}\n{', '.join(shown)}"),
        )
    return table


def line_name(line: Line) -> str:
    """What a line is about, in few words."""
    first = line.first
    if line.rolled_up:
        return f"{line.what} of {short_name(short(first.hub), NAME)}" if first.hub else line.what
    return f"{first.provider} {short_name(first.resource_name or short(first.resource_id), NAME)}"
