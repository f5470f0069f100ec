"""``report.html``: one file for whoever answers for the estate and whoever mends it.

Everything is in the page as text; the script only filters, sorts and pages what stands there. The content security
policy lets nothing run or load but the two blocks of this folder.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks.check import SEVERITIES
from collectors.operation import OUTCOMES
from reports.case import Docket
from reports.page import charts, strips
from reports.page.headline import headline
from reports.page.rows import listing
from reports.page.waivers import SOON, accepted
from reports.report import CheckFacts, Report, records
from reports.summary import CAUSES, STATES, CheckState, Summary, Tally, number, short, summarise
from reports.text import visible
from reports.trend import Share, Trend

HERE = Path(__file__).parent
STATE_TITLES = {"fail": "Fails", "unknown": "Unknown", "pass": "Passes", "not_applicable": "Nothing to judge"}
CLOUDS = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud", "clearblade": "ClearBlade"}
UNFOLDED = 100
"""Rows of findings that stand open without a script; more stand folded by requirement, and cost a browser nothing."""
LISTED = 20
"""Accounts, hubs or owners that a table of the trend lists."""


def report_html(report: Report, out: TextIO, trend: Trend | None = None, docket: Docket | None = None) -> None:
    """The page; equal input gives equal bytes.

    Without a trend there are no charts over time, without a docket no owner, age, due date or waiver; the page says so.
    """
    summary = summarise(report)
    style, script = (block(name) for name in ("page.css", "page.js"))
    pieces = template().generate(
        about=report.about,
        headline=headline(report, summary, trend, docket),
        summary=summary,
        severities=SEVERITIES,
        outcomes=OUTCOMES,
        areas=area_rows(report, summary, trend),
        total=area_row("All areas", summary.total, None),
        unknown=sum(summary.total.unknown.values()),
        listing=listing(report, summary.lines, docket),
        unfolded=UNFOLDED,
        providers=sorted(set(report.findings["provider"])),
        docket=docket,
        gone=[case for case in docket.cases if case.lifecycle == "resolved"] if docket else [],
        dark=sum(case.lifecycle == "dark" for case in docket.cases) if docket else 0,
        waivers=accepted(docket),
        soon=SOON,
        trend=trend if trend and trend.points else None,
        chapters=chapters(report, summary),
        guideline_counts={state: sum(s == state for s, _ in summary.guidelines.values()) for state in STATES},
        titles={check["id"]: check["title"] for check in report.checks},
        coverage=coverage_rows(report),
        scopes=scopes(report),
        causes=CAUSES,
        states=STATE_TITLES,
        charts=charts,
        strips=strips,
        listed=LISTED,
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
    surroundings.filters["day"] = charts.day
    surroundings.filters["short"] = short
    surroundings.filters["cloud"] = lambda provider: CLOUDS.get(provider, provider)
    surroundings.filters["days"] = lambda days: "" if days is None else f"{days:g}"
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
    """One row of the matrix with the bar of its failing findings; ``share`` is how the area moved, if that is known."""

    title: str
    tally: Tally
    failed: int
    unknown: int
    bar: strips.Strip
    share: Share | None


def area_row(title: str, tally: Tally, share: Share | None, most: int = 0) -> AreaRow:
    """Numbers of one area; ``most`` is the failing findings of the area that has most of them."""
    bar = strips.strip([(f"p-{s}", tally.failed[s]) for s in SEVERITIES], most) if most else ()
    return AreaRow(title, tally, sum(tally.failed.values()), sum(tally.unknown.values()), bar, share)


def area_rows(report: Report, summary: Summary, trend: Trend | None) -> list[AreaRow]:
    """The matrix."""
    moved = {share.name: share for share in trend.by.get("area", ())} if trend else {}
    most = max((sum(tally.failed.values()) for tally in summary.areas.values()), default=0)
    return [
        area_row(report.areas.get(area, area), tally, moved.get(area), most) for area, tally in summary.areas.items()
    ]


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
