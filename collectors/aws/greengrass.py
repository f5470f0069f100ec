"""AWS IoT Greengrass: core devices, what is deployed to them and with which privilege, and groups left over from V1."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import RESULTS, partition
from collectors.aws.policies import GET_POLICY, LIST_POLICIES, LIST_TARGETS
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.edge import EdgeComponent, EdgeCore, EdgeDeployment, EdgeGroup

LARGEST = (("maxResults", 100),)
LIST_CORES = Operation(
    "greengrassv2.list_core_devices", "greengrass:ListCoreDevices", items="coreDevices", fixed=LARGEST
)
GET_CORE = Operation("greengrassv2.get_core_device", "greengrass:GetCoreDevice")
INSTALLED = Operation(
    "greengrassv2.list_installed_components", "greengrass:ListInstalledComponents",
    items="installedComponents", fixed=(*LARGEST, ("topologyFilter", "ALL")),
)  # fmt: skip
PRINCIPALS = Operation(
    "iot.list_thing_principals_v2", "iot:ListThingPrincipalsV2", items="thingPrincipalObjects",
    absent=("ResourceNotFoundException",), fixed=RESULTS,
)  # fmt: skip
LIST_DEPLOYMENTS = Operation(
    "greengrassv2.list_deployments", "greengrass:ListDeployments", items="deployments", shared=True,
    fixed=(*LARGEST, ("historyFilter", "LATEST_ONLY")),
)  # fmt: skip
GET_DEPLOYMENT = Operation("greengrassv2.get_deployment", "greengrass:GetDeployment", shared=True)
GET_COMPONENT = Operation(
    "greengrassv2.get_component", "greengrass:GetComponent", absent=("ResourceNotFoundException",),
    shared=True, fixed=(("recipeOutputFormat", "JSON"),),
)  # fmt: skip
LIST_GROUPS = Operation(
    "greengrass.list_groups", "greengrass:ListGroups", items="Groups", fixed=(("MaxResults", "50"),)
)
GROUP_DEPLOYMENTS = Operation("greengrass.list_deployments", "greengrass:ListDeployments", items="Deployments")

NUCLEUS = "aws.greengrass.Nucleus"
CLIENT_AUTH = "aws.greengrass.clientdevices.Auth"
DEBUG_TOOLS = frozenset({"aws.greengrass.LocalDebugConsole", "aws.greengrass.Cli"})
"""Both open a door on the device that is meant for developers (AWS IoT Greengrass V2, "Security best practices")."""
STAGE = re.compile(r"stage|env|environment", re.IGNORECASE)
NOT_PRODUCTION = re.compile(r"(dev|development|test|testing|lab|bench|sandbox)", re.IGNORECASE)
RUN_STEPS = ("run", "startup")
PUBSUB = ("*", "mqtt:*", "mqtt:publish", "mqtt:subscribe")


def development(tags: Mapping[str, str] | None) -> bool:
    """Whether a tag named stage, env or environment says that something is not for production."""
    return any(STAGE.fullmatch(k) and NOT_PRODUCTION.fullmatch(v) is not None for k, v in (tags or {}).items())


@collector(EdgeCore, "aws", LIST_CORES, GET_CORE, INSTALLED, PRINCIPALS, LIST_POLICIES, LIST_TARGETS, GET_POLICY)
def cores(read: Reader) -> Iterator[Row]:
    """Every Greengrass V2 core device of one region."""
    scope = read.scope
    for listed in read(LIST_CORES):
        name = listed["coreDeviceThingName"]
        core = read(GET_CORE, coreDeviceThingName=name)
        installed = read(INSTALLED, coreDeviceThingName=name)
        yield {
            "resource": f"arn:{partition(scope.region)}:greengrass:{scope.region}:{scope.account}:coreDevices:{name}",
            "name": name,
            "runtime": core.cell(lambda reply: reply["runtime"]),
            "release": core.cell(lambda reply: release(reply["coreVersion"])),
            "healthy": listed["status"] == "HEALTHY" if "status" in listed else None,
            "silent_days": silent(read, listed),
            "documents": documents(read, name),
            "debug_tool": installed.cell(lambda held: any(c["componentName"] in DEBUG_TOOLS for c in held)),
            "development": core.cell(lambda reply: development(reply.get("tags"))),
        }


def silent(read: Reader, listed: Mapping[str, Any]) -> int | Unread:
    """Days since a core last reported."""
    last = listed.get("lastStatusUpdateTimestamp")
    return Unread("absent_field", detail="the core never reported") if last is None else read.days_since(last)


def release(version: str) -> int:
    """A version as one number, 2.12.6 as 2012. Raises ``ValueError`` for one that does not start with two numbers."""
    major, minor, *_ = version.split(".")
    return int(major) * 1000 + int(minor)


def documents(read: Reader, thing: str) -> str | Unread:
    """Every policy that is attached to a certificate of a thing, as a JSON list."""
    principals = read(PRINCIPALS, thingName=thing).cell(
        lambda found: {item["principal"] for item in found}, absent=set[str]()
    )
    policies = read(LIST_POLICIES).cell(lambda found: [policy["policyName"] for policy in found])
    for unread in (principals, policies):
        if isinstance(unread, Unread):
            return unread
    held: list[Any] = []
    for name in policies:
        targets = read(LIST_TARGETS, policyName=name).cell(set)
        if is_gone(targets):
            continue
        if isinstance(targets, Unread):
            return targets
        if targets & principals:
            document = read(GET_POLICY, policyName=name).cell(lambda reply: json.loads(reply["policyDocument"]))
            if is_gone(document):
                continue
            if isinstance(document, Unread):
                return document
            held.append(document)
    return json.dumps(held, sort_keys=True)


def latest_deployments(read: Reader) -> Iterator[tuple[Row, Any]]:
    """The cells that name each latest deployment, and the reply that describes it."""
    scope = read.scope
    for listed in read(LIST_DEPLOYMENTS):
        identifier = listed["deploymentId"]
        arn = f"arn:{partition(scope.region)}:greengrass:{scope.region}:{scope.account}:deployments:{identifier}"
        name = listed.get("deploymentName") or listed["targetArn"].split(":", 5)[-1]
        active = listed.get("deploymentStatus") not in ("CANCELED", "INACTIVE")
        yield {"resource": arn, "name": name, "active": active}, read(GET_DEPLOYMENT, deploymentId=identifier)


@collector(EdgeDeployment, "aws", LIST_DEPLOYMENTS, GET_DEPLOYMENT)
def deployments(read: Reader) -> Iterator[Row]:
    """The latest deployment of each target in one region. One that names no failure policy rolls back."""
    for row, reply in latest_deployments(read):
        yield {
            **row,
            "rolls_back": reply.cell(
                lambda found: (found.get("deploymentPolicies") or {}).get("failureHandlingPolicy") != "DO_NOTHING"
            ),
        }


@collector(EdgeComponent, "aws", LIST_DEPLOYMENTS, GET_DEPLOYMENT, GET_COMPONENT)
def components(read: Reader) -> Iterator[Row]:
    """Every component that the latest deployments of one region name; what those depend on is not followed."""
    for row, reply in latest_deployments(read):
        for deployment in reply:
            for name, chosen in (deployment.get("components") or {}).items():
                yield {
                    **row,
                    "subject": name,
                    "component": name,
                    "vendor": name.startswith("aws.") and name != NUCLEUS,
                    "runs_as_root": as_root(read, name, chosen),
                    "debug_tool": name in DEBUG_TOOLS,
                    "development": development(deployment.get("tags")),
                    "clients_open": clients_open(chosen) if name == CLIENT_AUTH else None,
                }


def root(user: str) -> bool:
    """Whether a POSIX user, or user and group as in ``0:0``, is root."""
    return user.split(":", 1)[0] in ("root", "0")


def merged_configuration(chosen: Mapping[str, Any]) -> Any:
    """The configuration that a deployment merges; empty when it merges none. Raises ``ValueError`` if it is no JSON."""
    return json.loads((chosen.get("configurationUpdate") or {}).get("merge") or "{}")


def as_root(read: Reader, name: str, chosen: Mapping[str, Any]) -> bool | Unread:
    """Whether a component runs as root, by the user it is given or the privilege that its recipe asks for."""
    if root((chosen.get("runWith") or {}).get("posixUser") or ""):
        return True
    if name == NUCLEUS:
        try:
            return root((merged_configuration(chosen).get("runWithDefault") or {}).get("posixUser") or "")
        except (AttributeError, ValueError):
            return Unread("not_parseable", detail="the nucleus configuration is no JSON object")
    if name.startswith("aws."):
        return False
    scope = read.scope
    version = f"components:{name}:versions:{chosen.get('componentVersion', '')}"
    arn = f"arn:{partition(scope.region)}:greengrass:{scope.region}:{scope.account}:{version}"
    gone = Unread("no_data_source", detail="the component version was deleted")
    found: bool | Unread = read(GET_COMPONENT, arn=arn).cell(lambda reply: asks_for_root(reply["recipe"]), absent=gone)
    return found


def asks_for_root(recipe: Any) -> bool:
    """Whether a recipe asks for root in a step that keeps running; a privileged installation is not meant.

    Raises ``TypeError`` when it is no object.
    """
    if not isinstance(recipe, Mapping):
        raise TypeError("no recipe")
    manifests = [m.get("Lifecycle") for m in recipe.get("Manifests") or () if isinstance(m, Mapping)]
    return any(asks_root(lifecycle) for lifecycle in (recipe.get("Lifecycle"), *manifests))


def asks_root(lifecycle: Any) -> bool:
    """Whether a step, at any depth below selections of platforms, has ``RequiresPrivilege`` true, or ``"true"``."""
    if not isinstance(lifecycle, Mapping):
        return False
    for key, value in lifecycle.items():
        if key.lower() in RUN_STEPS and isinstance(value, Mapping):
            said = {k.lower(): v for k, v in value.items()}.get("requiresprivilege", False)
            if str(said).lower() == "true":
                return True
        elif asks_root(value):
            return True
    return False


def clients_open(chosen: Mapping[str, Any]) -> bool | Unread:
    """Whether every client device is in a group that may publish or subscribe everywhere.

    Configurations of earlier revisions stay in force, so one that this revision does not set is not read.
    """
    try:
        groups = merged_configuration(chosen).get("deviceGroups")
        if groups is None:
            return Unread("absent_field", detail="device groups come from the default or an earlier revision")
        policies = groups.get("policies") or {}
        return any(
            everyone(definition.get("selectionRule", ""))
            and any(everything(s) for s in (policies.get(definition.get("policyName")) or {}).values())
            for definition in (groups.get("definitions") or {}).values()
        )
    except (AttributeError, TypeError, ValueError):
        return Unread("not_parseable", detail="the configuration of client device auth is not as documented")


def everyone(rule: str) -> bool:
    """Whether a selection rule selects every thing, on its own or as one side of an OR."""
    return any(re.fullmatch(r"[\s(]*thingName:\s*\*[\s)]*", part) for part in re.split(r"\s+OR\s+", rule))


def everything(statement: Mapping[str, Any]) -> bool:
    """Whether a statement of client device auth allows messages on every resource; only a bare ``*`` is a wildcard."""
    allowed = statement.get("effect", "ALLOW") == "ALLOW"
    return allowed and "*" in statement["resources"] and any(o in PUBSUB for o in statement["operations"])


@collector(EdgeGroup, "aws", LIST_GROUPS, GROUP_DEPLOYMENTS)
def groups(read: Reader) -> Iterator[Row]:
    """Every Greengrass V1 group of one region, and whether it was ever deployed."""
    for group in read(LIST_GROUPS):
        yield {
            "resource": group["Arn"],
            "name": group.get("Name") or group["Id"],
            "deployed": read(GROUP_DEPLOYMENTS, GroupId=group["Id"]).cell(bool),
        }
