"""What a gateway, a control centre, a rule and the users of apps may do in the lab's AWS estate, and over which network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from moto.iam.models import iam_backends
from moto.iot.models import iot_backends

from lab.aws_answers import SET_UP, Answer, Reply
from lab.aws_certificates import ENDS, mint
from lab.aws_estate import enrol
from lab.aws_policies import ACCOUNT, HERE, HOME, OURS, Document, allow, deny, policy, trusting
from lab.aws_private_ca import PRIVATE
from lab.clock import now

SUB = "${cognito-identity.amazonaws.com:sub}"


ENDPOINT_ONLY = {"StringEquals": {"aws:SourceVpce": "vpce-0b1c2d3e4f5a6b7c8"}}


CORE = "core-ennis-01"


POLICIES: dict[str, Document] = {
    "GreengrassCore": policy(
        allow("iot:Connect", f"{HERE}client/{CORE}*"),
        allow(["iot:Publish", "iot:Receive"], [f"{HERE}topic/$aws/things/{CORE}*/greengrass/*"]),
        allow("iot:Subscribe", [f"{HERE}topicfilter/$aws/things/{CORE}*/greengrass/*"]),
        allow(["greengrass:GetDeploymentConfiguration", "greengrass:ResolveComponentCandidates"], "*"),
    ),
    "ControlCentre": policy(
        allow("iot:Connect", f"{HERE}client/${{iot:Connection.Thing.ThingName}}", ENDPOINT_ONLY),
    ),
}
"""AWS IoT policies of the one well kept gateway, and of a device that is bound to a site's network."""


READINGS = f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/readings"


FEDERATED: Document = {
    "Effect": "Allow",
    "Principal": {"Federated": "cognito-identity.amazonaws.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
}


ROLES: dict[str, tuple[Document, Document]] = {
    "IotReadings": (trusting("iot.amazonaws.com", OURS), policy(allow("dynamodb:PutItem", READINGS))),
    "AppGuest": (policy(FEDERATED), policy(allow("iot:Publish", f"{HERE}topic/app/{SUB}/*"))),
    "AppUser": (
        policy(FEDERATED),
        policy(allow(["iot:Connect", "iot:Publish"], "*"), allow("iot:DescribeThing", f"{HERE}thing/meter-*")),
    ),
    "AppInstaller": (
        policy(FEDERATED),
        policy(allow(["iot:Connect", "iot:AttachPolicy", "iot:CreateThing"], "*"), deny("iot:DeleteThing", "*")),
    ),
    "PilotGuest": (policy(FEDERATED), policy(allow(["iot:Connect", "iot:Receive", "iot:Subscribe"], "*"))),
    "WebsiteVisitor": (policy(FEDERATED), policy(allow("s3:GetObject", "arn:aws:s3:::brightwater-website/*"))),
}
"""Roles that a rule or an app's users act with: their trust policy and what they may do."""


def role(name: str) -> str:
    """ARN of a role."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def seed() -> None:
    """Puts into moto what it holds of this."""
    backend = iot_backends[ACCOUNT][HOME]
    for name, document in POLICIES.items():
        backend.create_policy(name, json.dumps(document))  # type: ignore[arg-type]
    enrol(HOME, CORE, mint(CORE, PRIVATE), "GreengrassCore", 60)
    enrol(HOME, "centre-cork-01", mint("centre-cork-01", PRIVATE), "ControlCentre", 60)
    roles = iam_backends[ACCOUNT]["aws"]
    for name, (trust, document) in ROLES.items():
        roles.create_role(name, json.dumps(trust), "/", None, "", [], "3600")
        roles.put_role_policy(name, "use", json.dumps(document))


def vpc_endpoints(region: str, params: Mapping[str, Any]) -> Reply:
    wanted = params["Filters"][0]["Values"]
    service = f"com.amazonaws.{region}.iot.data"
    endpoint = {"VpcEndpointId": "vpce-0b1c2d3e4f5a6b7c8", "VpcEndpointType": "Interface", "ServiceName": service}
    pending = endpoint | {"VpcEndpointId": "vpce-00000000000000000", "State": "PendingAcceptance"}
    there = region == HOME and service in wanted
    return {"VpcEndpoints": [endpoint | {"State": "Available"}, pending] if there else []}


def server_certificate(_: str, params: Mapping[str, Any]) -> Reply:
    soon = params["CertificateArn"].endswith("-e0d0")
    ends = now() + timedelta(days=12, hours=1) if soon else ENDS
    certificate = {
        "CertificateArn": params["CertificateArn"],
        "Status": "ISSUED",
        "NotBefore": SET_UP,
        "NotAfter": ends,
    }
    return {"Certificate": certificate}


ANSWERS: dict[str, Answer] = {
    "ec2.describe_vpc_endpoints": vpc_endpoints,
    "acm.describe_certificate": server_certificate,
}
