"""How a finding lives: the state after each sight of it, and the event that tells of the change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import made_up
import pandas as pd
import pytest

from checks.finding import COUNTS, Finding
from collectors.schema import COVERAGE
from collectors.scope import Scope
from reports.lifecycle import Event, ReadBefore, Seen, Sight, State, step
from reports.report import Report

AFTER: dict[tuple[State | None, Sight], tuple[State, Event | None]] = {
    (None, "fail"): ("fail", "new"),
    (None, "unknown"): ("unknown", "unread"),
    (None, "silent"): ("unknown", None),
    ("fail", "fail"): ("fail", None),
    ("fail", "unknown"): ("dark", "dark"),
    ("fail", "blocked"): ("dark", "dark"),
    ("fail", "clear"): ("resolved", "resolved"),
    ("fail", "silent"): ("fail", None),
    ("dark", "fail"): ("fail", "lit"),
    ("dark", "unknown"): ("dark", None),
    ("dark", "blocked"): ("dark", None),
    ("dark", "clear"): ("resolved", "resolved"),
    ("dark", "silent"): ("dark", None),
    ("unknown", "fail"): ("fail", "new"),
    ("unknown", "unknown"): ("unknown", None),
    ("unknown", "blocked"): ("unknown", None),
    ("unknown", "clear"): ("resolved", "read"),
    ("unknown", "silent"): ("unknown", None),
    ("resolved", "fail"): ("fail", "new"),
    ("resolved", "unknown"): ("unknown", "unread"),
    ("resolved", "blocked"): ("resolved", None),
    ("resolved", "clear"): ("resolved", None),
    ("resolved", "silent"): ("resolved", None),
}


@pytest.mark.parametrize(("state", "sight"), AFTER)
def test_each_sight_of_a_finding_leads_to_one_state_and_is_told_once(state: State | None, sight: Sight) -> None:
    after, event = AFTER[state, sight]
    assert step(state, False, sight) == (after, event)
    assert step(state, True, sight) == (after, "reopened" if event == "new" else event)


CHECK, TABLE = "policy-allows-no-wildcard", "policy"
ARN = "arn:aws:iot:eu-central-1:123456789012:policy/a"
ACCOUNT, HOME = "123456789012", "eu-central-1"
EUROPE, EVERYWHERE = Scope("aws", ACCOUNT, HOME), Scope("aws", ACCOUNT, "global")
Read = tuple[str, str, str, str]
"""One row of the coverage: region, operation, outcome and tables."""
WHOLE: Read = (HOME, "iot.list_policies", "read", TABLE)


def seen(
    *findings: dict[str, str],
    judged: Iterable[Scope] = (EUROPE,),
    read: Iterable[Read] = (WHOLE,),
    account: str = ACCOUNT,
) -> Seen:
    """What a scan says that has these findings, judged these scopes, and read this."""
    coverage = [
        {**dict.fromkeys(COVERAGE, ""), "provider": "aws", "account": account, "region": region, "operation": operation,
         "outcome": outcome, "tables": tables} for region, operation, outcome, tables in read
    ]  # fmt: skip
    counts = [
        {
            **dict.fromkeys(COUNTS, "0"),
            "check_id": CHECK,
            "provider": s.provider,
            "account_id": s.account,
            "region": s.region,
        }
        for s in judged
    ]
    return Seen.of(Report(
        made_up.ABOUT_SCAN, pd.DataFrame(list(findings), columns=list(Finding._fields)), pd.DataFrame(counts, columns=list(COUNTS)),
        pd.DataFrame(coverage, columns=list(COVERAGE)), [], {},
    ))  # fmt: skip


def fail(**more: str) -> dict[str, str]:
    cells = {"account_id": ACCOUNT, "region": HOME} | more
    return made_up.finding(CHECK, 0, ARN, "policy") | cells


def list_unread(cause: str = "denied", scope: Scope = EUROPE, **more: str) -> dict[str, str]:
    """The unknown of a list that was not read."""
    cells = {
        "status": "unknown",
        "resource_id": str(scope),
        "cause": cause,
        "region": scope.region,
        "finding_id": "v1:list",
    }
    return fail(**cells | more)


def absent(now: Seen, then: Seen, scope: Scope = EUROPE, check: str = CHECK, table: str = TABLE) -> Sight:
    """What a scan says of a finding that it does not list, which was last seen in another."""
    before = ReadBefore(then.asked.get((scope.provider, scope.account), frozenset()), then.fills)
    return now.of_absent(check, table, scope, lambda: before)


NOT_OFFERED: Read = (HOME, "iot.list_policies", "unavailable", TABLE)
OFFERED = seen(fail())
ROLES, AWAY = (HOME, "iam.list_roles", "read", "role"), ("us-east-1", "iot.list_topic_rules", "read", "bucket")
GONE = (HOME, "iam.list_roles", "unavailable", "role")
RULES = (HOME, "iot.list_topic_rules", "read", "bucket")
ABSENT: dict[str, tuple[Seen, Seen, dict[str, Any], Sight]] = {
    "judged, and every list was read": (seen(), OFFERED, {}, "clear"),
    "its check did not run there": (seen(judged=[EVERYWHERE]), OFFERED, {}, "silent"),
    "another check ran there": (seen(), OFFERED, {"check": "another"}, "silent"),
    "its cloud was not reached": (seen(judged=[], read=[("", "find", "failed", "")], account=""), OFFERED, {}, "blocked"),
    "an account was found without regions": (seen(judged=[], read=[("", "find", "failed", "")]), OFFERED, {}, "silent"),
    "an account is named otherwise": (seen(judged=[], read=[("", "list", "failed", "")], account=""), OFFERED, {}, "silent"),
    "its list was not read": (seen(list_unread()), OFFERED, {}, "blocked"),
    "its list can never be read": (seen(list_unread("no_data_source")), OFFERED, {}, "clear"),
    "a resource was not read": (seen(list_unread(resource_id=ARN)), OFFERED, {}, "clear"),
    "a resource with the name of its scope fails": (seen(fail(finding_id="v1:x", resource_id=str(EUROPE))), OFFERED, {}, "clear"),
    "not offered is something else, and more regions were read then": (
        seen(read=[WHOLE, GONE]), seen(read=[WHOLE, ROLES, ("us-east-1", *WHOLE[1:])]), {}, "clear"),
    "the list of another scope was not read": (seen(list_unread(scope=EVERYWHERE)), OFFERED, {}, "clear"),
    "what listed it is not offered any more": (seen(read=[NOT_OFFERED]), OFFERED, {}, "blocked"),
    "what listed it was not offered then either": (seen(read=[NOT_OFFERED]), seen(read=[NOT_OFFERED]), {}, "blocked"),
    "what listed it was not asked then": (seen(read=[NOT_OFFERED]), seen(read=[ROLES]), {}, "clear"),
    "what lists something else is not offered": (seen(read=[WHOLE, GONE]), seen(read=[WHOLE, ROLES]), {}, "clear"),
    "it is not offered in another region": (
        seen(read=[WHOLE, ("us-east-1", *NOT_OFFERED[1:])]), seen(read=[WHOLE, ("us-east-1", *WHOLE[1:])]), {}, "clear"),
    "only the scan of then says what fills it": (seen(read=[(*NOT_OFFERED[:3], "")]), OFFERED, {}, "blocked"),
    "only the scan of now says what fills it": (seen(read=[NOT_OFFERED]), seen(read=[(*WHOLE[:3], "")]), {}, "blocked"),
    "no scan says what fills it": (seen(read=[(*NOT_OFFERED[:3], "")]), seen(read=[(*WHOLE[:3], "")]), {}, "clear"),
    "global, and judged": (seen(judged=[EVERYWHERE]), OFFERED, {"scope": EVERYWHERE}, "clear"),
    "global, found through a region that was not asked now": (
        seen(judged=[EVERYWHERE], read=[RULES]), seen(read=[RULES, AWAY]), {"scope": EVERYWHERE, "table": "bucket"}, "silent"),
    "global, found through a region that was not asked then": (
        seen(judged=[EVERYWHERE], read=[RULES, AWAY]), seen(read=[RULES]), {"scope": EVERYWHERE, "table": "bucket"}, "clear"),
    "global, and another table was read through more regions": (
        seen(judged=[EVERYWHERE], read=[RULES]), seen(read=[RULES, AWAY]), {"scope": EVERYWHERE, "table": "role"}, "clear"),
    "global, and a region does not offer what found it": (
        seen(judged=[EVERYWHERE], read=[RULES, (*AWAY[:2], "unavailable", "bucket")]), seen(read=[RULES, AWAY]),
        {"scope": EVERYWHERE, "table": "bucket"}, "blocked"),
    "global, and the regions of another account were more": (
        seen(judged=[EVERYWHERE], read=[RULES]), seen(read=[RULES, AWAY], account="1"), {"scope": EVERYWHERE, "table": "bucket"}, "clear"),
}  # fmt: skip


@pytest.mark.parametrize("name", ABSENT)
def test_what_a_scan_says_of_a_finding_that_it_does_not_list(name: str) -> None:
    now, then, asked, sight = ABSENT[name]
    assert absent(now, then, **asked) == sight


def test_what_could_be_read_before_is_asked_for_only_where_it_counts() -> None:
    def never() -> ReadBefore:
        raise AssertionError

    assert seen().of_absent(CHECK, TABLE, EUROPE, never) == "clear"
    assert seen(list_unread()).of_absent(CHECK, TABLE, EUROPE, never) == "blocked"


def test_what_was_read_of_another_account_is_no_reason_to_keep_silent() -> None:
    now, then = seen(judged=[EVERYWHERE], read=[RULES]), seen(read=[RULES])
    elsewhere = ReadBefore(frozenset({("aws", "1", "us-east-1", "iot.list_topic_rules")}), then.fills)
    assert now.of_absent(CHECK, "bucket", EVERYWHERE, lambda: elsewhere) == "clear"


def test_a_failing_finding_goes_before_an_unknown_one_of_the_same_identity() -> None:
    for rows in ((fail(), fail(status="unknown")), (fail(status="unknown"), fail())):
        (found,) = seen(*rows).findings.values()
        assert found.status == "fail"
    (found,) = seen(fail(severity_rank="1"), fail(status="unknown", severity_rank="4")).findings.values()
    assert found.status == "fail"
    first, second = fail(finding_id="v1:a"), fail(finding_id="v1:b", status="unknown")
    assert {one: found.status for one, found in seen(first, second).findings.items()} == {
        "v1:a": "fail",
        "v1:b": "unknown",
    }


def test_a_finding_belongs_to_the_scope_that_judged_it() -> None:
    found = Finding(**fail())
    for judged, scope in (([EUROPE], EUROPE), ([EVERYWHERE], EVERYWHERE), ([EUROPE, EVERYWHERE], EUROPE), ([], EUROPE)):
        assert seen(judged=judged).scope_of(found) == scope
    assert seen(judged=[EVERYWHERE]).scope_of(found._replace(check_id="another")) == EUROPE


def test_a_scan_says_what_was_asked_what_is_not_offered_and_whose_tags_are_not_whole() -> None:
    now = seen(
        read=[
            WHOLE,
            GONE,
            (HOME, "iam.list_roles", "read", ""),
            (HOME, "tagging.get_resources", "denied", "tag|tagged_resource"),
        ]
    )
    key = ("aws", ACCOUNT)
    assert {one[3] for one in now.asked[key]} == {"iot.list_policies", "iam.list_roles", "tagging.get_resources"}
    assert now.withdrawn == {key: {("aws", ACCOUNT, HOME, "iam.list_roles")}}
    assert now.untagged == {key}
    assert now.fills == {
        ("aws", "policy"): {"iot.list_policies"}, ("aws", "role"): {"iam.list_roles"},
        ("aws", "tag"): {"tagging.get_resources"}, ("aws", "tagged_resource"): {"tagging.get_resources"},
    }  # fmt: skip
    assert not seen(
        read=[(HOME, "tagging.get_resources", "read", "tagged_resource"), (HOME, "x", "denied", "role")]
    ).untagged
    assert now.judged == {(CHECK, EUROPE)}
    assert now.unreachable == frozenset()
