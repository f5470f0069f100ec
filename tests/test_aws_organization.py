"""Many AWS accounts: an organization is listed, its members entered by a role, and nothing of it vanishes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from estate import CLOCK

from collectors.aws import session
from collectors.aws.organization import listing, member_role
from collectors.aws.policies import LIST_POLICIES
from collectors.operation import Operation, ReadFailed
from collectors.provider import NoTarget, Scopes
from collectors.rate_limit import RateLimiter
from collectors.scope import Scope
from flows.commands import diagnose
from flows.console import UNREACHABLE, USAGE, exit_code
from flows.scan import Order, run, threads
from flows.settings import Settings, load
from flows.show import show_permissions
from lab import aws_organization as company
from lab.aws import Aws
from lab.aws_organization import EXTERNAL_ID, FIELD, LABS, LEAVING, OTHERS, PRODUCTION, QUALITY, ROOT, SANDBOX, SOLD
from lab.aws_policies import ACCOUNT, HOME, REGIONS
from lab.server import Fault
from reports.report import Report
from reports.report_files import write


@pytest.fixture
def aws(aws_alone: Aws) -> Iterator[Aws]:
    """The lab's AWS without calls and faults, before and after."""
    aws_alone.switchboard.clear()
    yield aws_alone
    aws_alone.switchboard.clear()


def section(cloud: Aws, **more: Any) -> dict[str, Any]:
    """Settings that scan the organization."""
    whole = {"organization": True, "external_id": EXTERNAL_ID, "exclude_accounts": [SANDBOX]}
    return cloud.settings() | {"regions": [HOME]} | whole | more


def found(cloud: Aws, **more: Any) -> Scopes:
    return session.find(section(cloud, **more))


def accounts(scopes: Scopes) -> list[str]:
    return sorted({scope.account for scope in scopes})


def ordered(cloud: Aws, folder: Path, **more: Any) -> Order:
    select = ("device-connects-only-as-itself",)
    return Order(Settings(aws=section(cloud, **more)), "many", CLOCK, ("aws",), select, str(folder))


def test_active_accounts_are_scanned_and_excluded_or_closing_ones_are_not(aws: Aws) -> None:
    scopes = found(aws)
    assert accounts(scopes) == [ACCOUNT, QUALITY, LABS]
    assert not {SANDBOX, SOLD, LEAVING} & {row["account"] for row in scopes.coverage}
    assert aws.switchboard.calls["organizations.list_accounts"] == 3, "one call for each page of two"


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([ROOT], [ACCOUNT, QUALITY, LABS]),
        ([PRODUCTION], [QUALITY, LABS]),
        ([FIELD, FIELD], [QUALITY]),
        ([PRODUCTION, OTHERS], [QUALITY, LABS]),
    ],
    ids=str,
)
def test_units_stand_for_their_accounts_and_those_of_every_unit_below(
    aws: Aws, units: list[str], expected: list[str]
) -> None:
    assert accounts(found(aws, organizational_units=units)) == expected
    assert not aws.switchboard.calls["organizations.list_accounts"]


def test_an_account_whose_role_cannot_be_assumed_stays_in_the_scan_with_its_reason(aws: Aws) -> None:
    scopes = found(aws)
    rows = {row["account"]: row for row in scopes.coverage if row["operation"] == "sts.assume_role"}
    assert {account: row["outcome"] for account, row in rows.items()} == {QUALITY: "read", LABS: "denied"}
    assert (rows[LABS]["permission"], rows[LABS]["code"]) == ("sts:AssumeRole", "AccessDenied")
    assert rows[LABS]["detail"] == f"role arn:aws:iam::{LABS}:role/iotposture"
    (line,) = scopes.lines
    assert LABS in line and QUALITY not in line and "arn:aws:iam::ACCOUNT:role/iotposture" in line


def test_a_wrong_external_id_enters_no_account_but_the_scanning_one(aws: Aws) -> None:
    rows = [row for row in found(aws, external_id="guessed").coverage if row["operation"] == "sts.assume_role"]
    assert [(row["account"], row["outcome"]) for row in rows] == [(QUALITY, "denied"), (LABS, "denied")]


def test_a_list_that_is_denied_is_one_line_and_coverage_and_the_own_account_is_scanned(aws: Aws) -> None:
    aws.switchboard.faults["organizations.list_accounts"] = Fault("deny")
    scopes = found(aws)
    assert accounts(scopes) == [ACCOUNT]
    (row,) = scopes.coverage
    assert (row["account"], row["outcome"], row["permission"]) == (ACCOUNT, "denied", "organizations:ListAccounts")
    (line,) = scopes.lines
    assert "organizations.list_accounts denied" in line and "delegated administrator" in line and "\n" not in line


