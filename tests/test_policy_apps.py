"""IAM roles of an app's users and of topic rules, and AWS IoT policies on gateways, judged by the policy engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks.policy.app import PAIR, too_much_for_a_guest, too_much_for_a_user
from checks.policy.gateway import speaks_for_everyone
from checks.policy.rule import does_more

QUEUE = "arn:aws:sqs:eu-west-1:1:orders"
SUB = "${cognito-identity.amazonaws.com:sub}"


def documents(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> str:
    """A list of one policy of one statement."""
    return json.dumps([{"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}])


def several(*statements: dict[str, Any]) -> str:
    """A list of one policy of some statements, laid out over lines."""
    return json.dumps([{"Statement": statements}], indent=1)


def iot(resource: str) -> str:
    """An ARN of AWS IoT."""
    return f"arn:aws:iot:eu-west-1:123456789012:{resource}"


DATA = [
    ("Connect", "client"), ("Publish", "topic"), ("Receive", "topic"), ("Subscribe", "topicfilter"),
    ("GetThingShadow", "thing"), ("UpdateThingShadow", "thing"), ("DeleteThingShadow", "thing"),
    ("ListNamedShadowsForThing", "thing"), ("GetRetainedMessage", "topic"), ("RetainPublish", "topic"),
]  # fmt: skip
RESERVED = [("Publish", "topic"), ("Receive", "topic"), ("Subscribe", "topicfilter")]
READS = ("DescribeThing", "ListJobExecutionsForThing", "ListThingGroupsForThing", "ListThingPrincipals")
ADMINISTRATION = [
    "AddThingToThingGroup",
    "AttachThingPrincipal",
    "CreateThing",
    "DeleteThing",
    "DetachThingPrincipal",
    "ListThings",
    "ListThingsInThingGroup",
    "RegisterThing",
    "RemoveThingFromThingGroup",
    "UpdateThing",
    "UpdateThingGroupsForThing",
    "AttachPolicy",
    "AttachPrincipalPolicy",
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeletePolicy",
    "GetPolicy",
    "ListPolicies",
    "CreateJob",
    "CancelJob",
    "DescribeJob",
    "CreateKeysAndCertificate",
    "CreateCertificateFromCsr",
    "RegisterCertificate",
    "UpdateCertificate",
    "DescribeCertificate",
    "ListCertificates",
    "CreateTopicRule",
    "ReplaceTopicRule",
    "CreateRoleAlias",
    "CreateProvisioningClaim",
    "OpenTunnel",
    "SearchIndex",
    "SetV2LoggingOptions",
]


@pytest.mark.parametrize(
    ("held", "guest", "user"),
    [
        (documents("iot:Publish", iot(f"topic/app/{SUB}/*")), False, False),
        (documents("iot:Publish", iot("topic/app/*")), False, False),
        (documents("iot:Publish", iot("topic/$aws/things/*")), True, False),
        (documents("iot:Connect", Condition={"StringEquals": {"iot:ClientId": SUB}}), False, False),
        (documents(["iot:Connect", "iot:Subscribe"]), True, False),
        (documents("iot:DescribeEndpoint"), False, False),
        (documents("iot:DescribeThing", iot("thing/MyThing*")), False, False),
        (documents("iot:DescribeThing", iot("thing/*")), True, True),
        (documents("iot:*", iot("topic/app")), True, True),
        (documents("IOT:attachpolicy"), True, True),
        (documents("iot:SomethingBrandNew"), True, True),
        (documents("*"), True, True),
        (documents("s3:*"), False, False),
        (documents("iot:*", effect="Deny"), False, False),
        ("[]", False, False),
        (documents("s3:GetObject"), False, False),
        (documents("iot:Connect", [iot("client/app"), iot("client/*")]), True, False),
        (documents("iot:Connect", iot("client/app")), False, False),
        *[(documents("iot:Connect", iot(f"client/{name}")), False, False) for name in PAIR],
        (documents("iot:Connect", iot("client/??????????")), True, False),
        *[(documents("iot:Connect", iot(f"client/{name}*")), False, False) for name in PAIR],
        *[(documents(f"iot:{action}", iot(f"{kind}/*")), True, False) for action, kind in DATA],
        *[(documents(f"iot:{action}", iot(f"{kind}/$aws/things/*")), True, False) for action, kind in RESERVED],
        (documents("iot:ListRetainedMessages"), True, False),
        *[(documents(f"iot:{action}", iot("thing/*")), True, True) for action in READS],
        *[(documents(f"iot:{action}", iot("thing/pump1")), False, False) for action in READS],
        *[(documents(f"iot:{action[:-1]}?"), True, True) for action in ADMINISTRATION],
    ],
)
def test_what_app_users_may_do_is_judged_by_what_it_reaches(held: str, guest: bool, user: bool) -> None:
    assert too_much_for_a_guest(held) is guest
    assert too_much_for_a_user(held) is user


def test_a_complement_grants_administration() -> None:
    assert too_much_for_a_user('[{"Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}]')
    assert not too_much_for_a_user('[{"Statement": {"Effect": "Allow", "NotAction": "iot:*", "Resource": "*"}}]')


def test_a_deny_of_administration_takes_it_away() -> None:
    both = [
        {"Effect": "Allow", "Action": "iot:DeleteThing", "Resource": "*"},
        {"Effect": "Deny", "Action": "iot:Delete*", "Resource": "*"},
    ]
    assert not too_much_for_a_user(json.dumps([{"Statement": both}]))


MESSAGES = ("Connect", "Publish", "Subscribe", "Receive", "GetThingShadow", "UpdateThingShadow", "DeleteThingShadow")
ANYONE = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
SECURE = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}


@pytest.mark.parametrize(
    ("statements", "guest"),
    [
        ([ANYONE], True),
        ([{"Effect": "Allow", "Action": "iot:Connect", "NotResource": iot("client/app")}], True),
        ([{"Effect": "Allow", "Action": "iot:Connect", "NotResource": [iot("topic/a"), iot("client/*")]}], False),
        ([ANYONE, {**ANYONE, "Effect": "Deny"}], False),
        ([ANYONE, {**ANYONE, "Effect": "Deny", **SECURE}], True),
        ([ANYONE, {**ANYONE, "Effect": "Deny", "Resource": iot("client/app")}], True),
        ([ANYONE, {**ANYONE, "Effect": "Deny", "Action": "iot:Publish"}], True),
        ([{**ANYONE, "Effect": "Deny", **SECURE}], False),
        ([ANYONE, {**ANYONE, "Condition": {"StringEquals": {"iot:ClientId": SUB}}}], True),
    ],
)
def test_what_guests_may_do_is_what_is_allowed_and_not_denied(statements: list[Any], guest: bool) -> None:
    assert too_much_for_a_guest(json.dumps([{"Statement": statements}])) is guest


@pytest.mark.parametrize(
    ("held", "everyone"),
    [
        (documents("iot:Publish"), True),
        (documents("iot:*", iot("topic/*")), True),
        (documents("greengrass:*"), True),
        (documents("iot:Connect", iot("client/core*")), False),
        (documents(["greengrass:GetDeploymentConfiguration", "iot:AssumeRoleWithCertificate"]), False),
        (documents("iot:Publish", effect="Deny"), False),
        *[(documents("iot:Connect", iot(f"{kind}/*")), True) for kind in ("client", "topic", "topicfilter", "thing")],
        *[(documents(f"iot:{action}"), True) for action in MESSAGES],
        (documents("iot:Connect", [iot("client/core"), iot("client/*")]), True),
        (documents("iot:Connect", iot("jobs/*")), False),
        (several({"Effect": "Allow", "Action": "iot:Connect", "NotResource": iot("client/a")}), True),
        (several({**ANYONE, "Resource": iot("client/a")}, ANYONE), True),
        (several(), False),
    ],
)
def test_a_core_is_judged_by_what_its_policy_says_and_not_by_its_name(held: str, everyone: bool) -> None:
    assert speaks_for_everyone(held) is everyone


@pytest.mark.parametrize(
    ("service", "held", "more"),
    [
        ("sqs", documents("sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:orders"), False),
        ("sqs", documents(["sqs:SendMessage", "kms:Decrypt"], "arn:aws:kms:eu-west-1:1:key/1-2"), False),
        ("s3", documents("s3:PutObject", "arn:aws:s3:::lake/*"), False),
        ("s3", documents("s3:PutObject", "arn:aws:s3:::*"), True),
        ("s3", documents("s3:Put*", "arn:aws:s3:::lake/*"), True),
        ("dynamodb", documents("dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:1:table/*"), True),
        ("logs", documents("logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:iot:*"), False),
        ("cloudwatch", documents("cloudwatch:PutMetricData"), False),
        ("timestream", documents("timestream:DescribeEndpoints"), False),
        ("timestream", documents("timestream:WriteRecords"), True),
        ("sqs", documents("iam:PassRole", "arn:aws:iam::1:role/x"), True),
        ("sqs", documents(["sqs:SendMessage", "sqs:Sen?"], QUEUE), True),
        ("sqs", documents(["sqs:SendMessage", "s3:PutObject"], QUEUE), True),
        ("sqs", documents("SQS:SendMessage", QUEUE), False),
        ("sqs", documents("sqs:a:b", QUEUE), False),
        ("sqs", documents("sqs:SendMessage", [QUEUE, "*"]), True),
        ("sqs", documents(["sqs:SendMessage", "cloudwatch:PutMetricData"]), True),
        ("sqs", documents("sqs:*", effect="Deny"), False),
        ("sqs", several({"Effect": "Allow", "NotAction": "sqs:SendMessage", "Resource": QUEUE}), True),
        ("sqs", several({"Effect": "Allow", "Action": "sqs:SendMessage", "NotResource": QUEUE}), True),
        ("sqs", several({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE}, ANYONE), True),
        ("sqs", "\n" + several({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE}), False),
    ],
)
def test_a_rule_role_does_more_by_wildcards_or_other_services(service: str, held: str, more: bool) -> None:
    assert does_more(f"{service}\n{held}") is more
