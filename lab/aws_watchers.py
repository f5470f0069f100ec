"""What watches the lab's AWS estate beside its audits: AWS Config, fleet indexing and mitigation actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.aws_answers import SET_UP, Answer, Reply, named, page
from lab.aws_estate import arn
from lab.aws_policies import ACCOUNT, HOME

AMERICA = "us-east-1"
TYPES = {
    HOME: ["AWS::IoT::Policy", "AWS::IoT::RoleAlias", "AWS::S3::Bucket"],
    AMERICA: ["AWS::EC2::SecurityGroup", "AWS::S3::Bucket"],
}
"""What AWS Config records by region; nobody thought of AWS IoT in the pilot's."""


def recorders(region: str, _: Mapping[str, Any]) -> Reply:
    group = {
        "allSupported": False,
        "includeGlobalResourceTypes": False,
        "resourceTypes": TYPES.get(region, []),
        "recordingStrategy": {"useOnly": "INCLUSION_BY_RESOURCE_TYPES"},
    }
    recorder = {
        "arn": f"arn:aws:config:{region}:{ACCOUNT}:configuration-recorder/default/a1b2c3d4",
        "name": "default",
        "roleARN": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
        "recordingGroup": group,
        "recordingMode": {"recordingFrequency": "CONTINUOUS"},
        "recordingScope": "PAID",
    }
    return {"ConfigurationRecorders": [recorder] if region in TYPES else []}


def recorder_status(region: str, _: Mapping[str, Any]) -> Reply:
    state = {"name": "default", "recording": True, "lastStatus": "Success", "lastStartTime": SET_UP}
    return {"ConfigurationRecordersStatus": [state] if region in TYPES else []}


def indexing(region: str, _: Mapping[str, Any]) -> Reply:
    if region != HOME:
        things = {"thingIndexingMode": "REGISTRY", "thingConnectivityIndexingMode": "OFF"}
        groups = "OFF"
    else:
        things = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
        groups = "ON"
    whole = things | {"deviceDefenderIndexingMode": "OFF", "namedShadowIndexingMode": "OFF"}
    return {
        "thingIndexingConfiguration": whole,
        "thingGroupIndexingConfiguration": {"thingGroupIndexingMode": groups},
    }


def action(region: str, name: str, kind: str, **params: Any) -> Reply:
    """A mitigation action as it is described."""
    return {
        "actionName": name,
        "actionType": kind,
        "actionArn": arn(region, f"mitigationaction/{name}"),
        "actionId": f"00000000-0000-4000-8000-{len(name):012}",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotAudit",
        "actionParams": params,
        "creationDate": SET_UP,
        "lastModifiedDate": SET_UP,
    }


def telling(region: str) -> Reply:
    """An action that only tells somebody."""
    topic = f"arn:aws:sns:{region}:{ACCOUNT}:security-alerts"
    return action(region, "tell-security", "PUBLISH_FINDING_TO_SNS", publishFindingToSnsParams={"topicArn": topic})


ACTIONS = {
    HOME: [
        telling(HOME),
        action(
            HOME,
            "quarantine",
            "ADD_THINGS_TO_THING_GROUP",
            addThingsToThingGroupParams={"thingGroupNames": ["quarantine"], "overrideDynamicGroups": True},
        ),
    ],
    AMERICA: [telling(AMERICA)],
}
"""Mitigation actions by region: in the pilot's, somebody is told and nothing can be done."""


def list_actions(region: str, params: Mapping[str, Any]) -> Reply:
    keys = ("actionName", "actionArn", "creationDate")
    items = [{key: found[key] for key in keys} for found in ACTIONS.get(region, [])]
    return page(items, {**params, "maxResults": 1}, "actionIdentifiers", "nextToken")


ANSWERS: dict[str, Answer] = {
    "config.describe_configuration_recorders": recorders,
    "config.describe_configuration_recorder_status": recorder_status,
    "iot.get_indexing_configuration": indexing,
    "iot.list_mitigation_actions": list_actions,
    "iot.describe_mitigation_action": lambda region, params: named(
        ACTIONS.get(region, []), "actionName", params["actionName"]
    ),
}
