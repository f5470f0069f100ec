"""How a finding lives: what one scan says about it, and what follows.

A finding that a scan does not list has three meanings, told apart here and nowhere else. **Clear**: its check ran in its
scope and every list was read, so its resource passes now, or is gone. **Blocked**: the check ran, and a list it needs
was not read, so nobody can tell. **Silent**: the check did not run there. Only a clear finding is resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from checks.finding import Finding
from collectors.scope import FIND, Scope
from reports.report import Report, records

Sight = Literal["fail", "unknown", "clear", "blocked", "silent"]
State = Literal["fail", "dark", "unknown", "resolved"]
"""``fail``: it failed when it was last judged. ``dark``: it failed, and nobody can read any more whether it still does.
``unknown``: it does not count as failing, and nobody could read it. ``resolved``: judged as pass, or gone."""
Event = Literal["new", "resolved", "reopened", "dark", "lit", "unread", "read"]
"""``lit``: dark, and failing again. ``unread``: unknown for the first time, or again after it was resolved. ``read``: an
unknown that is gone, never having failed since. The others are as in :data:`reports.case.Lifecycle`."""
NEVER_READ = "no_data_source"
"""The cause of a list that no scan can read, as the devices of a hub of Azure's basic tier. What failed was on another."""
Asked = tuple[str, str, str, str]
"""Provider, account, region and operation."""
Fills = Mapping[tuple[str, str], frozenset[str]]
"""The operations that fill a table, by provider and table."""
TAGS = "tagged_resource"
"""The table of tags that are listed apart from their resources."""


def step(state: State | None, failed_before: bool, sight: Sight) -> tuple[State, Event | None]:
    """The state after a scan, and the event if it changed. ``state`` is None for a finding never seen before.

    ``failed_before``: it was failing at some time. Only ``fail`` and ``unknown`` can be seen of a new finding.
    """
    if sight == "silent" or (state == "resolved" and sight in ("clear", "blocked")):
        return state or "unknown", None
    if sight == "fail":
        if state == "fail":
            return "fail", None
        return "fail", "lit" if state == "dark" else "reopened" if failed_before else "new"
    if sight == "clear":
        return "resolved", "read" if state == "unknown" else "resolved"
    if state == "fail":
        return "dark", "dark"
    if state in ("dark", "unknown"):
        return state, None
    return "unknown", "unread"


def fills(coverage: Iterable[tuple[str, str, str]]) -> Fills:
    """The operations that fill each table, from provider, operation and tables of the coverage's rows."""
    found: dict[tuple[str, str], set[str]] = {}
    for provider, operation, tables in coverage:
        for table in tables.split("|") if tables else ():
            found.setdefault((provider, table), set()).add(operation)
    return {key: frozenset(names) for key, names in found.items()}


@dataclass(frozen=True)
class ReadBefore:
    """What could be read in a scan before this one, and which tables it filled there, as far as the scan wrote that."""

    asked: frozenset[Asked]
    fills: Fills


@dataclass(frozen=True)
class Seen:
    """What one scan saw.

    ``findings`` are those it lists, by id, a failing one before an unknown one. ``judged`` are its checks and scopes,
    ``broken`` those of them with a list that was not read in full, ``asked`` the operations by provider and account,
    ``withdrawn`` those of them that are not offered, ``unreachable`` the clouds that were wanted and gave no scope.
    ``untagged`` are the providers and accounts of which tags that are listed apart were not all read. ``fills`` are the
    operations by the table that they filled.
    """

    findings: Mapping[str, Finding]
    judged: frozenset[tuple[str, Scope]]
    broken: frozenset[tuple[str, Scope]]
    asked: Mapping[tuple[str, str], frozenset[Asked]]
    withdrawn: Mapping[tuple[str, str], frozenset[Asked]]
    unreachable: frozenset[str]
    untagged: frozenset[tuple[str, str]]
    fills: Fills

    @staticmethod
    def of(report: Report) -> Seen:
        """What a report says."""
        rows = [Finding(*row) for row in records(report.findings)]
        findings: dict[str, Finding] = {}
        for row in rows:
            if row.finding_id not in findings or row.status == "fail":
                findings[row.finding_id] = row
        coverage = list(records(report.coverage))
        asked: dict[tuple[str, str], set[Asked]] = {}
        withdrawn: dict[tuple[str, str], set[Asked]] = {}
        for r in coverage:
            for held in (asked, withdrawn) if r.outcome == "unavailable" else (asked,):
                held.setdefault((r.provider, r.account), set()).add((r.provider, r.account, r.region, r.operation))
        return Seen(
            findings,
            frozenset((r.check_id, Scope(r.provider, r.account_id, r.region)) for r in records(report.counts)),
            frozenset(
                (row.check_id, place)
                for row in rows
                if row.status == "unknown" and row.resource_id == str(place := at(row)) and row.cause != NEVER_READ
            ),
            {key: frozenset(one) for key, one in asked.items()},
            {key: frozenset(one) for key, one in withdrawn.items()},
            frozenset(r.provider for r in coverage if r.operation == FIND and not r.account),
            frozenset((r.provider, r.account) for r in coverage if r.outcome != "read" and TAGS in r.tables.split("|")),
            fills((r.provider, r.operation, r.tables) for r in coverage),
        )

    def scope_of(self, finding: Finding) -> Scope:
        """The scope that a finding was judged in: that of its own region, or the account's global one."""
        own = at(finding)
        everywhere = Scope(own.provider, own.account, "global")
        check = finding.check_id
        return everywhere if (check, own) not in self.judged and (check, everywhere) in self.judged else own

    def of_absent(self, check: str, table: str, scope: Scope, read_then: Callable[[], ReadBefore]) -> Sight:
        """What the scan says about a finding that it does not list. ``read_then`` gives what could be read when it was
        last seen: an operation that was read then and is not offered now says nothing about what it listed, and a scan
        of fewer regions says nothing about what is global and may have been found through the others. Which operations
        fill the table, both scans say: an operation that filled it in one of them counts in both.
        """
        if (check, scope) not in self.judged:
            return "blocked" if scope.provider in self.unreachable else "silent"
        if (check, scope) in self.broken:
            return "blocked"
        withdrawn = self.withdrawn.get((scope.provider, scope.account), frozenset())
        if scope.region != "global" and not withdrawn:
            return "clear"
        before, key = read_then(), (scope.provider, table)
        needed = self.fills.get(key, frozenset()) | before.fills.get(key, frozenset())
        if scope.region == "global":
            now = self.asked.get((scope.provider, scope.account), ())
            if regions(scope, needed, before.asked) - regions(scope, needed, now):
                return "silent"
        gone = {
            asked
            for asked in withdrawn
            if asked[3] in needed and (scope.region == "global" or asked[2] == scope.region)
        }
        return "blocked" if gone and not gone.isdisjoint(before.asked) else "clear"


def regions(scope: Scope, needed: frozenset[str], asked: Iterable[Asked]) -> set[str]:
    """The regions in which some operations were asked about an account.

    What is global may be found through regions, as a bucket through the rules that write into it.
    """
    account = (scope.provider, scope.account)
    return {one[2] for one in asked if one[:2] == account and one[3] in needed}


def at(finding: Finding) -> Scope:
    """The place a finding names."""
    return place_of(finding.provider, finding.account_id, finding.region)


place_of = lru_cache(maxsize=4096)(Scope)
"""A scope, made once."""
