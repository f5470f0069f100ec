"""Failing findings by area, provider, account, hub and owner, and the hubs that are worst off."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from checks.check import SEVERITIES
from reports.score import CAP, WEIGHTS, Tally, score
from reports.store import CHECKS, DETAILS, EVENTS, FINDINGS, SCOPES, WORDINGS
from reports.trend import RiskyHub, Share

TOP_HUBS = 10
UP, DOWN = ("new", "reopened", "lit"), ("resolved", "dark")
"""Events after which a finding fails, and after which it does not."""
HUB = sa.case(
    (DETAILS.c.hub != "", DETAILS.c.hub), (WORDINGS.c.resource_type == "hub", DETAILS.c.resource_id), else_=""
)
"""As :attr:`checks.finding.Finding.about_hub`, in the database."""


def shares(
    connection: Connection, since: Sequence[int], tallies: Sequence[Tally], owners: Mapping[int, str]
) -> dict[str, tuple[Share, ...]]:
    """Failing findings by each dimension at the last scan, and the change that some scans brought."""
    account = SCOPES.c.provider + "/" + SCOPES.c.account
    found = {}
    areas = {check: area for check, area in connection.execute(sa.select(CHECKS.c.check_id, CHECKS.c.area))}
    scored: dict[str, Callable[[Tally], str]] = {
        "area": lambda tally: areas.get(tally.check, ""),
        "provider": lambda tally: tally.account.split("/", 1)[0],
        "account": lambda tally: tally.account,
    }
    for name, column in (("area", CHECKS.c.area), ("provider", SCOPES.c.provider), ("account", account), ("hub", HUB)):
        now, change = counts_by(connection, column, since)
        now.pop("", None)
        parts: dict[str, list[Tally]] = defaultdict(list)
        for tally in tallies if name in scored else ():
            parts[scored[name](tally)].append(tally)
        found[name] = sorted_shares(now, change, {key: score(part) for key, part in parts.items()})
    found["owner"] = ()
    if owners:
        now, change = counts_by(connection, FINDINGS.c.no, since, lambda number: owners.get(number, ""))
        found["owner"] = sorted_shares(now, change, {})
    return found


def counts_by(
    connection: Connection, column: Any, since: Sequence[int], name: Callable[[Any], str] = str
) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Failing findings by what a column is called and by severity, and the change that some scans brought."""
    key = column.label("key")

    def joined(*columns: Any) -> sa.Select[Any]:
        found = (
            sa.select(key, *columns)
            .select_from(FINDINGS)
            .join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)
            .join(SCOPES, SCOPES.c.no == FINDINGS.c.scope_no)
        )
        if column is not HUB:
            return found  # details are long, and most of the time that this takes
        found = found.join(DETAILS, DETAILS.c.finding_no == FINDINGS.c.no)
        return found.join(WORDINGS, WORDINGS.c.no == DETAILS.c.wording_no)

    now: dict[str, Counter[str]] = defaultdict(Counter)
    failing = joined(CHECKS.c.severity, sa.func.count()).where(FINDINGS.c.state == "fail")
    for value, severity, number in connection.execute(failing.group_by(key, CHECKS.c.severity)):
        now[name(value)][severity] += number
    turn = sa.case(
        (EVENTS.c.event.in_(UP), 1), (sa.and_(EVENTS.c.event.in_(DOWN), EVENTS.c.was == "fail"), -1), else_=0
    )
    turned = joined(sa.func.sum(turn)).join(EVENTS, EVENTS.c.finding_no == FINDINGS.c.no)
    change: Counter[str] = Counter()
    for value, number in connection.execute(turned.where(EVENTS.c.scan_no.in_(since)).group_by(key)):
        change[name(value)] += int(number)
    return now, change


def weigh(counts: Mapping[str, int]) -> int:
    """Findings by severity as one number."""
    return sum(WEIGHTS[severity] * number for severity, number in counts.items())


