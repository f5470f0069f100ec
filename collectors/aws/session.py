"""AWS: the accounts that credentials reach, and a session for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from collectors.aws.credentials import (
    Identity,
    Source,
    enter,
    identity,
    introduction,
    once,
    open_session,
    refusal,
    sources,
    steady,
    sts,
    unreachable,
    way_to,
)
from collectors.aws.organization import ASSUME_ROLE, LIST_ACCOUNTS, LISTING, listing, member_role
from collectors.aws.transport import AwsSession
from collectors.operation import Notes, Operation, ReadFailed
from collectors.provider import QUICK, NoTarget, Scopes, find_seconds
from collectors.rate_limit import RateLimiter
from collectors.scope import Scope

ENTERING = 16
"""Roles tried at once when the accounts of an organization are found."""


def find(settings: Mapping[str, Any]) -> Scopes:
    """One global scope and one per region for every account that the credentials reach.

    Raises NoTarget when none of them answers in time. A role that cannot be assumed keeps its scopes as
    long as another source works: what it hides is unknown, and its coverage and one line say why.
    """
    asked, seconds = sources(settings), find_seconds(settings)
    found: dict[Source, Identity] = {}
    failed: dict[Source, tuple[ReadFailed, str]] = {}

    def ask(source: Source) -> None:
        try:
            found[source] = identity(source, settings, steady(settings) if seconds > QUICK else once())
        except NoTarget as error:
            failed[source] = ReadFailed("failed", "NoTarget"), str(error)
        except BaseException as error:  # an SDK may raise anything, and a thread that dies says nothing
            failure = refusal(error, source.role)
            failed[source] = failure, unreachable(source, settings, failure.code)

    threads = [threading.Thread(target=ask, args=(source,), daemon=True) for source in asked]
    ends = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    known = {source: found[source] for source in asked if source in dict(found)}
    late = ReadFailed("failed", "no answer in time")
    reasons = {s: failed.get(s) or (late, unreachable(s, settings, late.code)) for s in asked if s not in known}
    if not known:
        raise NoTarget(next(line for _, line in reasons.values()))
    first = next(iter(known.values()))
    reached = Reached(frozenset(settings.get("exclude_accounts") or ()), lines=[line for _, line in reasons.values()])
    for source in asked:
        who = known.get(source)
        account = who.account if who else source.role.split(":")[4] if source.role else ""
        if account:
            reached.accounts[account] = who.regions if who else first.regions
        if source.role:
            reached.note(account, ASSUME_ROLE, None if who else reasons[source][0])
    if settings.get("organization"):
        lister = next((source for source in known if not source.role), asked[0])
        if lister in known:
            others = {s.role.split(":")[4] for s in asked if s.role} | {known[s].account for s in known if s != lister}
            members(lister, known[lister], others, settings, reached)
        else:
            reached.note_refusal(first.account, LIST_ACCOUNTS, reasons[lister][0])
    return reached.scopes()


@dataclass
class Reached:
    """The accounts that finding has come to, each with its regions, and what was refused on the way."""

    excluded: frozenset[str]
    accounts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    notes: dict[str, Notes] = field(default_factory=dict)

    def note(self, account: str, operation: Operation, failure: ReadFailed | None = None) -> None:
        """Notes the coverage of one call."""
        self.notes.setdefault(account, Notes()).cover(Scope("aws", account, "global"), "global", operation, failure)

    def note_refusal(self, account: str, operation: Operation, failure: ReadFailed) -> None:
        """Notes that a list of accounts is not whole."""
        self.note(account, operation, failure)
        self.lines.append(
            f"aws: {operation} {failure.outcome} ({failure.code}) in account {account}: accounts of the organization "
            f"are missing from this scan; {operation.permission} must be asked by the management account or a "
            "delegated administrator"
        )

    def scopes(self) -> Scopes:
        """Every account that is not excluded, globally and by region. Raises NoTarget when there is none."""
        accounts = sorted(set(self.accounts) - self.excluded)
        if not accounts:
            why = "aws: every account found is in exclude_accounts or outside organizational_units"
            raise NoTarget("\n".join([*self.lines, why]))
        rows = [r for a in sorted(set(self.notes) - self.excluded) for _, r in sorted(self.notes[a].coverage.items())]
        found = [Scope("aws", a, region) for a in accounts for region in ("global", *self.accounts[a])]
        return Scopes(found, rows, self.lines)


def members(lister: Source, who: Identity, others: set[str], settings: Mapping[str, Any], reached: Reached) -> None:
    """Adds the accounts of the organization that a source's account may list, and tries the role of each."""
    boto = open_session(lister, settings)
    session = AwsSession(who.account, boto, settings, LISTING, RateLimiter(settings.get("calls_per_second") or 10))
    whole = listing(
        lambda operation, params: session.send(operation, "global", params), settings.get("organizational_units") or ()
    )
    for operation, failure in whole.asked.items():
        if failure:
            reached.note_refusal(who.account, operation, failure)
        else:
            reached.note(who.account, operation)
    if not any(whole.asked.values()) and who.account not in {*whole.active, *others}:
        del reached.accounts[who.account]  # it only lists: it is in none of the units
    entering = [a for a in whole.active if a not in {who.account, *others, *reached.excluded}]
    reached.accounts |= dict.fromkeys(entering, who.regions)
    client, missed = sts(boto, settings, steady(settings)), dict[str, list[str]]()

    def enter(account: str) -> ReadFailed | None:
        role = member_role(settings, account, who.partition)
        try:
            client.assume_role(RoleArn=role, **introduction(settings))
        except (ClientError, BotoCoreError, ResponseParserError, OSError) as error:
            return refusal(error, role)
        return None

    with ThreadPoolExecutor(ENTERING, thread_name_prefix="enter") as pool:
        for account, failure in zip(entering, pool.map(enter, entering), strict=True):
            reached.note(account, ASSUME_ROLE, failure)
            if failure:
                missed.setdefault(failure.code, []).append(account)
    reached.lines += [
        f"aws: sts.assume_role gave no access ({code}) to {member_role(settings, 'ACCOUNT', who.partition)} in "
        f"{len(held)} of {len(entering)} accounts: {', '.join(held)}; what they hold is unknown"
        for code, held in sorted(missed.items())
    ]


def connect(
    account: str, settings: Mapping[str, Any], operations: tuple[Operation, ...], pace: RateLimiter
) -> AwsSession:
    """A read-only session for one account.

    Raises NoTarget when no source leads to it, and ReadFailed when its role cannot be assumed.
    """
    try:
        way = way_to(account, settings)
        if way is not None:
            boto = open_session(way, settings)
            if way.role:
                enter(boto, way.role)
            return AwsSession(account, boto, settings, operations, pace)
    except BotoCoreError as error:
        raise NoTarget(
            f"aws: no way into account {account} ({type(error).__name__}); check profiles and roles"
        ) from None
    raise NoTarget(f"aws: no source leads to account {account}; check profiles and roles in the section aws")
