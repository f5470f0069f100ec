"""AWS: what its refusals are told as, by the SDK against the lab in the words that the vendor documents or users saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import pytest
from estate import CLOCK
from refusals import Told

from collectors.aws import session
from collectors.aws.account import FIND
from collectors.causes import CAUSES
from collectors.operation import COLLECTORS, Absent, Lost, Memory, ReadFailed, declared, drain
from collectors.rate_limit import RateLimiter
from collectors.run import collect
from collectors.schema import Tables
from collectors.scope import Scope
from collectors.tables.access import Policy, Principal, RoleAlias
from collectors.tables.data import Store
from collectors.tables.device import Device
from collectors.tables.edge import EdgeCore
from collectors.tables.fleet import Claim, ProvisioningTemplate
from collectors.tables.hub import Detection
from collectors.tables.monitoring import Recording
from lab.aws import Aws
from lab.aws_monitoring import trail
from lab.aws_policies import ACCOUNT, HOME
from lab.server import CANARY, Fault

OPERATIONS = {operation.name: operation for operation in (*declared("aws", COLLECTORS), *FIND)}
EUROPE, AMERICA, GLOBAL = (Scope("aws", ACCOUNT, region) for region in (HOME, "us-east-1", "global"))
OWNER = "210987654321"
"""The management account, which owns the organisation's trail."""


@pytest.fixture
def cloud(aws_alone: Aws) -> Iterator[Aws]:
    """The lab's AWS without faults, before and after."""
    aws_alone.switchboard.clear()
    yield aws_alone
    aws_alone.switchboard.clear()


def failure(cloud: Aws, name: str, region: str = HOME, **params: Any) -> ReadFailed:
    """How a call fails."""
    transport = session.connect(ACCOUNT, cloud.settings(), tuple(OPERATIONS.values()), RateLimiter(5000))
    operation = OPERATIONS[name]
    items, error = drain(transport.send(operation, region, dict(operation.fixed) | params))
    assert isinstance(error, ReadFailed), items
    return error


def refusing(cloud: Aws, name: str, code: str, message: str, status: int) -> None:
    """Makes an operation answer with an error."""
    cloud.switchboard.faults[name] = Fault("refuse", status=status, code=code, message=message)


def user_is_not_authorized(action: str, because: str) -> str:
    """Access denied, in IAM's words (IAM User Guide, "Troubleshoot access denied error messages")."""
    return f"User: arn:aws:iam::{ACCOUNT}:user/{CANARY} is not authorized to perform: {action} on resource: * {because}"


LISTED = "iot:ListPolicies"
CASES = [
    ("AccessDeniedException", 403,
     user_is_not_authorized(LISTED, f"because no identity-based policy allows the {LISTED} action"),
     Told("denied", "denied", LISTED)),
    ("AccessDeniedException", 403,
     user_is_not_authorized("kms:Decrypt", "because no identity-based policy allows the kms:Decrypt action"),
     Told("denied", "denied", "kms:Decrypt")),
    ("AccessDeniedException", 403,
     user_is_not_authorized(LISTED, "with an explicit deny in a service control policy: "
                                    "arn:aws:organizations::123456789012:policy/o-a/service_control_policy/p-b"),
     Told("denied", "denied", LISTED, "an explicit deny in a service control policy")),
    ("AccessDeniedException", 403, user_is_not_authorized(LISTED, "with an explicit deny in an identity-based policy"),
     Told("denied", "denied", LISTED, "an explicit deny in an identity-based policy")),
    ("AccessDeniedException", 403,
     user_is_not_authorized(LISTED, f"because no service control policy allows the {LISTED} action"),
     Told("denied", "denied", LISTED, "no service control policy allows it")),
    ("AccessDeniedException", 403,
     user_is_not_authorized(LISTED, f"because no permissions boundary allows the {LISTED} action"),
     Told("denied", "denied", LISTED, "no permissions boundary allows it")),
    ("AccessDeniedException", 403, "Access Denied", Told("denied", "denied")),
    ("AccessDeniedException", 403, f"User: x is not authorized to perform: {CANARY}", Told("denied", "denied")),
    ("ExpiredTokenException", 403, "The security token included in the request is expired",
     Told("failed", "credentials_ended")),
    ("UnrecognizedClientException", 403, "The security token included in the request is invalid.",
     Told("failed", "credentials_ended")),
    ("InvalidSignatureException", 403, "The request signature we calculated does not match", Told("failed", "failed")),
    ("ThrottlingException", 400, "Rate exceeded", Told("failed", "quota")),
    ("SubscriptionRequiredException", 400, "The AWS Access Key Id needs a subscription for the service",
     Told("unavailable", "unavailable")),
    ("ResourceNotFoundException", 404, "a list is no thing that can go", Told("failed", "failed")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "status", "message", "told"), CASES, ids=[f"{c}-{t.cause}" for c, _, _, t in CASES])
def test_an_error_is_told_by_its_cause(cloud: Aws, code: str, status: int, message: str, told: Told) -> None:
    refusing(cloud, "iot.list_policies", code, message, status)
    found = failure(cloud, "iot.list_policies")
    assert (found.outcome, found.cause, found.permission, found.detail) == astuple(told)
    assert found.code == code
    assert found.cause in CAUSES
    assert CANARY not in repr(vars(found))


