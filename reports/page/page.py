"""``report.html``: one file for whoever answers for the estate and whoever mends it.

Everything is in the page as text; the script only filters, sorts and pages what stands there. The content security
policy lets nothing run or load but the two blocks of this folder.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TextIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks.check import SEVERITIES
from checks.guidelines import guidelines
from collectors.files import text_writer
from collectors.scope import OUTCOMES
from reports.case import CaseReport
from reports.check_facts import CheckFacts
from reports.csv_files import coverage_csv, findings_csv
from reports.page import bars, charts
from reports.page.headline import headline
from reports.page.rows import ROOM, listing, page_text
from reports.page.waivers import SOON, accepted_waivers, lapsed_waivers
from reports.report import Report, records
from reports.score import CAP, WEIGHTS
from reports.summary import FAMILIES, STATES, CheckState, Summary, Tally, number, short, summarise
from reports.trend import Share, Trend

HERE = Path(__file__).parent
STATE_TITLES = {"fail": "Fails", "unknown": "Unknown", "pass": "Passes", "not_applicable": "Nothing to judge"}
CLOUDS = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud", "clearblade": "ClearBlade"}
LIMIT = 4_900_000
"""Bytes of a page: below 5 MB, whatever somebody names a thing."""
TRIES = 4
"""How often rows are trimmed further until the page keeps to its limit."""
UNFOLDED = 100
"""Rows of findings that stand open without a script; more stand folded by requirement, and cost a browser nothing."""
LISTED = 20
"""Accounts, hubs or owners that a table of the trend lists."""


def report_html(report: Report, out: TextIO, trend: Trend | None = None, case_report: CaseReport | None = None) -> None:
    """The page; equal input gives equal bytes, LIMIT of them at most.

    Without a trend there are no charts over time, without a case report no owner, age, due date or waiver; the page says so.
    """
    summary = summarise(report)
    fixed = page_template(report, summary, trend, case_report)
    room = ROOM
    for _ in range(TRIES):
        rows = listing(report, summary.lines, case_report, room)
        page = fixed(listing=rows)
        excess = len(page.encode(errors="surrogatepass")) - LIMIT
        if excess <= 0 or not rows.count:
            break
        room -= excess + room // 100
    out.write(page)
    out.write("\n")


def page_template(
    report: Report, summary: Summary, trend: Trend | None, case_report: CaseReport | None
) -> Callable[..., str]:  # fmt: skip
    """The page but for its rows, which it is called with."""
    style, script = (block(name) for name in ("page.css", "page.js"))
    return partial(
        template().render,
        about=report.about,
        headline=headline(report, summary, trend, case_report),
        summary=summary,
        severities=SEVERITIES,
        outcomes=OUTCOMES,
        areas=area_rows(report, summary, trend),
        total=area_row("All areas", summary.total, None),
        unknown=sum(summary.total.unknown.values()),
        unfolded=UNFOLDED,
        providers=sorted(set(report.findings["provider"])),
        case_report=case_report,
        gone=[case for case in case_report.cases if case.lifecycle == "resolved"] if case_report else [],
        dark=sum(case.lifecycle == "dark" for case in case_report.cases) if case_report else 0,
        waivers=accepted_waivers(case_report),
        lapsed=lapsed_waivers(case_report),
        soon=SOON,
        trend=trend if trend and trend.points else None,
        chapters=chapters(report, summary),
        undecided=undecided_guidelines(report, summary),
        meant={name: guideline.title for name, guideline in guidelines().items()},
        guideline_counts={state: sum(s == state for s, _ in summary.guidelines.values()) for state in STATES},
        titles={check["id"]: check["title"] for check in report.checks},
        coverage=coverage_rows(report),
        scopes=scopes(report),
        states=STATE_TITLES,
        weights=WEIGHTS,
        cap=CAP,
        checks_run=len(report.checks),
        inputs=inputs(report),
        charts=charts,
        bars=bars,
        listed=LISTED,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; "
        "base-uri 'none'; form-action 'none'",
    )


@cache
def template() -> Any:
    """The page's template: values are escaped as HTML, with characters that do not print written out."""
    surroundings = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=page_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    surroundings.filters["number"] = number
    surroundings.filters["day"] = charts.day
    surroundings.filters["hub"] = hub
    surroundings.filters["cloud"] = lambda provider: CLOUDS.get(provider, provider)
    surroundings.filters["days"] = lambda days: "" if days is None else f"{days:g}"
    return surroundings.get_template("page.html")


def hub(resource: str) -> str:
    """What a hub is called beside its account: AWS IoT in a region is that region."""
    return resource.split(":")[3] if resource.startswith("arn:") and resource.count(":") == 4 else short(resource)


def inputs(report: Report) -> list[tuple[str, str]]:
    """The files that tell what the page tells, with the hash that each of them has."""
    files = {"findings.csv": findings_csv, "coverage.csv": coverage_csv}
    hashes = []
    for name, make in files.items():
        whole = io.BytesIO()
        text_writer(partial(make, report))(whole)
        hashes.append((name, hashlib.sha256(whole.getbuffer()).hexdigest()))
    return hashes


def page_value(value: Any) -> Any:
    """A value as the page may hold it; markup is the template's own."""
    return page_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def block(name: str) -> Markup:
    """A file of this folder as it stands in the page."""
    return Markup(HERE.joinpath(name).read_text("utf-8"))  # noqa: S704 - a file of ours, no text of a cloud


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
    bar: bars.Strip
    share: Share | None


def area_row(title: str, tally: Tally, share: Share | None, most: int = 0) -> AreaRow:
    """Numbers of one area; ``most`` is the failing findings of the area that has most of them."""
    bar = bars.strip([(f"p-{s}", tally.failed[s]) for s in SEVERITIES], most) if most else ()
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


def undecided_guidelines(report: Report, summary: Summary) -> list[str]:
    """Guidelines of the scan's clouds that no check decides which ran."""
    seen = set(report.coverage["provider"])
    return [
        name
        for name in guidelines()
        if name not in summary.guidelines and seen.intersection(FAMILIES.get(name.split("-", 1)[0], ()))
    ]


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
