"""Policies of the lab's AWS estate: those of devices in AWS IoT, those of people and roles in IAM."""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from moto.iam.models import AWSManagedPolicy, iam_backends

Document = dict[str, Any]
ACCOUNT = "123456789012"
"""The account of the estate."""
asking: ContextVar[str] = ContextVar("asking", default=ACCOUNT)
"""The account whose credentials a request was signed with."""
REGIONS = ("eu-west-1", "us-east-1")
HOME = REGIONS[0]
HERE = f"arn:aws:iot:{HOME}:{ACCOUNT}:"
THING = "${iot:Connection.Thing.ThingName}"
ATTACHED = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}


def policy(*statements: Document) -> Document:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str], resource: str | list[str], condition: Document | None = None) -> Document:
    """An Allow statement."""
    found: Document = {"Effect": "Allow", "Action": action, "Resource": resource}
    return found | ({"Condition": condition} if condition else {})


def deny(action: str | list[str], resource: str | list[str]) -> Document:
    """A Deny statement."""
    return {"Effect": "Deny", "Action": action, "Resource": resource}


CONNECT = allow("iot:Connect", f"{HERE}client/{THING}", ATTACHED)
CONTROL_ROOM = (
    CONNECT,
    allow("iot:Subscribe", f"{HERE}topicfilter/building/*"),
    deny("iot:Subscribe", f"{HERE}topicfilter/building/control_room/*"),
    allow("iot:Receive", f"{HERE}topic/building/*"),
)
CLAIM = (
    allow("iot:Connect", "*"),
    allow(["iot:Publish", "iot:Receive"], [f"{HERE}topic/$aws/certificates/create/*", f"{HERE}topic/$aws/provisioning-templates/meters/provision/*"]),
    allow("iot:Subscribe", [f"{HERE}topicfilter/$aws/certificates/create/*", f"{HERE}topicfilter/$aws/provisioning-templates/meters/provision/*"]),
)  # fmt: skip

POLICIES: dict[str, dict[str, Document]] = {
    HOME: {
        "MeterDevice": policy(
            CONNECT,
            allow("iot:Publish", [f"{HERE}topic/brightwater/{THING}/telemetry", f"{HERE}topic/$aws/things/{THING}/shadow/*"]),
            allow("iot:Subscribe", [f"{HERE}topicfilter/$aws/things/{THING}/shadow/*", f"{HERE}topicfilter/$aws/things/{THING}/jobs/*"]),
            allow("iot:Receive", f"{HERE}topic/$aws/things/{THING}/*"),
            allow("iot:AssumeRoleWithCertificate", f"{HERE}rolealias/MeterUpload"),
        ),
        "PumpController": policy(
            CONNECT,
            allow(["iot:Publish", "iot:Receive"], f"{HERE}topic/brightwater/{THING}/*"),
            allow(["iot:GetThingShadow", "iot:UpdateThingShadow"], f"{HERE}thing/{THING}"),
        ),
        "ValveService": policy(
            CONNECT,
            allow("iot:Subscribe", f"{HERE}topicfilter/$aws/things/+/shadow/update"),
            allow(["iot:GetThingShadow", "iot:UpdateThingShadow"], f"{HERE}thing/*"),
        ),
        "GatewayLegacy": policy(allow("iot:*", "*")),
        "FieldTest-2019": policy(
            allow("iot:Connect", f"{HERE}client/*"),
            allow("iot:Publish", f"{HERE}topic/$aws/things/*/shadow/update"),
            allow("iot:AssumeRoleWithCertificate", "*"),
        ),
        "SamplerClientId": policy(
            allow("iot:Connect", f"{HERE}client/${{iot:ClientId}}"),
            allow("iot:Publish", f"{HERE}topic/brightwater/${{iot:ClientId}}/telemetry"),
        ),
        "DashboardAllSites": policy(CONNECT, allow("iot:Subscribe", f"{HERE}topicfilter/brightwater/*/telemetry")),
        "ControlRoomLiteral": policy(
            CONNECT,
            allow("iot:Subscribe", f"{HERE}topicfilter/building/lobby"),
            deny("iot:Subscribe", f"{HERE}topicfilter/building/control_room/#"),
        ),
        "ControlRoomLeak": policy(*CONTROL_ROOM),
        "ControlRoomSealed": policy(*CONTROL_ROOM, deny("iot:Receive", f"{HERE}topic/building/control_room/*")),
        "ProvisioningClaim": policy(*CLAIM),
        "ProvisioningClaimAnyTemplate": policy(
            allow("iot:Connect", "*"),
            allow(["iot:Publish", "iot:Receive"], [f"{HERE}topic/$aws/certificates/create/*", f"{HERE}topic/$aws/provisioning-templates/*"]),
            allow("iot:UpdateThingShadow", "*"),
        ),
        "TypingSlip": policy(allow("iot:Connect", f"{HERE}client/${{iot:Thing.ThingName}}", ATTACHED)),
        "=1+1,cmd@calc": policy(CONNECT),
    },
    "us-east-1": {"PilotEverything": policy(allow(["iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive"], "*"))},
}  # fmt: skip

