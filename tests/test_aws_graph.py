"""AWS: what only the joined graph of certificates, policies, thing groups and roles shows, through boto3, against the lab."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from checks.judge import judge
from checks.registry import CHECKS
from collectors.aws import session
from collectors.operation import Memory, Operation, Undeclared, declared
from collectors.rate_limit import RateLimiter
from collectors.registry import COLLECTORS
from collectors.run import collect
from collectors.schema import Table, Tables
from collectors.scope import Scope
from collectors.tables.access import Policy, Principal, RoleAlias
from lab import aws_graph
from lab.aws import Aws
from lab.aws_policies import ACCOUNT, HOME
from lab.server import Fault

EUROPE = Scope("aws", ACCOUNT, HOME)
OPERATIONS = declared("aws", COLLECTORS)


@pytest.fixture(scope="module")
def aws(aws_alone: Aws) -> Aws:
    return aws_alone


def collected(cloud: Aws, patience: float = 60) -> Tables:
    pace = RateLimiter(5000, patience=patience)
    return collect(EUROPE, session.connect(ACCOUNT, cloud.settings(), OPERATIONS, pace), Memory(), datetime.now(UTC))


@pytest.fixture(scope="module")
def tables(aws: Aws) -> Tables:
    """A scan of Europe, and the calls it took."""
    aws.switchboard.clear()
    return collected(aws)


@pytest.fixture
def calm(aws: Aws) -> Iterator[Aws]:
    """The lab without faults, before and after."""
    aws.switchboard.clear()
    yield aws
    aws.switchboard.clear()
    aws_graph.SLOW.clear()


def holders(tables: Tables) -> dict[str, Any]:
    """The rows of the certificates of things, by thing."""
    certificates = {c.arn: t for (c, t) in attached()}
    found = tables.frames[Principal].to_dict("records")
    return {certificates[row["resource"]]: row for row in found if row["resource"] in certificates}


def attached() -> Iterator[tuple[Any, str]]:
    """Certificate and thing of the lab's doors and loggers."""
    from moto.iot.models import iot_backends

    for (_, thing), (certificate, _) in iot_backends[ACCOUNT][HOME].principal_things.items():
        if thing in aws_graph.HELD:
            yield certificate, thing


def verdicts(tables: Tables, check_id: str) -> dict[str, str]:
    """Status of the findings of a check by thing, or by name where the resource is no certificate of a door or logger."""
    check = next(check for check in CHECKS if check.id == check_id)
    names = {certificate.arn: thing for certificate, thing in attached()}
    findings = judge(EUROPE, tables, [check]).findings
    return {names.get(row["resource_id"], row["resource_name"]): row["status"] for _, row in findings.iterrows()}


def frame(tables: Tables, table: type[Table]) -> dict[str, dict[str, Any]]:
    return {str(row["name"]): row for row in tables.frames[table].to_dict("records")}  # type: ignore[misc]


def test_a_certificate_holds_its_own_policies_and_those_of_groups_and_their_parents(tables: Tables) -> None:
    held = {t: (r["policies"], r["group_policies"]) for t, r in holders(tables).items() if t.startswith("door")}
    assert held == {
        "door-cork-01": ("DoorListen, DoorReceive", ""),
        "door-cork-02": ("DoorListen", "doors: DoorReceive, doors: DoorUpload"),
        "door-ennis-01": ("", "doors: DoorReceive, doors: DoorUpload"),
        "door-galway-01": ("DoorListen", ""),
        "door-sligo-01": ("DoorListen, DoorReceive", "sealed: DoorSeal"),
        "door-store-room": ("", ""),
    }
    (together,) = json.loads(holders(tables)["door-cork-02"]["documents"])
    assert len(together) == 3


def test_policies_that_are_harmless_alone_are_judged_together(tables: Tables) -> None:
    alone = verdicts(tables, "denied-topics-are-not-delivered")
    assert not {"DoorListen", "DoorReceive"} & set(alone), "neither shows it alone"
    together = verdicts(tables, "policies-together-deliver-nothing-denied")
    assert together == {"door-cork-01": "fail", "door-cork-02": "fail"}, "and a Deny of a third policy cures it"


def test_what_one_document_shows_is_not_reported_again_by_those_who_hold_it(tables: Tables) -> None:
    assert verdicts(tables, "policies-together-reach-no-other-device") == {"logger-cork-01": "fail"}
    assert verdicts(tables, "policies-together-bind-the-client-id") == {"logger-cork-02": "fail"}
    assert verdicts(tables, "topic-scope-is-not-chosen-by-the-caller") == {"SamplerClientId": "fail"}


def test_certificates_without_a_policy_and_policies_without_a_holder_are_found(tables: Tables) -> None:
    without = verdicts(tables, "active-certificate-has-a-policy")
    assert without.pop("door-store-room") == "fail"
    assert list(without.values()) == ["fail"], "the spare one; a policy of a group counts"
    assert "=1+1,cmd@calc" in verdicts(tables, "policy-is-attached-to-something")
    assert "DoorSeal" not in verdicts(tables, "policy-is-attached-to-something")


