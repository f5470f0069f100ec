"""Accepted risks: what a waiver covers, on which day, and what a file with a mistake says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import made_up
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from checks.finding import Finding
from checks.glob_rules import COLUMNS, GLOB_LIMIT, Column, Match, Matcher
from checks.owner import OwnerRule, Owners, tags_named
from checks.waiver import BadWaivers, Held, Rules, Waiver, Waivers, load, parse

FINDINGS = [Finding(**row) for row in made_up.estate()]
WILDCARD = next(f for f in FINDINGS if f.check_id == "policy-allows-no-wildcard")
PUMP = next(f for f in FINDINGS if f.resource_id.endswith("pump-000"))
DARK = next(f for f in FINDINGS if f.status == "unknown" and f.severity == "critical")
TODAY = date(2026, 11, 22)


def text(**changes: str) -> str:
    """A waiver as it stands in a file; a change to empty text leaves the key out."""
    keys = {
        "id": "'W-0001'", "kind": "'risk_accepted'", "finding": f"'{WILDCARD.finding_id}'",
        "reason": "'Retired with the line in spring.'", "owner": "'plant-it'", "approver": "'ciso'",
        "created_on": "2026-11-01", "expires_on": "2026-11-30",
    } | changes  # fmt: skip
    return "[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value)


def waivers(*rows: str, rules: Rules | None = None) -> Waivers:
    return parse("\n".join(rows), "waivers.toml", rules)


def by_match(match: str, **changes: str) -> str:
    return text(finding="", match=match, **changes)


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (date(2026, 10, 31), "not yet"), (date(2026, 11, 1), "waived"), (date(2026, 11, 30), "waived"),
        (date(2026, 12, 1), "lapsed"),
    ],
)  # fmt: skip
def test_a_waiver_holds_from_its_first_to_its_last_day(today: date, state: str) -> None:
    cover = waivers(text()).over(FINDINGS, today)
    assert (WILDCARD.finding_id in cover.waived) == (state == "waived")
    assert (WILDCARD.finding_id in cover.lapsed) == (state == "lapsed")
    held = waivers(text()).held(FINDINGS, today)
    known = ("W-0001", "risk_accepted", "2026-11-30", "2026-11-01", state == "lapsed")
    assert held == ({WILDCARD.finding_id: known} if state in ("waived", "lapsed") else {})
    assert waivers(text()).periods(FINDINGS) == {
        WILDCARD.finding_id: [(date(2026, 11, 1), date(2026, 11, 30), "W-0001")]
    }


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (text(expires_on=""), "W-0001: expires_on: is missing; every waiver needs it"),
        (text(owner=""), "W-0001: owner: is missing; every waiver needs it"),
        (text(approver=""), "W-0001: approver: is missing; every waiver needs it"),
        (text(reason=""), "W-0001: reason: is missing; every waiver needs it"),
        (text(id=""), "waiver 1: id: is missing; every waiver needs it"),
        (text(expires_on="'2026-02-30'"), "W-0001: expires_on: 2026-02-30 is no date; allowed: YYYY-MM-DD"),
        (text(expires_on="'soon'"), "W-0001: expires_on: soon is no date; allowed: YYYY-MM-DD"),
        (text(expires_on="2026-11-30T00:00:00Z"), "W-0001: expires_on: 2026-11-30 00:00:00+00:00 is no date"),
        (text(expires_on="20261130"), "W-0001: expires_on: 20261130 is no date"),
        (text(expires_on="'20261130'"), "W-0001: expires_on: 20261130 is no date"),
        (text(expires_on="2026-02-30"), "waivers.toml: not TOML: "),
        (text(expires_on="2026-10-31"), "W-0001: expires_on 2026-10-31 is before created_on 2026-11-01"),
        (text(expires_on="2026-12-02"), "W-0001: expires_on: 31 days after created_on; allowed: 30 days for critical"),
        (text(severity="'high'", expires_on="2027-01-31"), "W-0001: expires_on: 91 days after created_on; allowed: 90 days for high"),
        (text(severity="'low'", expires_on="2027-05-01"), "W-0001: expires_on: 181 days after created_on; allowed: 180 days for low"),
        (text(approver="'Plant-IT'"), "W-0001: approver: Plant-IT is the owner too; allowed: somebody else"),
        (text(reason="'  x      y  '"), "W-0001: reason: says too little; allowed: 10 to 2000 characters"),
        (text(kind="'wont_fix'"), "W-0001: kind: Input should be 'risk_accepted', 'false_positive' or 'mitigated_elsewhere'"),
        (text(finding=""), "W-0001: needs either finding, a list of ids, or match, a table of globs"),
        (text(match="{ check = '*' }"), "W-0001: needs either finding, a list of ids, or match, a table of globs"),
        (by_match("{}"), "W-0001: match: matches nothing; give at least one of check, area, provider"),
        (by_match("{ name = 'pump' }"), "W-0001: match.name: no such key; allowed: check, area, provider"),
        (by_match("{ tags = { team = 'pumps' } }"), "W-0001: match.tags: no such key; allowed: check, area, provider"),
        (by_match("'*'"), "W-0001: match: is a table of globs; write match = { check = ... }"),
        (text(exclude="{ region = 'x' }"), "W-0001: exclude goes with match"),
        (text(finding="'prowler-aws-1'"), "W-0001: finding.0: 'prowler-aws-1' does not fit; allowed: ^v1:"),
        (text(evidence_hash="'x'"), "W-0001: evidence_hash.0: 'x' does not fit; allowed: ^[0-9a-f]{16}$"),
        (text(until="2026-11-30"), "W-0001: until: no such key; allowed: id, kind, finding, match"),
        (text() + text(), "W-0001: id is taken; each waiver has its own"),
        ("[waiver]\nid = 'x'", "waivers.toml: waiver is a list of tables; write [[waiver]]"),
        ("[[waivers]]\nid = 'x'", "waivers.toml: waivers: no such key; allowed: [[waiver]]"),
        ("[[waiver", "waivers.toml: not TOML: "),
        ("waiver = 1", "waivers.toml: waiver is a list of tables; write [[waiver]]"),
        ("waiver = [1]", "waivers.toml: waiver is a list of tables; write [[waiver]]"),
        (text(id="7"), "waivers.toml: waiver 1: id: Input should be a valid string"),
        (text(created_on="7"), "W-0001: created_on: 7 is no date; allowed: YYYY-MM-DD"),
        (text(created_on=f"'{'x' * 50}'"), f"W-0001: created_on: {'x' * 40} is no date; allowed: YYYY-MM-DD"),
        (text(severity="'medium'", expires_on="2027-05-01"), "181 days after created_on; allowed: 180 days for medium"),
        (text(severity="'info'", expires_on="2027-05-01"), "181 days after created_on; allowed: 180 days for info"),
        (text(expires_on="2026-12-02"), "allowed: 30 days for critical, which holds where no severity is given"),
        (text(reason="'123456789'"), "W-0001: reason: '123456789' is too short; allowed: at least 10 characters"),
        (text(reason="'1 2 3 4 5 6 7 8 9'"), "W-0001: reason: says too little; allowed: 10 to 2000 characters"),
        (text(reason=f"'{'x' * 2001}'"), "W-0001: reason: String should have at most 2000 characters"),
        (text(ticket=f"'{'x' * 501}'"), "W-0001: ticket: String should have at most 500 characters"),
        (text(max_matches="-1"), "W-0001: max_matches: Input should be greater than or equal to 0"),
        (text(owner="''"), "W-0001: owner: '' is too short; allowed: at least 1 characters"),
        (text(owner=f"'{'x' * 101}'"), "W-0001: owner: String should have at most 100 characters"),
        (text(evidence_hash=f"'{'x' * 90}'"), f"W-0001: evidence_hash.0: '{'x' * 79} does not fit; allowed: "),
        (text(finding="{ a = 1 }"), "W-0001: finding: {'a': 1} is no glob; allowed: a text, or a list of texts"),
        (by_match("{ check = 'x' }", exclude="{ name = 'x' }"), "W-0001: exclude.name: no such key; allowed: check, area, provider"),
        (by_match("{ check = 7 }"), "W-0001: match.check: 7 is no glob; allowed: a text, or a list of texts"),
        (by_match("{ check = '' }"), "W-0001: match.check.0: '' is too short; allowed: at least 1 characters"),
        (by_match("{ check = 'x' }", exclude="'x'"), "W-0001: exclude: is a table of globs; write exclude = { check = ... }"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_file_waiver_key_and_what_is_allowed(content: str, line: str) -> None:
    with pytest.raises(BadWaivers) as told:
        waivers(content)
    assert str(told.value).count("\n") == 0
    assert str(told.value).startswith("waivers.toml: ")
    assert line in str(told.value)


def test_the_severity_that_holds_is_told_where_none_is_given() -> None:
    for severity, end in (
        ("", "30 days for critical, which holds where no severity is given"),
        ("'critical'", "30 days for critical"),
    ):
        with pytest.raises(BadWaivers) as told:
            waivers(text(severity=severity, expires_on="2026-12-02"))
        assert str(told.value).endswith(f"allowed: {end}")


def test_every_mistake_is_named_and_none_leaves_a_waiver_in_force() -> None:
    with pytest.raises(BadWaivers) as told:
        waivers(text(owner=""), text(id="'W-0002'"), text(id="'W-0003'", reason="'x'", kind="'x'"))
    assert [line.split(": ")[1:3] for line in str(told.value).splitlines()] == [
        ["W-0001", "owner"], ["W-0003", "kind"], ["W-0003", "reason"],
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_empty_and_one_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml") == Waivers()
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "latin.toml", "not UTF-8")):
        with pytest.raises(BadWaivers) as told:
            load(path)
        assert str(told.value) == f"{path}: cannot be read: {why}"
    alone = Rules(two_persons=False)
    assert load(tmp_path / "none.toml", alone).rules == alone
    (tmp_path / "good.toml").write_text(text(approver="'plant-it'", ticket="'Größe'"), encoding="utf-8")
    assert load(tmp_path / "good.toml", alone).all[0].ticket == "Größe"
    with pytest.raises(BadWaivers, match=r"good\.toml: W-0001: approver"):
        load(tmp_path / "good.toml")


@pytest.mark.parametrize(
    "content",
    [
        text(expires_on="2026-12-01"),
        text(severity="'high'", expires_on="2027-01-30"),
        text(severity="'medium'", expires_on="2027-04-30"),
        text(severity="'low'", expires_on="2027-04-30"),
        text(severity="'info'", expires_on="2027-04-30"),
        text(created_on="'2026-11-30'"),
        text(reason="'1234567890'"),
        text(reason=f"'{'x' * 2000}'"),
        text(ticket=f"'{'x' * 500}'"),
        text(owner="'x'"),
        text(owner=f"'{'x' * 100}'"),
        text(max_matches="0"),
        by_match(f"{{ check = '{'x' * 512}' }}"),
        by_match(f"{{ check = {['x'] * 1000} }}"),
    ],
)
def test_what_is_just_allowed_is_no_mistake(content: str) -> None:
    assert len(waivers(content).all) == 1


@pytest.mark.parametrize(
    ("field", "most", "one"),
    [("finding", 10_000, WILDCARD.finding_id), ("evidence_hash", 10_000, "0" * 16)],
)
def test_a_waiver_names_no_more_than_it_may(field: str, most: int, one: str) -> None:
    row = waivers(text()).all[0].model_dump(exclude_defaults=True)
    assert len(getattr(Waiver(**row | {field: [one] * most}), field)) == most
    with pytest.raises(ValueError, match="at most 10000 items"):
        Waiver(**row | {field: [one] * (most + 1)})


def test_a_glob_and_a_list_of_globs_are_no_longer_than_they_may_be() -> None:
    for globs in ("x" * 513, ["x"] * 1001, 7, ""):
        with pytest.raises(ValueError, match="1 validation error"):
            Match(check=globs)
    with pytest.raises(ValidationError) as error:
        Match(check={"a": 1})
    assert error.value.errors()[0]["type"] == "glob"


def test_what_is_left_out_has_its_default() -> None:
    (waiver,) = waivers(text()).all
    known = ("critical", "fail", "", (), 0, False, None, None)
    assert (waiver.severity, waiver.status, waiver.ticket, waiver.evidence_hash, waiver.max_matches, waiver.allow_broad,
            waiver.match, waiver.exclude) == known  # fmt: skip
    assert Rules() == Rules({"critical": 30, "high": 90, "medium": 180, "low": 180, "info": 180}, 10.0, True, 14)
    assert Held("W", "risk_accepted", "2026-11-30") == ("W", "risk_accepted", "2026-11-30", "", False)


def test_waivers_are_numbered_where_they_have_no_name() -> None:
    with pytest.raises(BadWaivers) as told:
        waivers(text(), text(id=""), "other = 1", "[[more]]")
    assert [line.split(": ")[1] for line in str(told.value).splitlines()] == ["more", "waiver 2", "waiver 2"]


def test_one_person_may_do_it_where_the_settings_say_so() -> None:
    assert waivers(text(approver="'plant-it'"), rules=Rules(two_persons=False)).all


@pytest.mark.parametrize(
    ("glob", "resource", "fits"),
    [
        ("logs", "prod-audit-logs-eu", False), ("*logs*", "prod-audit-logs-eu", True), ("prod*", "prod-audit-logs-eu", True),
        ("prod", "prod-audit-logs-eu", False), ("prod-audit-logs-e?", "prod-audit-logs-eu", True), ("*?eu", "eu", False),
        ("a.c", "abc", False), ("[ab]", "a", False), ("(a+)+$", "aaa", False), ("${x}", "${x}", True), ("any", "any", True),
        ("***", "", True), ("?", "", False), ("*", "a\nb", True), ("Prod", "prod", False),
    ],
)  # fmt: skip
def test_a_glob_covers_the_whole_text_and_has_two_special_characters(glob: str, resource: str, fits: bool) -> None:
    assert bool(Column([(0, glob)], 0).fits(resource)) == fits


def plainly(glob: str, value: str) -> bool:
    """The meaning of a glob, slowly: which of its positions can have been reached."""
    reached = {0}
    for character in (*value, None):
        for place in sorted(reached):
            while place < len(glob) and glob[place] == "*":
                reached.add(place := place + 1)
        if character is not None:
            reached = {p + 1 for p in reached if p < len(glob) and glob[p] in (character, "?")} | {
                p for p in reached if p < len(glob) and glob[p] == "*"
            }
    return len(glob) in reached


@given(st.lists(st.text("ab*?", min_size=1, max_size=8), min_size=1, max_size=5), st.text("abc", max_size=12))
def test_all_globs_at_once_mean_what_each_means_alone(globs: list[str], value: str) -> None:
    bits = Column(list(enumerate(globs)), 0).fits(value)
    assert [bool(bits >> n & 1) for n in range(len(globs))] == [plainly(glob, value) for glob in globs]


class Watched(str):
    """A text that counts how often it is gone through."""

    __slots__ = ("times",)

    def __iter__(self) -> Iterator[str]:
        self.times = getattr(self, "times", 0) + 1
        return super().__iter__()


@pytest.mark.parametrize("part", ["*a", "*?", "*a?", "a*"])
def test_a_hostile_glob_takes_one_step_a_character(part: str) -> None:
    globs = [(n, (part * GLOB_LIMIT)[: GLOB_LIMIT - 2 - n % 7] + "*b") for n in range(20)]
    resource = Watched("a" * 20_000)
    begun = time.perf_counter()
    assert Column(globs, 0).fits(resource) == 0
    assert resource.times == 1
    assert time.perf_counter() - begun < 5  # backtracking would not end


def test_a_match_needs_every_key_and_one_glob_of_each() -> None:
    rule = by_match("{ check = ['device-*', 'x'], provider = 'azure', hub = '*plant-south' }", allow_broad="true")
    covered = waivers(rule).over(FINDINGS, TODAY).waived
    assert set(covered) == {f.finding_id for f in FINDINGS if f.check_id == "device-has-its-own-credential" and f.hub}
    assert len(covered) == 12


def test_an_exclusion_takes_findings_out_again() -> None:
    rule = by_match(
        "{ check = 'device-has-*', provider = 'azure' }", exclude="{ resource = '*/pump-00?' }", allow_broad="true"
    )
    covered = waivers(rule).over(FINDINGS, TODAY).waived
    assert len(covered) == 2
    assert PUMP.finding_id not in covered


def test_azure_ids_are_matched_without_case_and_arns_with_it() -> None:
    shouted = PUMP._replace(resource_id=PUMP.resource_id.upper())
    assert waivers(by_match(f"{{ resource = '{PUMP.resource_id}' }}")).over([shouted], TODAY).waived
    arn = WILDCARD._replace(resource_id=WILDCARD.resource_id.upper())
    assert not waivers(by_match(f"{{ resource = '{WILDCARD.resource_id}' }}")).over([arn], TODAY).waived


@pytest.mark.parametrize("key", COLUMNS)
def test_a_match_may_name_each_key(key: str) -> None:
    finding = PUMP._replace(subject="part", area="data")
    own, other = Match(**{key: getattr(finding, COLUMNS[key])}), Match(**{key: "?" + getattr(finding, COLUMNS[key])})
    assert Matcher([None, own, other, Match(**{key: ["x", "*"]})]).fits(finding) == 0b1010
    assert Matcher([own, None]).fits(finding._replace(**{name: "other" for name in finding._fields})) == 0


def test_only_ids_of_azure_are_matched_without_case() -> None:
    shouted = WILDCARD._replace(resource_id=WILDCARD.resource_id.upper())
    assert waivers(by_match(f"{{ resource = '{shouted.resource_id}' }}")).over([shouted], TODAY).waived
    azure = PUMP._replace(account_id="SUB-A", resource_id=PUMP.resource_id.upper())
    for match, covered in (
        ("{ account = 'SUB-A' }", True), ("{ account = 'sub-a' }", False), ("{ account = 'SUB-?' }", True),
        (f"{{ resource = '{azure.resource_id}' }}", True), (f"{{ resource = '{azure.resource_id.lower()[:-1]}*' }}", True),
        (f"{{ hub = '{azure.hub.upper()}', account = 'SUB-A' }}", True), ("{ account = 'SUB-A', region = 'nowhere' }", False),
    ):  # fmt: skip
        assert bool(waivers(by_match(match)).over([azure], TODAY).waived) == covered, match


def test_other_evidence_voids_a_pinned_waiver() -> None:
    pinned = waivers(text(evidence_hash=f"'{WILDCARD.evidence_hash}'"))
    assert WILDCARD.finding_id in pinned.over(FINDINGS, TODAY).waived
    changed = [WILDCARD._replace(evidence_hash="0" * 16)]
    cover = pinned.over(changed, TODAY)
    assert not cover.waived
    assert cover.voided[WILDCARD.finding_id][1] == "the evidence is not what was accepted"
    assert pinned.periods(changed) == {}


@pytest.mark.parametrize(
    ("accepted", "finding", "covered"),
    [("'high'", "critical", False), ("'high'", "high", True), ("'high'", "low", True), ("", "critical", True)],
)
def test_a_finding_worse_than_what_was_accepted_is_not_covered(accepted: str, finding: str, covered: bool) -> None:
    cover = waivers(text(severity=accepted)).over([WILDCARD._replace(severity=finding)], TODAY)
    assert bool(cover.waived) == covered
    assert [why for _, why in cover.voided.values()] == (
        [] if covered else ["the finding is critical, accepted was high"]
    )
    assert not cover.shared


@pytest.mark.parametrize(
    ("accepted", "status", "covered"),
    [("'unknown'", "unknown", True), ("'unknown'", "fail", False), ("'fail'", "unknown", True), ("", "fail", True)],
)
def test_who_accepted_not_knowing_did_not_accept_the_failure(accepted: str, status: str, covered: bool) -> None:
    finding = DARK._replace(status=status)
    cover = waivers(text(finding=f"'{DARK.finding_id}'", status=accepted)).over([finding], TODAY)
    assert bool(cover.waived) == covered
    assert [why for _, why in cover.voided.values()] == (
        [] if covered else ["the finding is fail now, accepted was unknown"]
    )


def test_a_match_over_too_large_a_share_covers_nothing_unless_it_says_so() -> None:
    wide = "{ provider = 'azure' }"
    cover = waivers(by_match(wide)).over(FINDINGS, TODAY)
    assert not cover.waived
    assert cover.refused == {
        "W-0001": "matches 17 of 40 findings, more than 10 %; narrow it, or set allow_broad = true"
    }
    assert waivers(by_match(wide)).periods(FINDINGS) == {}
    few = [f for f in FINDINGS if f.provider != "azure"]
    assert waivers(by_match(wide)).periods(FINDINGS, few * 9) == {}
    assert len(waivers(by_match(wide)).periods(few, [f for f in FINDINGS if f.provider == "azure"])) == 17
    assert len(waivers(by_match(wide, allow_broad="true")).over(FINDINGS, TODAY).waived) == 17
    assert len(waivers(by_match(wide), rules=Rules(broad_percent=50)).over(FINDINGS, TODAY).waived) == 17
    limited = waivers(by_match(wide, allow_broad="true", max_matches="16")).over(FINDINGS, TODAY)
    assert limited.refused == {"W-0001": "matches 17 findings, max_matches is 16"}


def test_of_two_waivers_that_no_longer_fit_the_first_is_told_with_its_reason() -> None:
    rows = [text(severity="'high'"), text(id="'second'", status="'unknown'")]
    ((waiver, why),) = waivers(*rows).over([WILDCARD], TODAY).voided.values()
    assert (waiver.id, why) == ("W-0001", "the finding is critical, accepted was high")


def numbered(count: int, provider: str) -> list[Finding]:
    return [WILDCARD._replace(finding_id=f"v1:{provider}{n}", provider=provider) for n in range(count)]


@pytest.mark.parametrize(
    ("matched", "others", "changes", "refused"),
    [
        (10, 0, {}, False),
        (11, 0, {}, True),
        (11, 99, {}, False),
        (11, 98, {}, True),
        (11, 0, {"allow_broad": "true"}, False),
        (11, 99, {"max_matches": "11"}, False),
        (11, 99, {"max_matches": "10"}, True),
    ],
)
def test_a_match_is_too_broad_above_a_number_and_a_share(
    matched: int, others: int, changes: dict[str, str], refused: bool
) -> None:
    findings = numbered(matched, "x") + numbered(others, "y")
    wide = waivers(by_match("{ provider = 'x' }", **changes))
    cover = wide.over(findings, TODAY)
    assert len(cover.waived) == (0 if refused else matched)
    assert bool(cover.refused) == refused
    assert len(wide.periods(findings)) == (0 if refused else matched)
    assert len(cover.matched["W-0001"]) == matched


def test_a_list_of_findings_is_never_too_broad_and_no_findings_are_no_share() -> None:
    ids = [f"v1:{'a' * 25}{letter}" for letter in "abcdefghijkl"]
    listed = waivers(text(finding=str(ids)))
    assert len(listed.over([WILDCARD._replace(finding_id=one) for one in ids], TODAY).waived) == 12
    cover = waivers(by_match("{ provider = 'x' }")).over([], TODAY)
    assert (cover.waived, cover.refused, cover.matched) == ({}, {}, {"W-0001": []})
    assert (cover.today, cover.warn_days) == (TODAY, 14)


def test_of_two_waivers_that_ended_the_later_has_lapsed_and_one_that_is_refused_today_has_not() -> None:
    rows = [
        text(expires_on="2026-11-02"),
        text(id="'later'", expires_on="2026-11-09"),
        text(id="'mid'", expires_on="2026-11-05"),
    ]
    assert waivers(*rows).over([WILDCARD], TODAY).lapsed[WILDCARD.finding_id].id == "later"
    assert waivers(*rows).held([WILDCARD], TODAY)[WILDCARD.finding_id].lapsed
    refused = waivers(by_match("{ provider = 'x' }", expires_on=f"{TODAY}"))
    assert not refused.over(numbered(11, "x"), TODAY).lapsed
    assert len(refused.over(numbered(11, "x"), TODAY + timedelta(days=1)).lapsed) == 11


def test_of_two_waivers_over_one_finding_the_first_that_holds_counts() -> None:
    rows = [
        text(expires_on="2026-11-02"),
        text(id="'second'"),
        by_match("{ resource = '*policy/fleet-default' }", id="'third'"),
    ]
    cover = waivers(*rows).over(FINDINGS, TODAY)
    assert cover.waived[WILDCARD.finding_id].id == "second"
    assert [waiver.id for waiver in cover.shared[WILDCARD.finding_id]] == ["second", "third"]
    assert not cover.lapsed


def test_a_waiver_changes_nothing_about_the_finding() -> None:
    before = [tuple(finding) for finding in FINDINGS]
    waivers(text()).over(FINDINGS, TODAY)
    assert [tuple(finding) for finding in FINDINGS] == before


def test_thousands_of_waivers_over_many_findings_are_quick() -> None:
    findings = [Finding(**row) for row in made_up.estate_of(5_000, "device")]
    rows = [by_match(f"{{ resource = '*-0{n:04}*', account = '?*' }}", id=f"'W-{n}'") for n in range(2_000)]
    many = waivers(*rows)
    begun = time.perf_counter()
    cover = many.over(findings, TODAY)
    assert len(cover.waived) > 1_000
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize(
    ("finding", "owner"),
    [
        (WILDCARD, "cloud-platform"),
        (PUMP, "pumps"),
        (PUMP._replace(hub="", resource_type="hub", resource_id=PUMP.hub), "pumps"),
        (PUMP._replace(hub="", resource_id=PUMP.hub), "late"),
        (DARK, "security-champions"),
    ],
    ids=["by account", "by hub", "the hub itself", "no hub", "nobody's"],
)
def test_the_first_rule_that_matches_says_whose_a_finding_is(finding: Finding, owner: str) -> None:
    rules = [
        OwnerRule(owner="pumps", hub="*/IOTHUBS/plant-*"),
        OwnerRule(owner="cloud-platform", account="123456789012", area=("access", "data")),
        OwnerRule(owner="late", provider="azure"),
    ]
    assert Owners(rules, "security-champions").of(finding._replace(account_id=finding.account_id)) == owner


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"owner": "x" * 101}, "string_too_long"),
        ({"owner": ""}, "string_too_short"),
        ({"owner": " x"}, "string_pattern_mismatch"),
        ({"tags": {"": "x"}}, "string_too_short"),
        ({"tags": {"k" * 257: "x"}}, "string_too_long"),
        ({"tags": {"k\n": "x"}}, "string_pattern_mismatch"),
        ({"tags": {"k": []}}, "too_short"),
        ({"tags": {"k": ["x"] * 1001}}, "too_long"),
    ],
)
def test_a_rule_of_an_owner_is_no_longer_than_it_may_be(wrong: dict[str, Any], kind: str) -> None:
    with pytest.raises(ValidationError) as error:
        OwnerRule(**{"owner": "x", "check": "y"} | wrong)
    assert [problem["type"] for problem in error.value.errors()] == [kind]
    fits = OwnerRule(owner="x" * 100, tags={"k" * 256: "x", "y": ["z"] * 1000})
    assert OwnerRule(owner="x", check="y").tags == {}
    assert tags_named([fits, OwnerRule(owner="x", tags={"Team": "x"})], ["Site"]) == {"k" * 256, "y", "team", "site"}
    with pytest.raises(ValueError, match=r"matches nothing; give at least one of check, .*, subject, tags"):
        OwnerRule(owner="x")


def test_an_owner_is_named_by_a_tag_of_up_to_a_hundred_characters() -> None:
    for name, owner in (("x", "x"), ("x" * 100, "x" * 100), ("x" * 101, "else"), ("***", "else"), ("", "else")):
        assert Owners([], "else", ["Team"]).of(PUMP._replace(tags=json.dumps({"TEAM": name}))) == owner
    assert Owners([], by=["site"]).of(PUMP._replace(tags='{"team": "x"}')) == ""
    assert Owners([]).of(PUMP._replace(tags='{"team": "x"}')) == ""


def test_every_key_of_a_match_is_text_of_a_finding() -> None:
    assert set(Match.model_fields) == set(COLUMNS)
    assert all(isinstance(getattr(PUMP, name), str) for name in COLUMNS.values())
