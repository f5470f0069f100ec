"""Roles behind aliases, claim certificates and custom topics, judged by the policy engine."""

from __future__ import annotations

import json

import pytest
from statements import HEAD, Statement, allow, deny, text

from checks.policy.device import (
    Undecided,
    acts_on_others,
    allows_every_action,
    assumes_any_role,
    connects_as_anyone,
    device,
    listens_to_others,
    publishes_for_others,
)
from checks.policy.enrolment import exceeds_a_claim
from checks.policy.role import overly_permissive, reaches_other_devices_data
from checks.policy.topics import (
    leaves_connecting_to_others,
    reaches_custom_topics_of_others,
    trusts_a_chosen_client_id,
)

WIDE, SMALL = text(allow("iot:Connect", "*")), text(allow("iot:Connect", "client/pump1"))


def documents(*statements: Statement) -> str:
    """The policies of a role or certificate: a list of one document."""
    return f"[{text(*statements)}]"


AUDITING = ("iam", "cloudtrail", "guardduty", "inspector", "inspector2", "trustedadvisor")
DEVICE = [
    "Connect",
    "Publish",
    "Subscribe",
    "Receive",
    "RetainPublish",
    "GetRetainedMessage",
    "ListRetainedMessages",
    "GetThingShadow",
    "UpdateThingShadow",
    "DeleteThingShadow",
    "ListNamedShadowsForThing",
    "DescribeJobExecution",
    "GetPendingJobExecutions",
    "StartNextPendingJobExecution",
    "UpdateJobExecution",
    "AssumeRoleWithCertificate",
    "DescribeEndpoint",
    "DescribeCertificate",
]
ABOUT_A_THING = ("DescribeThing", "ListJobExecutionsForThing", "ListThingGroupsForThing", "ListThingPrincipals")
ADMINISTRATION = [
    "AddThingToThingGroup",
    "AttachPolicy",
    "AttachPrincipalPolicy",
    "AttachThingPrincipal",
    "CancelJob",
    "CreateJob",
    "CreateKeysAndCertificate",
    "CreatePolicy",
    "CreatePolicyVersion",
    "CreateProvisioningClaim",
    "CreateRoleAlias",
    "CreateThing",
    "CreateTopicRule",
    "DeleteCertificate",
    "DeletePolicy",
    "DeleteThing",
    "DetachPolicy",
    "DetachThingPrincipal",
    "ListThings",
    "ListThingsInThingGroup",
    "RegisterCertificate",
    "RegisterThing",
    "RemoveThingFromThingGroup",
    "SearchIndex",
    "SetDefaultPolicyVersion",
    "UpdateCertificate",
    "UpdateThing",
    "UpdateThingGroupsForThing",
]
STORED = [
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "kinesisvideo:PutMedia",
    "kinesisvideo:GetMedia",
    "kinesis:GetRecords",
    "sqs:ReceiveMessage",
    "timestream:Select",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:PutParameter",
]


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


FLEET = "topic/$aws/provisioning-templates/fleet/provision/*"