def test_a_unit_that_does_not_exist_leaves_the_others(aws: Aws) -> None:
    scopes = found(aws, organizational_units=["ou-bw01-gone0001", FIELD])
    assert QUALITY in accounts(scopes)
    assert {row["code"] for row in scopes.coverage if row["outcome"] == "failed"} == {"ParentNotFoundException"}


def test_a_list_that_breaks_off_keeps_the_accounts_that_came() -> None:
    def ask(operation: Operation, params: Any) -> Iterator[dict[str, str]]:
        yield {"Id": "1" * 12, "State": "ACTIVE"}
        yield {"Id": "2" * 12, "Status": "ACTIVE"}
        yield {"Id": "3" * 12, "State": "SUSPENDED", "Status": "ACTIVE"}
        raise ReadFailed("failed", "TooManyRequestsException")

    told = listing(ask)
    assert told.active == ["1" * 12, "2" * 12]
    assert [failure.code for failure in told.asked.values() if failure] == ["TooManyRequestsException"]


def test_nothing_left_to_scan_is_one_line(aws: Aws) -> None:
    with pytest.raises(NoTarget, match="exclude_accounts or outside"):
        found(aws, organizational_units=[OTHERS])


@pytest.mark.parametrize(
    ("role", "partition", "arn"),
    [
        ("iotposture", "aws", "arn:aws:iam::111122223333:role/iotposture"),
        ("audit/iot-{account}", "aws-cn", "arn:aws-cn:iam::111122223333:role/audit/iot-111122223333"),
        ("arn:{partition}:iam::{account}:role/r", "aws-us-gov", "arn:aws-us-gov:iam::111122223333:role/r"),
    ],
)
def test_the_role_of_a_member_is_a_name_or_an_arn_with_placeholders(role: str, partition: str, arn: str) -> None:
    assert member_role({"member_role": role}, "111122223333", partition) == arn


@pytest.mark.parametrize(("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")])
def test_members_of_another_partition_are_entered_by_roles_of_that_partition(
    aws: Aws, region: str, partition: str
) -> None:
    scopes = found(aws, regions=[region])
    assert {row["detail"] for row in scopes.coverage if row["account"] == LABS} == {
        f"role arn:{partition}:iam::{LABS}:role/iotposture"
    }
    assert Scope("aws", QUALITY, region) in scopes