def test_a_set_of_policies_is_one_text_however_many_certificates_hold_it(tables: Tables) -> None:
    found = tables.frames[Principal]
    meters = found[found["policies"] == "MeterDevice"]["documents"]
    assert len(meters) > 90
    assert meters.nunique() == 1


def test_the_graph_asks_once_for_groups_with_a_policy_things_and_reports(calm: Aws) -> None:
    trusted = collected(calm).frames[Principal]
    assert calm.switchboard.calls["iot.list_things_in_thing_group"] == 3
    assert calm.switchboard.calls["iot.list_principal_things_v2"] == len(trusted) + 1, "one more is in transfer"
    assert calm.switchboard.calls["iam.generate_service_last_accessed_details"] == 3, (
        "one for each role that is old enough"
    )
    assert calm.switchboard.calls["iam.get_service_last_accessed_details"] == 4, "one report has two pages"


def test_aliases_tell_who_grants_them_and_how_many_reach_them(tables: Tables) -> None:
    aliases = frame(tables, RoleAlias)
    assert aliases["DoorUpload"]["granted_by"] == "DoorUpload, FieldTest-2019, GatewayLegacy"
    assert aliases["DoorUpload"]["certificates"] == 4, "two doors through their group, the gateways, a sampler"
    assert aliases["MeterUpload"]["certificates"] > 90
    (gateway,) = [r for r in tables.frames[Principal].to_dict("records") if r["policies"] == "GatewayLegacy"]
    assert gateway["role_aliases"] == "=cmd,partner@x, DoorUpload, GatewayAdmin, MeterUpload, PumpStream"
    assert f"arn:aws:iam::{ACCOUNT}:role/GatewayAdmin" in gateway["roles"]
    assert holders(tables)["logger-cork-03"]["role_aliases"] == ""


def test_services_that_no_device_used_are_found_unless_the_role_is_young(tables: Tables) -> None:
    aliases = frame(tables, RoleAlias)
    admin = aliases["GatewayAdmin"]
    assert (admin["services"], admin["unused_services"], admin["unused_days"]) == (3, 1, 380)
    assert admin["least_used"] == "iam never, dynamodb 380, s3 2"
    found = verdicts(tables, "role-alias-grants-only-services-in-use")
    assert found == {"GatewayAdmin": "fail", "DoorUpload": "unknown", "=cmd,partner@x": "unknown"}
    assert aliases["DoorUpload"]["role_age_days"] == 20
    young = tables.unread[tables.unread["column"] == "unused_services"]
    assert set(young["cause"]) == {"no_data_source", "out_of_scope_account"}


def test_a_report_that_is_never_finished_is_unknown_in_bounded_time(calm: Aws) -> None:
    aws_graph.SLOW.update(("PumpStream", "MeterUpload"))
    start = time.monotonic()
    after = collected(calm, patience=0.6)
    asked = calm.switchboard.calls["iam.get_service_last_accessed_details"]
    assert 4 <= asked <= 7, "some turns for the first, one for the second, two pages of the third"
    assert time.monotonic() - start < 60
    found = verdicts(after, "role-alias-grants-only-services-in-use")
    assert {found[name] for name in ("PumpStream", "MeterUpload", "DoorUpload")} == {"unknown"}
    assert found["GatewayAdmin"] == "fail"
    covered = after.coverage.set_index("operation").loc["iam.get_service_last_accessed_details"]
    assert (covered["outcome"], covered["code"]) == ("partial", "NotFinished")


def test_no_other_operation_that_generates_something_is_let_through(calm: Aws) -> None:
    rogue = Operation("iam.generate_credential_report", "iam:GenerateCredentialReport")
    transport = session.connect(ACCOUNT, calm.settings(), (rogue,), RateLimiter(100))
    with pytest.raises(Undeclared):
        list(transport.send(rogue, HOME, {}))
    assert not calm.switchboard.calls


@pytest.mark.parametrize(
    ("denied", "permission"),
    [
        ("iot.list_things_in_thing_group", "iot:ListThingsInThingGroup"),
        ("iot.get_policy", "iot:GetPolicy"),
    ],
)
def test_what_could_not_be_read_leaves_a_certificate_open(calm: Aws, denied: str, permission: str) -> None:
    calm.switchboard.faults[denied] = Fault("deny")
    after = collected(calm)
    assert pd.isna(holders(after)["door-cork-01"]["documents"]), (
        "it may be in one of the groups, as far as anybody knows"
    )
    assert verdicts(after, "policies-together-deliver-nothing-denied")["door-cork-01"] == "unknown"
    unread = after.unread[(after.unread["table"] == "principal") & (after.unread["column"] == "documents")]
    assert set(unread["permission"]) == {permission}
    spare = after.frames[Principal][after.frames[Principal]["things"] == 0]
    assert len(spare) and spare[spare["policies"] == ""]["documents"].notna().all(), "without a thing there is no group"


def test_a_policy_is_judged_alone_where_something_else_than_a_certificate_holds_it(tables: Tables) -> None:
    assert all(row["judged_together"] for row in frame(tables, Policy).values())
