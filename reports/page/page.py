"""``report.html``: one file for whoever answers for the estate and whoever mends it.

Everything is in the page as text; the script only filters and sorts what stands there. The content security policy
lets nothing run or load but the two blocks of this folder.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks.check import SEVERITIES
from checks.finding import Finding
from collectors.operation import OUTCOMES
from reports.report import CheckFacts, Report, records
from reports.summary import CAUSES, STATES, CheckState, Line, Summary, Tally, clipped, number, short, summarise
from reports.text import visible

HERE = Path(__file__).parent
STATE_TITLES = {"fail": "Fails", "unknown": "Unknown", "pass": "Passes", "not_applicable": "Nothing to judge"}
CLOUDS = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud", "clearblade": "ClearBlade"}
FIRST = 500
"""Rows of findings that a browser draws at once; the rest stands folded, which costs it nothing until it is opened."""
LABEL = 32
"""Characters of a name that stand in a row; its evidence has it whole."""
BAR = 200
"""Length of a bar in the units of its drawing."""


def report_html(report: Report, out: TextIO) -> None:
    """The page; equal reports give equal bytes."""
    summary = summarise(report)
    style, script = (block(name) for name in ("page.css", "page.js"))
    pieces = template().generate(
        about=report.about,
        summary=summary,
        severities=SEVERITIES,
        outcomes=OUTCOMES,
        areas=area_rows(report, summary),
        total=area_row("All areas", summary.total),
        failing=sum(summary.total.failed.values()),
        unknown=sum(summary.total.unknown.values()),
        lines=list(map(line_view, summary.lines)),
        first=FIRST,
        choices={name: sorted(set(report.findings[name])) for name in ("provider", "status")},
        chapters=chapters(report, summary),
        guideline_counts={state: sum(s == state for s, _ in summary.guidelines.values()) for state in STATES},
        titles={check["id"]: check["title"] for check in report.checks},
        coverage=coverage_rows(report),
        scopes=scopes(report),
        causes=CAUSES,
        states=STATE_TITLES,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; "
        "base-uri 'none'; form-action 'none'",
    )
    out.writelines(pieces)
    out.write("\n")


@cache
def template() -> Any:
    """The page's template: values are escaped as HTML, with characters that do not print written out."""
    surroundings = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    surroundings.filters["number"] = number
    surroundings.filters["cloud"] = lambda provider: CLOUDS.get(provider, provider)
    return surroundings.get_template("page.html")


def shown(value: Any) -> Any:
    """A value as the page may hold it; markup is the template's own."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def block(name: str) -> Markup:
    """A file of this folder as it stands in the page."""
    return Markup(HERE.joinpath(name).read_text("utf-8"))


def digest(text: str) -> str:
    """What a content security policy calls an inlined block."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True)
class AreaRow:
    """One row of the matrix; the bar's three parts are lengths."""

    title: str
    tally: Tally
    failed: int
    unknown: int
    bar: tuple[int, int, int]


def area_row(title: str, tally: Tally) -> AreaRow:
    """Numbers of one area, and how they share a bar. What is there at all can be seen."""
    numbers = sum(tally.failed.values()), sum(tally.unknown.values()), tally.passed
    lengths = [max(3, BAR * n // sum(numbers)) if n else 0 for n in numbers]
    lengths[lengths.index(max(lengths))] += BAR - sum(lengths) if sum(numbers) else 0
    return AreaRow(title, tally, numbers[0], numbers[1], (lengths[0], lengths[1], lengths[2]))


def area_rows(report: Report, summary: Summary) -> list[AreaRow]:
    """The matrix."""
    return [area_row(report.areas.get(area, area), tally) for area, tally in summary.areas.items()]


@dataclass(frozen=True)
class LineView:
    """One row of the findings: what stands in its cells, its evidence, and the resources it rolls up."""

    first: Finding
    label: str
    facts: Sequence[tuple[str, str]]
    members: Sequence[tuple[str, str]]
    more: int
    command: str = ""


def line_view(line: Line) -> LineView:
    """A line of the summary as the page shows it. What the check's own chapter says is not said again."""
    first: Finding = line.first
    heading = "Found" if first.status == "fail" else "Why"
    facts = {"Hub": first.hub if first.hub != first.resource_id else ""}
    if not line.rolled_up:
        whole = first.resource_id == f"{first.provider}/{first.account_id}/{first.region}"
        name = "" if whole else first.resource_name or short(first.resource_id)
        label = ", ".join(clipped(part, LABEL) for part in (name, first.subject) if part)
        long = [part for part in (name, first.subject) if len(part) > LABEL and part not in first.resource_id]
        facts = {
            "Name": ", ".join(long),
            "Id": first.resource_id if first.resource_id != label else "",
            heading: evidence(first),
            "Expected": first.expected if first.expected != first.check_title else "",
            **facts,
            "Finding": first.finding_id,
        }
        return LineView(first, label, shown_facts(facts), (), 0, first.remediation_cli)
    same = len(set(map(evidence, line.findings))) == 1
    facts[heading] = evidence(first) if same else ""
    members = [(finding.resource_id, "" if same else evidence(finding)) for finding in line.findings]
    label = f"{line.what} of {short(first.hub)}" if first.hub else line.what
    return LineView(first, label, shown_facts(facts), members, line.count - len(members))


def shown_facts(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those that say something."""
    return [(name, value) for name, value in facts.items() if value]


def evidence(finding: Finding) -> str:
    """What was found, or why nothing could be."""
    if finding.status == "fail":
        return finding.actual
    return finding.status_reason or ", ".join(CAUSES[c][0] if c in CAUSES else c for c in finding.cause.split("|"))


@dataclass(frozen=True)
class CheckView:
    """One check with what it says about itself and how it fared."""

    state: CheckState
    facts: CheckFacts
    remedies: Sequence[tuple[str, str]]
    guidelines: Sequence[tuple[str, str]]


def chapters(report: Report, summary: Summary) -> list[tuple[str, str, list[CheckView]]]:
    """Checks by area: the area's id and title, and its checks."""
    facts = {check["id"]: check for check in report.checks}
    found: dict[str, list[CheckView]] = {}
    for state in summary.checks:
        check = facts[state.id]
        served = [(name, summary.guidelines[name][0]) for name in check["guidelines"] if name in summary.guidelines]
        found.setdefault(state.area, []).append(CheckView(state, check, remedies(check), served))
    return [(area, report.areas.get(area, area), views) for area, views in found.items()]


def remedies(check: CheckFacts) -> list[tuple[str, str]]:
    """What to do, by cloud; no cloud is named where one text serves all."""
    remedy = check["remedy"]
    by_cloud: Iterable[tuple[str, str]] = [("", remedy)] if isinstance(remedy, str) else remedy.items()
    return [(CLOUDS.get(cloud, cloud), " ".join(text.split())) for cloud, text in by_cloud if text]


def coverage_rows(report: Report) -> list[dict[str, Any]]:
    """One row per operation, with the number of scopes by outcome."""
    keys = ["provider", "operation", "permission"]
    counted = report.coverage.groupby([*keys, "outcome"]).size().unstack(fill_value=0).reset_index()
    return [
        {**{key: row[key] for key in keys}, **{outcome: int(row.get(outcome, 0)) for outcome in OUTCOMES}}
        for row in counted.to_dict("records")
    ]


def scopes(report: Report) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Where the scan looked: providers, their accounts and the regions of each."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in records(report.coverage[["provider", "account", "region"]].drop_duplicates()):
        found.setdefault(row.provider, {}).setdefault(row.account, []).append(row.region)
    return [(provider, list(accounts.items())) for provider, accounts in found.items()]
