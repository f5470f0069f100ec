"""Gateways of the lab's AWS estate: core devices of Greengrass V2, their deployments, and groups left from V1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lab.aws_answers import SET_UP, Answer, Missing, Reply, named, page
from lab.aws_policies import ACCOUNT, HOME
from lab.clock import now
from lab.server import CANARY

CLI, CONSOLE = "aws.greengrass.Cli", "aws.greengrass.LocalDebugConsole"
NUCLEUS, CLIENT_AUTH = "aws.greengrass.Nucleus", "aws.greengrass.clientdevices.Auth"
METERS = "com.brightwater.MeterCollector"

CORES: dict[str, list[Reply]] = {
    HOME: [
        {"thing": "core-ennis-01", "version": "2.14.1", "days": 0, "components": [NUCLEUS, METERS]},
        {"thing": "gateway-cork-01", "version": "2.5.6", "days": 2, "status": "UNHEALTHY", "components": [NUCLEUS, CLI]},
        {"thing": "gateway-galway-01", "version": "2.12.6", "days": 90, "components": [NUCLEUS]},
        {
            "thing": "core-bench-01", "version": "2.1.0", "days": 1, "runtime": "aws_nucleus_lite",
            "components": [CONSOLE], "tags": {"stage": "dev"},
        },
    ]
}  # fmt: skip
"""Core devices: thing, version of the nucleus, days since they reported, and what is installed."""


def component(version: str, merge: Any = None, user: str = "") -> Reply:
    """A component as a deployment names it."""
    found: Reply = {"componentVersion": version}
    if merge is not None:
        found["configurationUpdate"] = {"merge": merge if isinstance(merge, str) else json.dumps(merge)}
    return found | ({"runWith": {"posixUser": user}} if user else {})


def clients(rule: str, resource: str) -> Reply:
    """A configuration of client device auth with one group."""
    statement = {"statementDescription": "messages", "operations": ["mqtt:publish"], "resources": [resource]}
    return {
        "deviceGroups": {
            "formatVersion": "2021-03-05",
            "definitions": {"sensors": {"selectionRule": rule, "policyName": "talk"}},
            "policies": {"talk": {"messages": statement}},
        }
    }


SECRET = {"broker": {"user": "meter", "password": CANARY}}
PROXY = {"networkProxy": {"proxy": {"url": "http://proxy.example", "password": CANARY}}}
DEPLOYMENTS: dict[str, list[Reply]] = {
    HOME: [
        {
            "deploymentId": "0a6f6e2c-1f0e-4c86-8f9b-000000000001",
            "deploymentName": "sites",
            "targetArn": f"arn:aws:iot:{HOME}:{ACCOUNT}:thinggroup/sites",
            "deploymentStatus": "ACTIVE",
            "components": {
                METERS: component("1.2.0", SECRET),
                "com.brightwater.Retired": component("0.1.0"),
                NUCLEUS: component("2.14.1", PROXY | {"runWithDefault": {"posixUser": "ggc_user:ggc_group"}}),
                CLIENT_AUTH: component("2.5.1", clients("thingName: meter-*", "mqtt:topic:meters/readings")),
            },
            "deploymentPolicies": {"failureHandlingPolicy": "ROLLBACK"},
        },
        {
            "deploymentId": "0a6f6e2c-1f0e-4c86-8f9b-000000000002",
            "deploymentName": "gateways 2021",
            "targetArn": f"arn:aws:iot:{HOME}:{ACCOUNT}:thinggroup/gateways",
            "deploymentStatus": "COMPLETED",
            "components": {
                METERS: component("1.0.0", SECRET, "root:root"),
                "com.brightwater.ModemWatch": component("0.9.1"),
                NUCLEUS: component("2.5.6", {"runWithDefault": {"posixUser": "0:0"}}),
                CLIENT_AUTH: component("2.0.0", clients("thingName: *", "*")),
                CLI: component("2.5.6"),
            },
            "deploymentPolicies": {"failureHandlingPolicy": "DO_NOTHING"},
        },
        {
            "deploymentId": "0a6f6e2c-1f0e-4c86-8f9b-000000000003",
            "targetArn": f"arn:aws:iot:{HOME}:{ACCOUNT}:thing/core-bench-01",
            "deploymentStatus": "COMPLETED",
            "components": {CONSOLE: component("2.4.3"), CLIENT_AUTH: component("2.5.1")},
            "tags": {"stage": "dev"},
        },
        {
            "deploymentId": "0a6f6e2c-1f0e-4c86-8f9b-000000000004",
            "deploymentName": "broken off",
            "targetArn": f"arn:aws:iot:{HOME}:{ACCOUNT}:thinggroup/trial",
            "deploymentStatus": "CANCELED",
            "components": {CONSOLE: component("2.4.3")},
            "deploymentPolicies": {"failureHandlingPolicy": "DO_NOTHING"},
        },
    ]
}
"""The latest deployment of each target."""


def recipe(**lifecycle: Any) -> Reply:
    """A recipe whose scripts and settings hold what nobody else may read."""
    return {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentPublisher": "Brightwater Utilities",
        "ComponentConfiguration": {"DefaultConfiguration": {"password": CANARY}},
        "Manifests": [
            {
                "Platform": {"os": "linux"},
                "Lifecycle": {"Setenv": {"TOKEN": CANARY}, **lifecycle},
            }
        ],
    }


START = f"./start --token {CANARY}"
RECIPES = {
    f"{METERS}:versions:1.2.0": recipe(install={"Script": "apt install", "RequiresPrivilege": True}, run=START),
    f"{METERS}:versions:1.0.0": recipe(run=START),
    "com.brightwater.ModemWatch:versions:0.9.1": recipe(linux={"run": {"Script": START, "RequiresPrivilege": "true"}}),
}
"""Recipes by name and version; one of them was deleted."""
GROUPS: dict[str, list[tuple[str, bool]]] = {HOME: [("pumphouse-2019", True), ("workshop", False)]}
"""Groups of V1, and whether they were deployed."""


def core(region: str, item: Reply) -> Reply:
    """A core device as it is listed."""
    return {
        "coreDeviceThingName": item["thing"],
        "status": item.get("status", "HEALTHY"),
        "lastStatusUpdateTimestamp": now() - timedelta(days=item["days"], hours=1),
        "runtime": item.get("runtime", "aws_nucleus_classic"),
    }


def list_cores(region: str, params: Mapping[str, Any]) -> Reply:
    return page([core(region, item) for item in CORES.get(region, [])], params, "coreDevices", "nextToken")


def get_core(region: str, params: Mapping[str, Any]) -> Reply:
    item = named(CORES.get(region, []), "thing", params["coreDeviceThingName"])
    return core(region, item) | {"coreVersion": item["version"], "tags": item.get("tags", {})}


def installed(region: str, params: Mapping[str, Any]) -> Reply:
    item = named(CORES.get(region, []), "thing", params["coreDeviceThingName"])
    items = [{"componentName": name, "lifecycleState": "RUNNING"} for name in item["components"]]
    return page(items, params, "installedComponents", "nextToken")


def list_deployments(region: str, params: Mapping[str, Any]) -> Reply:
    keys = ("deploymentId", "deploymentName", "targetArn", "deploymentStatus")
    items = [
        {key: d[key] for key in keys if key in d} | {"isLatestForTarget": True} for d in DEPLOYMENTS.get(region, [])
    ]
    return page(items, params, "deployments", "nextToken")


def get_component(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["arn"].split(":components:", 1)[-1]
    if name not in RECIPES:
        raise Missing(name)
    return {"recipeOutputFormat": params["recipeOutputFormat"], "recipe": json.dumps(RECIPES[name]).encode()}


def group(region: str, name: str) -> Reply:
    """A V1 group as it is listed."""
    arn = f"arn:aws:greengrass:{region}:{ACCOUNT}:/greengrass/groups/{name}"
    return {"Arn": arn, "Id": name, "Name": name, "LatestVersion": "1", "LastUpdatedTimestamp": SET_UP.isoformat()}


def group_deployments(region: str, params: Mapping[str, Any]) -> Reply:
    held = dict(GROUPS.get(region, []))
    deployment = {"DeploymentId": "5c1e2f", "DeploymentType": "NewDeployment", "CreatedAt": SET_UP.isoformat()}
    return {"Deployments": [deployment] if held.get(params["GroupId"]) else []}


ANSWERS: dict[str, Answer] = {
    "greengrassv2.list_core_devices": list_cores,
    "greengrassv2.get_core_device": get_core,
    "greengrassv2.list_installed_components": installed,
    "greengrassv2.list_deployments": list_deployments,
    "greengrassv2.get_deployment": lambda region, params: named(
        DEPLOYMENTS.get(region, []), "deploymentId", params["deploymentId"]
    ),
    "greengrassv2.get_component": get_component,
    "greengrass.list_groups": lambda region, _: {"Groups": [group(region, name) for name, _ in GROUPS.get(region, [])]},
    "greengrass.list_deployments": group_deployments,
}