def test_a_query_service_says_that_the_credentials_ended_in_its_own_words(cloud: Aws) -> None:
    for name, code, params in (
        ("sns.get_topic_attributes", "ExpiredToken", {"TopicArn": f"arn:aws:sns:{HOME}:{ACCOUNT}:a"}),
        ("sns.get_topic_attributes", "InvalidClientTokenId", {"TopicArn": f"arn:aws:sns:{HOME}:{ACCOUNT}:a"}),
        ("s3.list_buckets", "ExpiredToken", {}),
        ("s3.list_buckets", "InvalidAccessKeyId", {}),
    ):
        refusing(cloud, name, code, "The security token included in the request is invalid.", 403)
        found = failure(cloud, name, **params)
        assert (found.outcome, found.cause, found.permission) == ("failed", "credentials_ended", ""), code


def test_a_region_that_is_not_enabled_is_no_ended_credential(cloud: Aws) -> None:
    refusing(cloud, "iot.list_policies", "UnrecognizedClientException", "The security token is invalid.", 403)
    found = failure(cloud, "iot.list_policies", region="me-south-1")
    assert (found.outcome, found.cause) == ("unavailable", "unavailable")


NAMED = {
    "Bucket": "some-bucket", "taskId": "a" * 40, "certificateId": "a" * 64, "caCertificateId": "a" * 64,
    "jobId": "a" * 40, "startTime": CLOCK, "endTime": CLOCK, "AccountId": ACCOUNT, "MaxResults": 60,
    "IdentityPoolId": f"{HOME}:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "UserPoolId": f"{HOME}_abcdefghi",
    "QueueUrl": "https://sqs/1/a", "StreamName": "a", "Arn": f"arn:aws:iam::{ACCOUNT}:role/some-role",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(name for name in OPERATIONS if not OPERATIONS[name].outside))
def test_a_denied_operation_names_the_permission_that_it_was_declared_with(cloud: Aws, name: str) -> None:
    cloud.switchboard.faults[name] = Fault("deny")
    service, _, method = name.partition(".")
    client = session.connect(ACCOUNT, cloud.settings(), tuple(OPERATIONS.values()), RateLimiter(5000)).client(
        service, HOME
    )
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    required = model.input_shape.required_members if model.input_shape else []
    params = {
        each: NAMED.get(each, f"arn:aws:{service}:{HOME}:{ACCOUNT}:some/thing") for each in required
    } | dict(OPERATIONS[name].fixed)  # fmt: skip
    found = failure(cloud, name, **params)
    assert (found.outcome, found.permission) == ("denied", OPERATIONS[name].permission)


def collected(cloud: Aws, scope: Scope, *tables: Any) -> Tables:
    """Some tables of one scope."""
    chosen = [one for one in COLLECTORS if one.provider == "aws" and one.table in tables]
    transport = session.connect(ACCOUNT, cloud.settings(), declared("aws", chosen), RateLimiter(5000))
    return collect(scope, transport, Memory(), CLOCK, chosen)


@pytest.mark.parametrize("name", ["iot.get_policy", "iot.list_targets_for_policy"])
def test_a_policy_that_goes_between_the_list_and_its_reading_costs_itself_alone(cloud: Aws, name: str) -> None:
    whole = collected(cloud, EUROPE, Policy, Principal)
    cloud.switchboard.faults[name] = Fault(
        "refuse", times=1, status=404, code="ResourceNotFoundException", message="policy does not exist"
    )
    after = collected(cloud, EUROPE, Policy, Principal)
    assert set(after.coverage["outcome"]) == {"read"}
    assert after.gaps.empty
    assert whole.unread.empty
    assert set(after.unread["cause"]) <= {"gone"}
    assert after.unread["resource"].nunique() <= 1
    assert len(whole.frames[Policy]) - 1 <= len(after.frames[Policy]) <= len(whole.frames[Policy])
    assert len(after.frames[Principal]) == len(whole.frames[Principal])


@pytest.mark.parametrize(
    ("name", "scope", "tables", "resources"),
    [
        ("iot.list_principal_things_v2", EUROPE, (Device, RoleAlias), 0),
        ("iot.list_principal_things_v2", EUROPE, (Principal,), 1),
        ("iot.describe_role_alias", EUROPE, (Principal,), 0),
        ("iot.get_policy", EUROPE, (ProvisioningTemplate, EdgeCore), 0),
        ("iot.list_targets_for_policy", EUROPE, (EdgeCore, Claim), 0),
        ("iot.describe_mitigation_action", EUROPE, (Detection,), 0),
        ("iot.describe_scheduled_audit", EUROPE, (Detection,), 0),
        ("iot.get_job_document", GLOBAL, (Store,), 0),
        ("iot.get_ota_update", GLOBAL, (Store,), 0),
    ],
)
def test_what_is_gone_leaves_what_was_read_beside_it(
    cloud: Aws, name: str, scope: Scope, tables: tuple[Any, ...], resources: int
) -> None:
    whole = collected(cloud, scope, *tables)
    cloud.switchboard.faults[name] = Fault("refuse", times=1, status=404, code="ResourceNotFoundException")
    after = collected(cloud, scope, *tables)
    assert cloud.switchboard.calls[name] > 1
    assert after.unread[after.unread["cause"] == "gone"]["resource"].nunique() == resources
    assert len(after.gaps) == len(whole.gaps)
    assert set(after.coverage["outcome"]) == set(whole.coverage["outcome"])