def sorted_shares(
    now: Mapping[str, Mapping[str, int]], change: Mapping[str, int], scores: Mapping[str, float | None]
) -> tuple[Share, ...]:
    """Shares, the worst first; what has nothing open stands in it when that changed, or when it has a score."""
    names = set(now) | {name for name, turned in change.items() if turned and name} | set(scores)
    made = [
        Share(
            name=name,
            open=sum(now.get(name, {}).values()),
            open_by_severity={severity: now.get(name, {}).get(severity, 0) for severity in SEVERITIES},
            change=change.get(name, 0),
            score_raw=scores.get(name),
        )
        for name in names
    ]
    return tuple(sorted(made, key=lambda share: (-weigh(share.open_by_severity), share.name)))


def risky(connection: Connection, owners: Mapping[int, str]) -> tuple[RiskyHub, ...]:
    """The hubs with the most open, by severity's weight; of one check at most CAP findings count, as in the score."""
    hub = HUB.label("hub")
    rows = connection.execute(
        sa.select(hub, SCOPES.c.provider, SCOPES.c.account, CHECKS.c.severity, WORDINGS.c.check_title, sa.func.count())
        .select_from(FINDINGS)
        .join(DETAILS, DETAILS.c.finding_no == FINDINGS.c.no)
        .join(WORDINGS, WORDINGS.c.no == DETAILS.c.wording_no)
        .join(CHECKS, CHECKS.c.no == FINDINGS.c.check_no)
        .join(SCOPES, SCOPES.c.no == FINDINGS.c.scope_no)
        .where(FINDINGS.c.state == "fail", HUB != "")
        .group_by(hub, SCOPES.c.provider, SCOPES.c.account, CHECKS.c.severity, WORDINGS.c.check_title)
    )
    found: dict[tuple[str, str, str], list[tuple[str, str, int]]] = defaultdict(list)
    for name, provider, account, severity, title, number in rows:
        found[name, provider, account].append((severity, title, number))

    def weight(part: Iterable[tuple[str, str, int]]) -> int:
        return sum(WEIGHTS[severity] * min(number, CAP) for severity, _, number in part)

    worst = sorted(found, key=lambda key: (-weight(found[key]), key))[:TOP_HUBS]
    whose = owners_of(connection, [name for name, _, _ in worst], owners) if owners else {}
    return tuple(
        RiskyHub(
            hub=key[0],
            provider=key[1],
            account=key[2],
            weight=weight(found[key]),
            open_by_severity={s: sum(n for severity, _, n in found[key] if severity == s) for s in SEVERITIES},
            owner=whose.get(key[0], ""),
            reason=risk_reason(found[key]),
        )
        for key in worst
    )


def owners_of(connection: Connection, hubs: Sequence[str], owners: Mapping[int, str]) -> dict[str, str]:
    """Who owns most of what fails at each hub."""
    hub = HUB.label("hub")
    rows = connection.execute(
        sa.select(hub, FINDINGS.c.no)
        .join(DETAILS, DETAILS.c.finding_no == FINDINGS.c.no)
        .join(WORDINGS, WORDINGS.c.no == DETAILS.c.wording_no)
        .where(FINDINGS.c.state == "fail", HUB.in_(hubs))
    )
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for name, number in rows:
        held[name][owners.get(number, "")] += 1
    return {name: min(counts, key=lambda one: (-counts[one], one)) for name, counts in held.items()}


def risk_reason(part: Sequence[tuple[str, str, int]]) -> str:
    """What makes a hub risky: what is not met there, the two gravest, and how often."""
    gravest = sorted(part, key=lambda one: (-WEIGHTS[one[0]] * min(one[2], CAP), SEVERITIES.index(one[0]), one[1]))
    shown = [f"{number} {severity}, not met: {title.removesuffix('.')}" for severity, title, number in gravest[:2]]
    return "; ".join(shown) + (f"; and {len(gravest) - 2} more" if len(gravest) > 2 else "")