@pytest.fixture(scope="module")
def scanned(aws_alone: Aws, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """One scan of the organization with one check, and its files."""
    aws_alone.switchboard.clear()
    folder = tmp_path_factory.mktemp("many")
    what = ordered(aws_alone, folder)
    report = run(what, threads(what.settings))
    write(report, folder)
    return report, folder


def test_findings_of_accounts_differ_and_what_is_closed_is_unknown(scanned: tuple[Report, Path]) -> None:
    rows = scanned[0].findings
    of = {a: rows[rows["account_id"] == a] for a in (ACCOUNT, QUALITY, LABS)}
    assert list(of[QUALITY]["resource_name"]) == ["ProbeEverything"]
    assert "ProbeEverything" not in set(of[ACCOUNT]["resource_name"])
    assert set(of[LABS]["status"]) == {"unknown"}
    assert set(of[LABS]["permission"]) == {"sts:AssumeRole"}


def test_coverage_and_report_show_the_account_that_could_not_be_entered(scanned: tuple[Report, Path]) -> None:
    with (scanned[1] / "coverage.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["operation"] == "sts.assume_role"]
    assert {(row["account"], row["outcome"]) for row in rows} == {(QUALITY, "read"), (LABS, "denied")}
    assert LABS in (scanned[1] / "report.html").read_text()
    assert scanned[0].about["scan_complete"] == "false"


def test_a_resumed_scan_finds_the_same(aws: Aws, scanned: tuple[Report, Path]) -> None:
    what = ordered(aws, scanned[1])
    again = run(what, threads(what.settings))
    assert again.findings.equals(scanned[0].findings)
    assert again.coverage.equals(scanned[0].coverage)
    assert not aws.switchboard.calls["iot.list_policies"], "what was collected is not asked again"


def test_a_worker_enters_an_account_from_the_order_alone(aws: Aws, tmp_path: Path) -> None:
    arrived = Order.from_json(ordered(aws, tmp_path).to_json())
    transport = session.connect(QUALITY, arrived.section("aws"), (LIST_POLICIES,), RateLimiter(100))
    assert [policy["policyName"] for policy in transport.send(LIST_POLICIES, HOME, {})] == ["ProbeEverything"]
    own = session.connect(ACCOUNT, arrived.section("aws"), (LIST_POLICIES,), RateLimiter(100))
    assert len(list(own.send(LIST_POLICIES, HOME, {}))) > 10
    with pytest.raises(ReadFailed, match=f"denied: AccessDenied role arn:aws:iam::{LABS}"):
        session.connect(LABS, arrived.section("aws"), (LIST_POLICIES,), RateLimiter(100))


def test_credentials_of_a_role_are_fetched_again_before_they_end(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = session.connect(QUALITY, section(aws), (LIST_POLICIES,), RateLimiter(100))
    for _ in range(3):
        assert list(transport.send(LIST_POLICIES, HOME, {}))
    assert aws.switchboard.calls["sts.assume_role"] == 1
    monkeypatch.setattr(company, "SESSION", timedelta(minutes=5))  # botocore renews what has less than ten left
    transport = session.connect(QUALITY, section(aws), (LIST_POLICIES,), RateLimiter(100))
    aws.switchboard.clear()
    for _ in range(3):
        assert list(transport.send(LIST_POLICIES, HOME, {}))
    assert aws.switchboard.calls["sts.assume_role"] == 3


def test_a_role_that_is_lost_in_mid_scan_says_which_permission_is_missing(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "SESSION", timedelta(minutes=5))
    transport = session.connect(QUALITY, section(aws), (LIST_POLICIES,), RateLimiter(100))
    aws.switchboard.faults["sts.assume_role"] = Fault("deny")
    with pytest.raises(ReadFailed) as caught:
        list(transport.send(LIST_POLICIES, HOME, {}))
    assert (caught.value.outcome, caught.value.permission) == ("denied", "sts:AssumeRole")


def test_a_role_that_is_named_takes_the_place_of_the_common_one(aws: Aws) -> None:
    named = f"arn:aws:iam::{QUALITY}:role/Nonsense"
    rows = [row for row in found(aws, roles=[named]).coverage if row["account"] == QUALITY]
    assert [(row["outcome"], row["detail"]) for row in rows] == [("denied", f"role {named}")]


def test_regions_of_a_member_are_those_of_the_settings_or_of_the_credentials(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGIONS[1])
    scopes = found(aws, regions=[])
    assert [s for s in scopes if s.account == QUALITY] == [Scope("aws", QUALITY, r) for r in ("global", REGIONS[1])]
    transport = session.connect(QUALITY, section(aws, regions=[]), (LIST_POLICIES,), RateLimiter(100))
    assert transport.options["regions"] == [REGIONS[1]]


def test_doctor_says_which_accounts_cannot_be_entered(
    aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "iotposture.toml"
    file.write_text("\n".join(["[aws]", *(f"{k} = {json.dumps(v)}" for k, v in section(aws).items())]))
    assert diagnose(str(file), ("aws",), "json") == 0
    told = [row for row in json.loads(capsys.readouterr().out) if row["what"] == "aws"]
    assert [row["state"] for row in told] == ["ok", "in part"]
    assert LABS in told[1]["detail"]
    monkeypatch.setitem(aws.switchboard.faults, "sts.get_caller_identity", Fault("deny"))
    assert diagnose(str(file), ("aws",), "json") == UNREACHABLE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('member_role = "two words"', "aws.member_role: 'two words' does not fit; allowed: "),
        ('member_role = "arn:aws:iam::111122223333:role/x"', "aws.member_role: 'arn:aws:iam::111122223333:role/x' does not fit"),
        ('organization = true\norganizational_units = ["prod"]', "aws.organizational_units.0: 'prod' does not fit"),
        ('organizational_units = ["r-bw01"]', "aws: organizational_units says which accounts of an organization"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_of_an_organization_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"[aws]\n{text}\n")
    assert exit_code(lambda: bool(load(file))) == USAGE
    told = capsys.readouterr().err
    assert told.startswith(f"{file}: {line}") and told.count("\n") == 1


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Any]:
    """A policy as it is printed with the settings of an organization."""
    file = tmp_path / "mine.toml"
    file.write_text(f'[aws]\norganization = true\nmember_role = "audit/iot"\nexternal_id = "{EXTERNAL_ID}"\n')

    def show(whose: str) -> Any:
        show_permissions("aws", whose, str(file), "text")
        return json.loads(capsys.readouterr().out)

    return show


def test_the_policy_of_the_scanning_identity_lists_accounts_and_takes_one_role_only(shown: Any) -> None:
    plain = shown("account")["Statement"]
    read, accounts_, members = shown("organization")["Statement"]
    assert [read] == plain
    assert accounts_["Action"] == [
        "organizations:ListAccounts", "organizations:ListAccountsForParent", "organizations:ListChildren",
    ]  # fmt: skip
    assert (members["Action"], members["Resource"]) == ("sts:AssumeRole", "arn:*:iam::*:role/audit/iot")
    assert len(json.dumps(shown("organization"), separators=(",", ":"))) < 6144, "the limit of a managed policy"


def test_the_trust_policy_of_a_member_role_asks_for_the_external_id(shown: Any) -> None:
    (statement,) = shown("trust")["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    assert statement["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}


def test_only_aws_has_policies_of_an_organization(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: show_permissions("gcp", "trust", "", "text")) == USAGE
    assert "only AWS has it" in capsys.readouterr().err