@pytest.mark.parametrize(
    ("statement", "exceeds"),
    [
        (allow("iot:Publish", FLEET), False),
        (allow("iot:Publish", FLEET.replace("fleet", "fleetX")), False),
        (allow("iot:Publish", FLEET.replace("fleet", "fl*")), True),
        (allow("iot:Publish", FLEET.replace("fleet", "fl?")), True),
        (allow("iot:Publish", FLEET.replace("fleet", "*")), True),
        (allow("iot:Publish", FLEET.replace("fleet", "${iot:CertificateId}")), True),
        (allow("iot:Publish", FLEET.replace("fleet", "")), True),
        (allow("iot:Publish", FLEET.replace("fleet", "a/b")), True),
        (allow("iot:Publish", FLEET.replace("/provision/*", "")), True),
        (allow("iot:Publish", "topic/fleet/provision/a"), True),
        (allow("iot:Publish", [FLEET, FLEET.replace("fleet", "other")]), True),
        (
            allow("iot:Publish", ["topic/$aws/certificates/create/json", "topic/$aws/certificates/create-from-csr/*"]),
            False,
        ),
        (allow("iot:Publish", "topic/$aws/certificates/cre*"), True),
        (allow("iot:Subscribe", "topicfilter/$aws/provisioning-templates/+/provision/#"), True),
        (allow("iot:Publish", "topicfilter/pumps"), False),
        (allow("iot:Receive", "topic/pumps"), False),
        (allow("iot:Connect", "*"), False),
        (allow("iot:GetThingShadow", "topic/pumps"), False),
        (allow("iot:GetThingShadow", ["topic/pumps", "thing/a"]), True),
        (allow("iotjobsdata:UpdateJobExecution", "thing/a"), True),
        (allow("iot:AssumeRoleWithCertificate", "thing/a"), False),
        ({"Effect": "Allow", "Action": "iot:GetThingShadow", "NotResource": HEAD + "thing/a"}, True),
        ({"Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "NotResource": HEAD + "rolealias/a"}, True),
    ],
    ids=lambda value: json.dumps(value)[20:99] if isinstance(value, dict) else str(value),
)
def test_a_claim_asks_one_template_and_nothing_else(statement: Statement, exceeds: bool) -> None:
    assert exceeds_a_claim(documents(statement)) is exceeds


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
        ("Publish", "topic/*-?", True),
        ("Publish", "topic/pumps/?/data", True),
        ("Publish", "topic/pumps/*/data-*", True),
        ("Publish", "topic/pumps/-*", None),
        ("Publish", "topic*", True),
        ("Publish", "top*/data", True),
        ("Publish", "?opic/*", True),
        ("Publish", "*/pumps", True),
        ("Publish", "cli*", False),
        ("Publish", "topic", False),
        ("Publish", "topic/", False),
        ("Publish", "topic/${iot:CertificateId}/*/data", False),
        ("Publish", "topic/${iot:ClientId}/*/data", False),
        ("Subscribe", "topicfilter/pumps/#/x", True),
        ("Subscribe", "topic/*", False),
        ("Subscribe", "topicfilter/*", True),
        ("Receive", "topic/*", False),
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


CUSTOM: dict[str, tuple[list[Statement], bool | None]] = {
    "the client id, which any may be": ([allow("iot:Publish", "topic/${iot:ClientId}/*"), allow("iot:Connect", "client/*")], True),
    "the client id, which is bounded": ([allow("iot:Publish", "topic/${iot:ClientId}/*"), allow("iot:Connect", "client/a")], False),
    "another service beside": ([allow("iot:Publish", ["arn:aws:s3:::x", "topic/*"])], True),
    "all but a topic": ([{"Effect": "Allow", "Action": "iot:Publish", "NotResource": HEAD + "topic/a"}], True),
    "denied, and one that is not": ([allow("iot:Publish", ["topic/a/*/x", "topic/b/*/x"]), deny("iot:*", "topic/a/*")], True),
    "what a Deny on a condition names": (
        [allow("iot:Publish", "topic/a/*"), deny("iot:Publish", "topic/a/*/x", Condition={"Bool": {"k": "true"}})], None),
    "what another action names": ([allow("iot:Publish", "topic/a/*"), allow("iot:Receive", "topic/a/*/x")], None),
    "another type that reads alike": ([allow("iot:Publish", ["topic/t/*", "client/*/x"])], None),
    "nothing": ([], False),
}  # fmt: skip


@pytest.mark.parametrize("name", CUSTOM)
def test_custom_topics_are_those_that_are_allowed(name: str) -> None:
    statements, found = CUSTOM[name]
    if found is None:
        with pytest.raises(Undecided, match="which level of the topics names the device"):
            reaches_custom_topics_of_others(text(*statements))
    else:
        assert reaches_custom_topics_of_others(text(*statements)) is found


SCOPED = [
    ("iot:Publish", "topic/{}/a"), ("iot:Subscribe", "topicfilter/{}/a"), ("iot:Receive", "topic/{}/a"),
    ("iot:RetainPublish", "topic/{}/a"), ("iot:GetRetainedMessage", "topic/{}/a"), ("iot:GetThingShadow", "thing/{}"),
    ("iot:UpdateThingShadow", "thing/{}"), ("iot:DeleteThingShadow", "thing/{}"), ("iot:UpdateJobExecution", "thing/{}"),
    ("iotjobsdata:GetPendingJobExecutions", "thing/{}"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "resource"), SCOPED)
def test_a_scope_by_the_client_id_asks_for_a_connect_that_binds_it(action: str, resource: str) -> None:
    scoped = allow(action, ["arn:aws:s3:::x", resource.replace("{}", "${iot:ClientId}")])
    named = allow(action, resource.replace("{}", "pump1"))
    anyone, refusal = allow("iot:Connect", "client/*"), deny("iot:Connect", "client/a")
    assert trusts_a_chosen_client_id(text(scoped, anyone))
    assert not trusts_a_chosen_client_id(text(scoped))
    assert not trusts_a_chosen_client_id(text(named, anyone))
    assert not trusts_a_chosen_client_id(text({**scoped, "Effect": "Deny"}, anyone))
    assert leaves_connecting_to_others(text(scoped))
    assert leaves_connecting_to_others(text(scoped, refusal))
    assert not leaves_connecting_to_others(text(scoped, anyone))
    assert not leaves_connecting_to_others(text(named))


def test_a_client_id_in_a_connect_scopes_nothing() -> None:
    assert not trusts_a_chosen_client_id(text(allow("iot:Connect", ["client/*", "client/${iot:ClientId}"])))
    assert not leaves_connecting_to_others(text(allow("iot:AssumeRoleWithCertificate", "rolealias/${iot:ClientId}")))


RIGHTS = {
    "connect": connects_as_anyone,
    "publish": publishes_for_others,
    "subscribe": listens_to_others,
    "call": acts_on_others,
    "assume": assumes_any_role,
}
ANYONE = allow("iot:Connect", "client/*")
OWN = "topic/$aws/things/${iot:ClientId}/*"
ASKED: dict[str, tuple[list[Statement], str]] = {
    "the own client id is any, where any may connect": ([ANYONE, allow("iot:Publish", OWN)], "connect publish"),
    "a Deny of the own client id spares others": (
        [ANYONE, allow("iot:Publish", "topic/$aws/things/*"), deny("iot:Publish", OWN)], "connect publish"),
    "all but the own": ([ANYONE, {"Effect": "Allow", "Action": "iot:Publish", "NotResource": HEAD + OWN}], "connect publish"),
    "denied but for the own": (
        [ANYONE, allow("iot:Publish", "*"), {"Effect": "Deny", "Action": "iot:Publish", "NotResource": HEAD + OWN}],
        "connect publish"),
    "denied but for the own, which is bounded": (
        [allow("iot:Connect", "client/a"), allow("iot:Publish", "*"),
         {"Effect": "Deny", "Action": "iot:Publish", "NotResource": HEAD + OWN}], ""),
    "any role": ([allow("iot:AssumeRoleWithCertificate", "rolealias/*")], "assume"),
    "a role with a slash": ([allow("iot:AssumeRoleWithCertificate", "rolealias/?/?")], ""),
    "one role": ([allow("iot:AssumeRoleWithCertificate", "rolealias/pumps")], ""),
    "a role by variable": ([allow("iot:AssumeRoleWithCertificate", "rolealias/${iot:CertificateId}")], ""),
    "every action": ([allow("iot:*", "*")], "connect publish subscribe call assume"),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_each_right_is_asked_for_by_itself(name: str) -> None:
    statements, rights = ASKED[name]
    assert [right for right, question in RIGHTS.items() if question(text(*statements))] == rights.split()


def test_the_role_aliases_that_show_it_are_named() -> None:
    found = device(text(allow("iot:AssumeRoleWithCertificate", "rolealias/*"))).assumes
    assert found
    assert found.text == (
        "role alias `b` and role alias `c` are both allowed by statement 1 (iot:AssumeRoleWithCertificate)"
    )


@pytest.mark.parametrize(
    ("right", "action", "resource"),
    [
        ("connect", "iot:Connect", "client/${iot:Foo}"),
        ("publish", "iot:Publish", "topic/$aws/things/${iot:Foo}/shadow/update"),
        ("subscribe", "iot:Subscribe", "topicfilter/$aws/things/${iot:Foo}/#"),
        ("call", "iot:GetThingShadow", "thing/${iot:Foo}"),
        ("assume", "iot:AssumeRoleWithCertificate", "rolealias/${iot:Foo}"),
    ],
)
def test_a_variable_nobody_documents_leaves_a_right_open(right: str, action: str, resource: str) -> None:
    for asked, question in RIGHTS.items():
        if asked == right:
            with pytest.raises(Undecided, match=r"^\$\{iot:foo\}$"):
                question(text(allow(action, resource)))
            assert not question(text(allow(action, resource), deny(action, "*")))
            assert question(text(allow(action, resource), allow(action, "*")))
        else:
            assert not question(text(allow(action, resource)))


@pytest.mark.parametrize(
    ("statement", "all_of_them"),
    [
        (allow("iot:*", "*"), True),
        (allow("*", ["topic/a", "topic/b"]), True),
        (allow("greengrass:*", "topic/*"), True),
        (allow("iot:*", "topic/?"), True),
        (allow("iot:*", "topic/${iot:ClientId}"), True),
        (allow("iot:*", "topic/a"), False),
        (allow("iot:Publish", "*"), False),
        (allow("s3:*", "*"), False),
        (deny("iot:*", "*"), False),
        ({"Effect": "Allow", "NotAction": "iot:Publish", "Resource": "*"}, True),
        ({"Effect": "Allow", "Action": "iot:*", "NotResource": HEAD + "topic/a"}, True),
    ],
)
def test_every_action_is_allowed_where_one_that_does_not_exist_yet_is(statement: Statement, all_of_them: bool) -> None:
    assert allows_every_action(text(statement, allow("iot:Publish", "topic/a"))) is all_of_them
    assert allows_every_action(text(statement)) is all_of_them