def test_a_thing_that_is_gone_is_lost(cloud: Aws) -> None:
    for name, params in (
        ("iot.get_policy", {"policyName": "a"}),
        ("iot.list_targets_for_policy", {"policyName": "a"}),
        ("kms.get_key_rotation_status", {"KeyId": "a"}),
        ("s3.get_bucket_acl", {"Bucket": "some-bucket"}),
    ):
        code = {"s3": "NoSuchBucket", "kms": "NotFoundException"}.get(name[:3].rstrip("."), "ResourceNotFoundException")
        refusing(cloud, name, code, "it does not exist", 404)
        found = failure(cloud, name, **params)
        assert isinstance(found, Lost)
        assert (found.outcome, found.cause, found.code) == ("read", "gone", code)


def test_what_a_declared_code_calls_absent_stays_absent(cloud: Aws) -> None:
    refusing(cloud, "sns.get_topic_attributes", "NotFound", "Topic does not exist", 404)
    transport = session.connect(ACCOUNT, cloud.settings(), tuple(OPERATIONS.values()), RateLimiter(5000))
    topic = {"TopicArn": f"arn:aws:sns:{HOME}:{ACCOUNT}:a"}
    _, error = drain(transport.send(OPERATIONS["sns.get_topic_attributes"], HOME, topic))
    assert isinstance(error, Absent) and not isinstance(error, Lost)


def organisation_trail(**facts: Any) -> dict[str, Any]:
    """The organisation's trail as a member account sees it."""
    arn = f"arn:aws:cloudtrail:{HOME}:{OWNER}:trail/organisation"
    whole = trail("organisation", multi=True) | {"TrailARN": arn, "IsOrganizationTrail": True}
    return whole | {"HasCustomEventSelectors": False} | facts


UNKNOWN_TRAIL = f"Unknown trail: arn:aws:cloudtrail:{HOME}:{OWNER}:trail/organisation for the user: {ACCOUNT}"
OTHER_ACCOUNT = f"AccountID in ARN is wrong, you can only access resources with AccountID {ACCOUNT}."


@pytest.mark.parametrize(
    ("custom", "logs", "code", "message", "recorded"),
    [
        (False, True, "TrailNotFoundException", UNKNOWN_TRAIL, True),
        (False, False, "TrailNotFoundException", UNKNOWN_TRAIL, False),
        (True, True, "TrailNotFoundException", UNKNOWN_TRAIL, None),
        (True, True, "CloudTrailARNInvalidException", OTHER_ACCOUNT, None),
        (True, True, "AccessDeniedException", "Access Denied", None),
        (True, True, "InvalidTrailNameException", "Invalid trail name", None),
        (True, False, "TrailNotFoundException", UNKNOWN_TRAIL, False),
        (False, None, "TrailNotFoundException", UNKNOWN_TRAIL, None),
    ],
)
def test_an_organisations_trail_tells_a_member_what_it_may(
    cloud: Aws, monkeypatch: pytest.MonkeyPatch, custom: bool, logs: bool | None, code: str, message: str,
    recorded: bool | None,
) -> None:  # fmt: skip
    seen = {"trailList": [organisation_trail(HasCustomEventSelectors=custom)]}
    monkeypatch.setitem(cloud.answers, "cloudtrail.describe_trails", lambda region, params: seen)
    monkeypatch.setitem(cloud.answers, "cloudtrail.get_trail_status", lambda region, params: {"IsLogging": logs})
    refusing(cloud, "cloudtrail.get_event_selectors", code, message, 400)
    if logs is None:
        refusing(cloud, "cloudtrail.get_trail_status", code, message, 400)
    found = collected(cloud, AMERICA, Recording)
    row = found.frames[Recording].set_index("name").loc["AWS CloudTrail in us-east-1"]
    assert (None if row["recorded"] is None or row.isna()["recorded"] else bool(row["recorded"])) is recorded
    assert set(found.coverage["outcome"]) == {"read"}
    causes = set(found.unread[found.unread["column"] == "recorded"]["cause"])
    assert causes == (set() if recorded is not None else {"out_of_scope_account"})
    if recorded is None:
        assert OWNER in found.unread["detail"].iloc[0]


def test_a_trail_of_the_account_itself_stays_denied(cloud: Aws) -> None:
    arn = f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/europe"
    cloud.switchboard.faults["cloudtrail.get_event_selectors"] = Fault("deny")
    found = failure(cloud, "cloudtrail.get_event_selectors", TrailName=arn)
    assert (found.outcome, found.permission) == ("denied", "cloudtrail:GetEventSelectors")