ALIASES = (
    ("MeterUpload", f"arn:aws:iam::{ACCOUNT}:role/MeterUpload", 3600),
    ("GatewayAdmin", f"arn:aws:iam::{ACCOUNT}:role/GatewayAdmin", 43200),
    ("PumpStream", f"arn:aws:iam::{ACCOUNT}:role/PumpStream", 900),
    ("=cmd,partner@x", "arn:aws:iam::999988887777:role/PartnerUpload", 3600),
)
"""Role aliases: name, role, lifetime in seconds."""


def trusting(service: str, condition: Document | None = None) -> Document:
    """A trust policy for one AWS service."""
    found: Document = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return policy(found | ({"Condition": condition} if condition else {}))


OURS = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": f"{HERE}*"}}
DEVICES = trusting("credentials.iot.amazonaws.com")

ROLES: dict[str, tuple[Document, dict[str, Document]]] = {
    "IotRules": (trusting("iot.amazonaws.com", OURS), {"send": policy(allow("sqs:SendMessage", "*"))}),
    "IotRules2019": (trusting("iot.amazonaws.com"), {"send": policy(allow("sqs:SendMessage", "*"))}),
    "IotRulesAnySource": (trusting("iot.amazonaws.com", {"StringLike": {"aws:SourceArn": "*"}}), {}),
    "IotLogging": (trusting("iot.amazonaws.com", {"StringEquals": {"aws:SourceAccount": [ACCOUNT]}}), {}),
    "MeterUpload": (
        DEVICES,
        {"upload": policy(allow("s3:PutObject", "arn:aws:s3:::brightwater-lake/${credentials-iot:ThingName}/*"))},
    ),
    "GatewayAdmin": (DEVICES, {"everything": policy(allow(["s3:*", "iam:PassRole", "dynamodb:*"], "*"))}),
    "PumpStream": (DEVICES, {"stream": policy(allow("firehose:PutRecord", "*"))}),
    "FleetProvisioner": (
        trusting("lambda.amazonaws.com"),
        {"claims": policy(allow("iot:CreateProvisioningClaim", f"{HERE}provisioningtemplate/meters"))},
    ),
    "TunnelOperator": (
        trusting("ec2.amazonaws.com"),
        {"tunnels": policy(allow(["iot:OpenTunnel", "iot:Describe*"], "*"))},
    ),
    "ReportWriter": (trusting("lambda.amazonaws.com"), {"read": policy(allow(["iot:List*", "iot:Describe*"], "*"))}),
    "WebsiteDeploy": (trusting("codebuild.amazonaws.com"), {"site": policy(allow("s3:PutObject", "*"))}),
}
GROUPS = {"FleetOperators": policy(allow("iot:*", "*"))}
USERS = {
    "aoife.byrne": ({}, True),
    "tomas.kelly": ({}, True),
    "field.tablet": ({"jobs": policy(allow("iot:CreateJob", "*"), deny("iot:CreateJob", "*"))}, False),
    "auditor": ({"look": policy(allow("s3:ListAllMyBuckets", "*"))}, False),
}
"""Users: their inline policies, and whether they are administrators."""


ROLE_TAGS = {"GatewayAdmin": [{"Key": "team", "Value": "gateways"}]}


def seed_iam() -> None:
    """Puts people, groups and roles into moto."""
    backend = iam_backends[ACCOUNT]["aws"]
    dates = {"CreateDate": "2015-02-06T18:39:46+00:00", "UpdateDate": "2015-02-06T18:39:46+00:00"}
    for name, document in (
        ("AdministratorAccess", policy(allow("*", "*"))),
        ("AWSIoTLogging", policy(allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*"))),
    ):
        data = {"DefaultVersionId": "v1", "Path": "/", "Document": document, **dates}
        managed = AWSManagedPolicy.from_data(name, ACCOUNT, "aws", data)
        backend.aws_managed_policies.append(managed)
        backend.managed_policies[managed.arn] = managed
    for name, (trust, inline) in ROLES.items():
        backend.create_role(
            name, json.dumps(trust), "/", None, "<script>alert('role')</script>", ROLE_TAGS.get(name, []), "3600"
        )
        for title, document in inline.items():
            backend.put_role_policy(name, title, json.dumps(document))
    backend.create_role(
        "AWSServiceRoleForIoTDeviceDefender",
        json.dumps(trusting("iotdevicedefender.amazonaws.com")),
        "/aws-service-role/iotdevicedefender.amazonaws.com/", None, "", [], "3600",
    )  # fmt: skip
    backend.put_role_policy(
        "AWSServiceRoleForIoTDeviceDefender", "audit", json.dumps(policy(allow("iot:UpdateCertificate", "*")))
    )
    shared = backend.create_policy("", "/", json.dumps(policy(allow("s3:GetObject", "*"))), "ReadManuals", [])
    backend.attach_role_policy(shared.arn, "GatewayAdmin")
    backend.attach_role_policy("arn:aws:iam::aws:policy/AWSIoTLogging", "IotLogging")
    backend.put_role_permissions_boundary("PumpStream", shared.arn)
    for name, document in GROUPS.items():
        backend.create_group(name)
        backend.put_group_policy(name, "fleet", json.dumps(document))
    for name, (inline, administrator) in USERS.items():
        backend.create_user("us-east-1", name)
        for title, document in inline.items():
            backend.put_user_policy(name, title, json.dumps(document))
        if administrator:
            backend.attach_user_policy("arn:aws:iam::aws:policy/AdministratorAccess", name)
