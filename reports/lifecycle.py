"""How a finding lives: what one scan says about it, and what follows.

A finding that a scan does not list has three meanings, told apart here and nowhere else. **Clear**: its check ran in its
scope and every list was read, so its resource passes now, or is gone. **Blocked**: the check ran, and a list it needs
was not read, so nobody can tell. **Silent**: the check did not run there. Only a clear finding is resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from checks.finding import Finding
from collectors.registry import COLLECTORS
from collectors.scope import FIND, Scope
from collectors.tables.tagged import TaggedResource
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


@lru_cache(maxsize=1)
def asked_for() -> Mapping[tuple[str, str], frozenset[str]]:
    """The operations that fill a table, by provider and table."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in COLLECTORS:
        found.setdefault((one.provider, one.table.id()), set()).update(operation.name for operation in one.operations)
    return {key: frozenset(names) for key, names in found.items()}


@dataclass(frozen=True)
class Seen:
    """What one scan saw.

    ``findings`` are those it lists, by id, a failing one before an unknown one. ``judged`` are its checks and scopes,
    ``broken`` those of them with a list that was not read in full, ``asked`` the operations by provider and account,
    ``withdrawn`` those of them that are not offered, ``unreachable`` the clouds that were wanted and gave no scope.
    ``untagged`` are the providers and accounts of which tags that are listed apart were not all read.
    """

    findings: Mapping[str, Finding]
    judged: frozenset[tuple[str, Scope]]
    broken: frozenset[tuple[str, Scope]]
    asked: Mapping[tuple[str, str], frozenset[Asked]]
    withdrawn: Mapping[tuple[str, str], frozenset[Asked]]
    unreachable: frozenset[str]
    untagged: frozenset[tuple[str, str]]

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
            frozenset(
                (r.provider, r.account)
                for r in coverage
                if r.outcome != "read" and r.operation in asked_for().get((r.provider, TaggedResource.id()), ())
            ),
        )

    def scope_of(self, finding: Finding) -> Scope:
        """The scope that a finding was judged in: that of its own region, or the account's global one."""
        own = at(finding)
        everywhere = Scope(own.provider, own.account, "global")
        check = finding.check_id
        return everywhere if (check, own) not in self.judged and (check, everywhere) in self.judged else own

    def of_absent(self, check: str, table: str, scope: Scope, read_then: Callable[[], frozenset[Asked]]) -> Sight:
        """What the scan says about a finding that it does not list. ``read_then`` gives what could be read when it was
        last seen: an operation that was read then and is not offered now says nothing about what it listed, and a scan
        of fewer regions says nothing about what is global and may have been found through the others.
        """
        if (check, scope) not in self.judged:
            return "blocked" if scope.provider in self.unreachable else "silent"
        if (check, scope) in self.broken:
            return "blocked"
        needed = asked_for().get((scope.provider, table), frozenset())
        if scope.region == "global" and self.regions(scope, needed, read_then()) - self.regions(scope, needed):
            return "silent"
        gone = {
            asked
            for asked in self.withdrawn.get((scope.provider, scope.account), ())
            if asked[3] in needed and (scope.region == "global" or asked[2] == scope.region)
        }
        return "blocked" if gone and not gone.isdisjoint(read_then()) else "clear"

    def regions(self, scope: Scope, needed: AbstractSet[str], asked: Iterable[Asked] | None = None) -> set[str]:
        """The regions in which some operations were asked about an account; by this scan, if nothing else is given.

        What is global may be found through regions, as a bucket through the rules that write into it.
        """
        account = (scope.provider, scope.account)
        asked = self.asked.get(account, ()) if asked is None else asked
        return {one[2] for one in asked if one[:2] == account and one[3] in needed}


def at(finding: Finding) -> Scope:
    """The place a finding names."""
    return place_of(finding.provider, finding.account_id, finding.region)


place_of = lru_cache(maxsize=4096)(Scope)
"""A scope, made once."""
