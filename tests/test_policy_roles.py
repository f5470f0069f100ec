"""Roles behind aliases, claim certificates and custom topics, judged by the policy engine."""

from __future__ import annotations

import json

import pytest
from statements import HEAD, Statement, allow, deny, text

from checks.policy.device import Undecided, acts_on_others
from checks.policy.enrolment import exceeds_a_claim
from checks.policy.role import overly_permissive, reaches_other_devices_data
from checks.policy.topics import reaches_custom_topics_of_others

WIDE, SMALL = text(allow("iot:Connect", "*")), text(allow("iot:Connect", "client/pump1"))


def documents(*statements: Statement) -> str:
    """The policies of a role or certificate: a list of one document."""
    return f"[{text(*statements)}]"


AUDITING = ("iam", "cloudtrail", "guardduty", "inspector", "inspector2", "trustedadvisor")
DEVICE = """Connect Publish Subscribe Receive RetainPublish GetRetainedMessage ListRetainedMessages GetThingShadow
    UpdateThingShadow DeleteThingShadow ListNamedShadowsForThing DescribeJobExecution GetPendingJobExecutions
    StartNextPendingJobExecution UpdateJobExecution AssumeRoleWithCertificate DescribeEndpoint DescribeCertificate""".split()
ABOUT_A_THING = ("DescribeThing", "ListJobExecutionsForThing", "ListThingGroupsForThing", "ListThingPrincipals")
ADMINISTRATION = """AddThingToThingGroup AttachPolicy AttachPrincipalPolicy AttachThingPrincipal CancelJob CreateJob
    CreateKeysAndCertificate CreatePolicy CreatePolicyVersion CreateProvisioningClaim CreateRoleAlias CreateThing
    CreateTopicRule DeleteCertificate DeletePolicy DeleteThing DetachPolicy DetachThingPrincipal ListThings
    ListThingsInThingGroup RegisterCertificate RegisterThing RemoveThingFromThingGroup SearchIndex
    SetDefaultPolicyVersion UpdateCertificate UpdateThing UpdateThingGroupsForThing""".split()
STORED = """s3:GetObject s3:PutObject s3:DeleteObject dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem
    dynamodb:DeleteItem dynamodb:Query dynamodb:Scan dynamodb:BatchGetItem dynamodb:BatchWriteItem kinesisvideo:PutMedia
    kinesisvideo:GetMedia kinesis:GetRecords sqs:ReceiveMessage timestream:Select secretsmanager:GetSecretValue
    ssm:GetParameter ssm:GetParameters ssm:PutParameter""".split()


