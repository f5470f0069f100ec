"""The description of a ticket: the same facts in each markup, within a limit, and nothing in it that changes by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from checks.registry import CHECKS
from reports.case import Case
from reports.escape import (
    clip,
    heading,
    html,
    markdown,
    markdown_block,
    markdown_prose,
    servicenow,
    visible,
    wiki,
    wiki_block,
)
from reports.tickets.profile import units
from reports.tickets.ticket import Ticket

Facts = Sequence[tuple[str, str]]
MOVING = {name for check in CHECKS for name, column in check.table.columns().items() if column.moves}
SIZES = ((200, 2000), (100, 1000), (50, 500), (20, 250), (5, 120), (0, 60))
"""Members of a group and characters of a fact, tried until the description fits."""


class Markup(NamedTuple):
    """One way to write a description. Only these functions see text, and each escapes what it is given.

    ``spoils`` finds what ``block`` cannot show as it is.
    """

    head: Callable[[str], str]
    prose: Callable[[str], str]
    facts: Callable[[Facts], str]
    block: Callable[[str], str]
    between: str
    spoils: re.Pattern[str] = re.compile(r"(?!)")


MARKDOWN = Markup(
    lambda text: f"### {markdown_prose(text)}",
    markdown_prose,
    # A line that ended with a backquote would keep GitLab from reading its own quick actions above it.
    lambda facts: "\n".join(f"- {name}: {markdown(value)}." for name, value in facts),
    markdown_block,
    "\n\n",
)
WIKI = Markup(
    lambda text: f"h3. {wiki(text)}",
    wiki,
    lambda facts: wiki_block("\n".join(f"{name}: {visible(value)}" for name, value in facts)),
    wiki_block,
    "\n\n",
    re.compile(r"\\|<<!|\{noformat", re.IGNORECASE),
)
HTML = Markup(
    lambda text: f"<h3>{html(text)}</h3>",
    lambda text: f"<p>{html(text)}</p>",
    lambda facts: f"<ul>{''.join(f'<li>{html(name)}: <code>{html(value)}</code></li>' for name, value in facts)}</ul>",
    lambda text: f"<pre>{'<br>'.join(map(html, text.split(chr(10))))}</pre>",
    "",
)
PLAIN = Markup(
    lambda text: f"{servicenow(heading(text))}:",
    lambda text: servicenow(heading(text)),
    lambda facts: "\n".join(f"{name}: {servicenow(value)}" for name, value in facts),
    lambda text: "\n".join(servicenow(line) for line in text.split("\n")),
    "\n\n",
    re.compile(r"\"|\[/?code\]", re.IGNORECASE),
)


def description(ticket: Ticket, markup: Markup, limit: int, size: Callable[[str], int] = units) -> str:
    """The description, at most ``limit`` characters long: first long facts are cut, then members of a group left out."""
    for members, width in SIZES:
        text = markup.between.join(parts(ticket, markup, members, width))
        if size(text) <= limit:
            return text
    return markup.facts([("Finding", ticket.id)])


def parts(ticket: Ticket, markup: Markup, members: int, width: int) -> Iterator[str]:
    if ticket.by == "finding":
        finding = ticket.case.finding
        yield markup.prose(clip(finding.check_title, width))
        yield markup.facts(short_facts(facts(ticket.case), width))
        yield markup.head("Why")
        yield markup.prose(clip(finding.risk, width))
        yield from remedy(ticket.case, markup, width)
        return
    yield markup.prose(f"Everything that is open of one {ticket.by}, {len(ticket.cases)} in all, gravest first.")
    yield markup.facts([("Finding", ticket.id)])
    checks: dict[str, list[Case]] = {}
    for case in ticket.cases[:members]:
        checks.setdefault(case.finding.check_id, []).append(case)
    for cases in checks.values():
        finding = cases[0].finding
        yield markup.head(clip(f"{finding.severity}: {finding.check_title}", width))
        yield markup.facts(short_facts([member(case) for case in cases], width))
        if finding.remediation:
            yield markup.prose(clip(finding.remediation, width))
    if left := len(ticket.cases) - members if members < len(ticket.cases) else 0:
        yield markup.prose(f"And {left} more, which the export to csv lists.")


def remedy(case: Case, markup: Markup, width: int) -> Iterator[str]:
    finding = case.finding
    command = getattr(finding, "remediation_cli", "")
    if finding.remediation or command:
        yield markup.head("What to do")
    if finding.remediation:
        yield markup.prose(clip(finding.remediation, width))
    if len(command) > width or markup.spoils.search(command):  # part of a command, or another one, does other things
        yield markup.prose("The command is in the export to csv.")
    elif command:
        yield markup.block(command)


def facts(case: Case) -> Iterator[tuple[str, str]]:
    """What is known of a finding, without its times: those change, or stand in columns of their own."""
    finding = case.finding
    yield "Finding", finding.finding_id
    yield "Check", finding.check_id
    yield "Severity", finding.severity
    yield "Cloud", finding.provider
    yield "Account", finding.account_id
    yield "Region", finding.region
    yield "Hub", finding.hub
    yield finding.resource_type.replace("_", " ").capitalize() or "Resource", finding.resource_id
    yield "Part of it", finding.subject
    yield "Seen", lasting_evidence(finding.actual)
    yield "Not read", finding.status_reason if finding.status == "unknown" else ""
    yield "Permission needed", finding.permission
    yield "Guidelines", finding.guidelines.replace("|", ", ")
    yield "Controls", finding.controls.replace("|", ", ")


def member(case: Case) -> tuple[str, str]:
    """One line of a group."""
    finding = case.finding
    where = " ".join(filter(None, (finding.resource_id, finding.subject)))
    return finding.finding_id, f"{where}: {lasting_evidence(finding.actual) or finding.status_reason}"


def lasting_evidence(actual: str) -> str:
    """Evidence without the days that move by themselves, such as those until a certificate ends."""
    return "; ".join(part for part in actual.split("; ") if part.partition("=")[0] not in MOVING)


def short_facts(pairs: Iterator[tuple[str, str]] | Facts, width: int) -> Facts:
    """Those that say something, each of one line."""
    return [(name, clip(visible(value), width)) for name, value in pairs if value]
