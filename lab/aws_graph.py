"""What only shows when the lab's estate is joined: policies that meet on a device, thing groups, and roles nobody uses."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from moto.iam.models import iam_backends
from moto.iot.models import iot_backends

from lab.aws_answers import Answer, Missing, Reply, page
from lab.aws_certificates import authority, mint
from lab.aws_estate import enrol
from lab.aws_policies import ACCOUNT, CONNECT, DEVICES, HERE, HOME, Document, allow, deny, policy
from lab.clock import now

POLICIES: dict[str, Document] = {
    "LoggerConnect": policy(allow("iot:Connect", f"{HERE}client/*")),
    "LoggerShadow": policy(allow("iot:Publish", f"{HERE}topic/$aws/things/${{iot:ClientId}}/shadow/update")),
    "LoggerData": policy(allow("iot:Publish", f"{HERE}topic/loggers/${{iot:ClientId}}/data")),
    "DoorListen": policy(
        CONNECT,
        allow("iot:Subscribe", f"{HERE}topicfilter/doors/*"),
        deny("iot:Subscribe", f"{HERE}topicfilter/doors/vault/*"),
    ),
    "DoorReceive": policy(allow("iot:Receive", f"{HERE}topic/doors/*")),
    "DoorSeal": policy(deny("iot:Receive", f"{HERE}topic/doors/vault/*")),
    "DoorUpload": policy(allow("iot:AssumeRoleWithCertificate", f"{HERE}rolealias/DoorUpload")),
}
"""Each of them is narrow, but for the Connect of the loggers."""

HELD = {
    "logger-cork-01": ("LoggerConnect", "LoggerShadow"),
    "logger-cork-02": ("LoggerConnect", "LoggerData"),
    "logger-cork-03": ("LoggerData",),
    "door-cork-01": ("DoorListen", "DoorReceive"),
    "door-cork-02": ("DoorListen",),
    "door-galway-01": ("DoorListen",),
    "door-sligo-01": ("DoorListen", "DoorReceive"),
    "door-ennis-01": (),
    "door-store-room": (),
}
"""Things and the policies attached to their certificates."""
GROUPS = (
    ("doors", None, ("DoorReceive", "DoorUpload"), ()),
    ("doors-cork", "doors", (), ("door-cork-02", "door-ennis-01")),
    ("sealed", None, ("DoorSeal",), ("door-sligo-01",)),
    ("empty", None, ("DoorReceive",), ()),
    ("paint", None, (), ("door-galway-01", "logger-cork-01")),
)
"""Thing groups: name, parent, policies, things. What a parent has, the things of its child groups have too."""
ROLES = {
    "DoorUpload": policy(allow("s3:PutObject", "arn:aws:s3:::brightwater-lake/${credentials-iot:ThingName}/*")),
}
USED: dict[str, dict[str, int | None]] = {
    "MeterUpload": {"s3": 1},
    "GatewayAdmin": {"s3": 2, "dynamodb": 380, "iam": None},
    "PumpStream": {"firehose": 0},
    "DoorUpload": {"s3": None},
}
"""By role: services it grants and the days since each was used."""
AGES = {"MeterUpload": 900, "GatewayAdmin": 1400, "PumpStream": 400, "DoorUpload": 20}
"""Days since each role was created."""
SLOW: set[str] = set()
"""Roles whose report is never finished."""
PAGE = 2
"""Services on one page of a report: IAM may give fewer than were asked for."""
JOBS: dict[str, str] = {}


def seed() -> None:
    """Puts into moto what it holds of this."""
    SLOW.clear()
    backend = iot_backends[ACCOUNT][HOME]
    signer = authority("Brightwater Doors CA")
    for name, document in POLICIES.items():
        backend.create_policy(name, json.dumps(document))  # type: ignore[arg-type]
    for thing, policies in HELD.items():
        held = enrol(HOME, thing, mint(thing, signer), days=60)
        for name in policies:
            backend.principal_policies[held.arn, name] = (held, backend.policies[name])
    for group, parent, policies, things in GROUPS:
        _, arn, _ = backend.create_thing_group(group, parent, {})  # type: ignore[arg-type]
        for name in policies:
            backend.principal_policies[arn, name] = (backend.thing_groups[arn], backend.policies[name])  # type: ignore[assignment]
        for thing in things:
            backend.add_thing_to_thing_group(group, None, thing, None)
    roles = iam_backends[ACCOUNT]["aws"]
    for name, document in ROLES.items():
        roles.create_role(name, json.dumps(DEVICES), "/", None, "", [], "3600")
        roles.put_role_policy(name, "use", json.dumps(document))
        backend.create_role_alias(name, f"arn:aws:iam::{ACCOUNT}:role/{name}", 3600)
    for role in roles.roles.values():
        role.create_date = now().replace(tzinfo=None) - timedelta(days=AGES.get(role.name, 500), hours=1)


def members(region: str, params: Mapping[str, Any]) -> Reply:
    """Things of a group, those of its child groups included where that is asked."""
    groups = {group.thing_group_name: group for group in iot_backends[ACCOUNT][region].thing_groups.values()}
    if params["thingGroupName"] not in groups:
        raise Missing(params["thingGroupName"])
    wanted, found = [params["thingGroupName"]], dict[str, None]()
    while wanted:
        name = wanted.pop(0)
        found.update(dict.fromkeys(thing.thing_name for thing in groups[name].things.values()))
        if params.get("recursive"):
            wanted += [group.thing_group_name for group in groups.values() if group.parent_group_name == name]
    return page(list(found), params, "things", "nextToken")


def start_report(_: str, params: Mapping[str, Any]) -> Reply:
    """Begins a report on a role."""
    name = params["Arn"].rpartition("/")[2]
    if name not in {role.name for role in iam_backends[ACCOUNT]["aws"].roles.values()}:
        raise Missing(params["Arn"], "NoSuchEntity")
    job = str(uuid.uuid5(uuid.NAMESPACE_URL, params["Arn"]))
    JOBS[job] = name
    return {"JobId": job}


def report(_: str, params: Mapping[str, Any]) -> Reply:
    """A report on a role: what it grants, and when that was used."""
    if params["JobId"] not in JOBS:
        raise Missing(params["JobId"], "NoSuchEntity")
    role, at = JOBS[params["JobId"]], now()
    head = {"JobType": "SERVICE_LEVEL", "JobCreationDate": at}
    if role in SLOW:
        return head | {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": [], "JobCompletionDate": at}
    services = [
        {"ServiceName": service, "ServiceNamespace": service}
        | ({} if days is None else {"LastAuthenticated": at - timedelta(days=days, hours=1)})
        for service, days in USED.get(role, {}).items()
    ]
    start = int(params.get("Marker") or 0)
    end = start + min(int(params.get("MaxItems") or 100), PAGE)
    more = {"IsTruncated": True, "Marker": str(end)} if end < len(services) else {"IsTruncated": False}
    return (
        head | more | {"JobStatus": "COMPLETED", "ServicesLastAccessed": services[start:end], "JobCompletionDate": at}
    )


ANSWERS: dict[str, Answer] = {
    "iot.list_things_in_thing_group": members,
    "iam.generate_service_last_accessed_details": start_report,
    "iam.get_service_last_accessed_details": report,
}