@pytest.mark.parametrize(
    ("statement", "wide"),
    [
        (allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetBucketLocation"], "*"), False),
        (allow("cloudwatch:PutMetricData", "*"), False),
        (allow("iot:DescribeCertificate", "*"), False),
        (allow("s3:Get*", "arn:aws:s3:::firmware/*"), False),
        (allow("iot:Publish", "topic/pumps/${credentials-iot:ThingName}/*"), False),
        (allow("iot:Connect", "client/${cognito-identity.amazonaws.com:sub}"), False),
        (allow("iot:DescribeThing", "thing/MyThing*"), False),
        (allow("logs:*", "*"), True),
        (allow("dynamodb:?*", "*"), True),
        (allow("*", "arn:aws:s3:::firmware/*"), True),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, True),
        (allow("guardduty:ListFindings", "*"), True),
        (allow("iam:PassRole", "arn:aws:iam::123456789012:role/x"), True),
        (allow("iot:UpdateThing", "thing/pump1"), True),
        (allow("iot:Update*", "*"), True),
        (allow("iot:CreateSomethingNew", "*"), True),
        (allow("iot:DescribeThing", "thing/*"), True),
        (allow("iot:Publish", "*"), True),
        (allow("iotjobsdata:UpdateJobExecution", "thing/*"), True),
        (allow("iot:Pub*", "topic/pump1"), False),
        (allow("iot:Publis?", "topic/pump1"), False),
        (allow("s?:*", "*"), True),
        (allow("inspecto?:ListFindings", "*"), True),
        ({"Effect": "Allow", "NotAction": ["s3:*", "iot:*", "iam:*", "cloudtrail:*"], "Resource": "*"}, True),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::logs/*"}, True),
        *[(allow(f"{service}:List", "arn:aws:x:::y"), True) for service in AUDITING],
        *[(allow(f"iot:{action}", "topic/pump1"), False) for action in DEVICE],
        *[(allow(f"iot:{action}", "thing/pump1"), False) for action in ABOUT_A_THING],
        *[(allow(f"iot:{action}", "thing/*"), True) for action in ABOUT_A_THING],
        *[(allow(f"iot:{action[:-1]}?", "*"), True) for action in ADMINISTRATION],
    ],
    ids=lambda value: json.dumps(value)[20:90] if isinstance(value, dict) else str(value),
)  # fmt: skip
def test_a_role_is_overly_permissive_as_device_defender_describes_it(statement: Statement, wide: bool) -> None:
    assert overly_permissive(documents(statement)) == wide
    assert not overly_permissive(documents(statement, deny("*", "*")))


def test_a_deny_on_a_condition_or_on_less_leaves_a_role_as_it_was() -> None:
    wide = allow("s3:*", "arn:aws:s3:::logs/*")
    assert overly_permissive(documents(wide, deny("s3:*", "*", Condition={"Bool": {"aws:SecureTransport": "false"}})))
    assert overly_permissive(documents(wide, deny("s3:*", "arn:aws:s3:::logs/a*")))
    assert not overly_permissive(documents(wide, deny("s3:*", "arn:aws:s3:::l*")))
    assert not overly_permissive(documents(wide, deny("s3:*", ["arn:aws:s3:::x", "arn:aws:s3:::l*"])))
    assert overly_permissive(documents(wide, deny("logs:*", "*")))
    two = allow("s3:*", ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])
    assert overly_permissive(documents(two, deny("s3:*", "arn:aws:s3:::a/*")))
    assert not overly_permissive(documents(two, deny("s3:*", ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])))
    complement = {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::a/*"}
    assert overly_permissive(documents(complement, deny("s3:*", "arn:aws:s3:::l*")))
    assert not overly_permissive(documents(complement, deny("s3:*", "*")))


@pytest.mark.parametrize("action", ["s3:*", "iam:*", "iot:Attach*", "*"])
def test_a_deny_grants_nothing_whatever_its_condition(action: str) -> None:
    assert not overly_permissive(documents(deny(action, "*", Condition={"Bool": {"aws:SecureTransport": "false"}})))


@pytest.mark.parametrize("action", STORED)
def test_a_role_that_reads_or_writes_stored_data_by_wildcard_reaches_that_of_other_devices(action: str) -> None:
    assert reaches_other_devices_data(documents(allow(action, ["arn:aws:s3:::one", "arn:aws:s3:::logs/*"])))
    assert reaches_other_devices_data(documents(allow(action, "arn:aws:s3:::logs/?")))
    assert not reaches_other_devices_data(documents(allow(action, "arn:aws:s3:::one")))


def test_a_role_tells_devices_apart_or_only_appends() -> None:
    write = allow("s3:PutObject", "arn:aws:s3:::logs/*")
    own = {"StringEquals": {"s3:prefix": "${credentials-iot:AwsCertificateId}"}}
    assert reaches_other_devices_data(documents(write))
    assert reaches_other_devices_data(documents({**write, "Resource": "*", "Action": "s3:*"}))
    assert reaches_other_devices_data(documents({"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:x"}))
    assert not reaches_other_devices_data(documents({**write, "Condition": own}))
    assert not reaches_other_devices_data(
        documents(allow("s3:PutObject", "arn:aws:s3:::l/${credentials-iot:ThingName}/*"))
    )
    assert not reaches_other_devices_data(documents(allow(["firehose:PutRecord", "kinesis:PutRecord", "logs:*"], "*")))
    assert not reaches_other_devices_data(documents(allow("dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:1:table/x")))


CLAIM = [
    allow("iot:Connect", "*"),
    allow(["iot:Publish", "iot:Receive"], ["topic/$aws/certificates/create/*", "topic/$aws/provisioning-templates/fleet/provision/*"]),
    allow("iot:Subscribe", ["topicfilter/$aws/certificates/create/*", "topicfilter/$aws/provisioning-templates/fleet/provision/*"]),
]  # fmt: skip


def test_the_vendors_claim_policy_is_a_claim_and_no_more() -> None:
    assert not exceeds_a_claim(documents(*CLAIM))


@pytest.mark.parametrize(
    "more",
    [
        allow("iot:Publish", "topic/pumps/a"),
        allow("iot:Subscribe", "topicfilter/*"),
        allow("iot:GetThingShadow", "thing/a"),
        allow("iot:AssumeRoleWithCertificate", "rolealias/a"),
        allow("iot:Publish", "topic/$aws/provisioning-templates/*/provision/*"),
        allow("iot:Publish", "topic/$aws/provisioning-templates/another/provision/*"),
        {"Effect": "Allow", "Action": "iot:Publish", "NotResource": HEAD + "topic/a"},
    ],
    ids=lambda s: str(s.get("Resource") or "complement")[-40:],
)
def test_a_claim_certificate_with_any_more_exceeds(more: Statement) -> None:
    assert exceeds_a_claim(documents(*CLAIM, more))
    assert (
        not exceeds_a_claim(documents(*CLAIM, more, *([deny("*", "*")] if "Resource" in more else [])))
        or "NotResource" in more
    )


@pytest.mark.parametrize(
    ("action", "resource", "found"),
    [
        ("Publish", "topic/pumps/*/data", True),
        ("Publish", "topic/*", True),
        ("Publish", "*", True),
        ("Subscribe", "topicfilter/pumps/+/data", True),
        ("Subscribe", "topicfilter/#", True),
        ("Publish", "topic/pumps/+/data", False),
        ("Publish", "topic/pumps/${iot:Connection.Thing.ThingName}/*/data", False),
        ("Publish", "topic/pumps/news", False),
        ("Publish", "topicfilter/pumps/*/data", False),
        ("Publish", "topic/$aws/things/*/shadow/update", False),
        ("Subscribe", "topicfilter/pumps/#", None),
        ("Publish", "topic/pumps/*", None),
    ],
)
def test_custom_topics_name_the_device_before_their_last_level(action: str, resource: str, found: bool | None) -> None:
    document = text(allow(f"iot:{action}", resource))
    if found is None:
        with pytest.raises(Undecided):
            reaches_custom_topics_of_others(document)
    else:
        assert reaches_custom_topics_of_others(document) == found
    assert not reaches_custom_topics_of_others(text(allow(f"iot:{action}", resource), deny("iot:*", "*")))


def test_an_unconditional_deny_takes_the_thing_calls_away() -> None:
    assert acts_on_others(text(allow("iot:UpdateThingShadow", "thing/*")))
    assert not acts_on_others(text(allow("iot:UpdateThingShadow", "thing/*"), deny("iot:*Shadow", "*")))
