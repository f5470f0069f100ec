"""Azure RBAC: what a role allows, and who holds it over a resource."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from collectors.azure.account import covers
from collectors.operation import Operation, Reader, oddity
from collectors.schema import Unread

ASSIGNMENTS = Operation(
    "authorization.role_assignments.list_for_subscription",
    "Microsoft.Authorization/roleAssignments/read",
    items="value",
    shared=True,
)
"""Every assignment at the subscription, below it, and inherited from management groups and the root."""
ROLES = Operation(
    "authorization.role_definitions.list", "Microsoft.Authorization/roleDefinitions/read", items="value", shared=True
)

KEY_RIGHTS = {
    "iot hub": (
        "Microsoft.Devices/IotHubs/write",
        "Microsoft.Devices/IotHubs/listkeys/action",
        "Microsoft.Devices/IotHubs/iotHubKeys/listkeys/action",
    ),
    "provisioning service": (
        "Microsoft.Devices/provisioningServices/write",
        "Microsoft.Devices/provisioningServices/listkeys/action",
        "Microsoft.Devices/provisioningServices/keys/listkeys/action",
    ),
}
"""Actions that give a front door's keys away. Write counts: a PUT accepts keys that the caller chose."""

DATA_RIGHTS = (
    "Microsoft.Devices/IotHubs/cloudToDeviceMessages/send/action",
    "Microsoft.Devices/IotHubs/configurations/write",
    "Microsoft.Devices/IotHubs/devices/delete",
    "Microsoft.Devices/IotHubs/devices/write",
    "Microsoft.Devices/IotHubs/directMethods/invoke/action",
    "Microsoft.Devices/IotHubs/jobs/write",
    "Microsoft.Devices/IotHubs/twins/write",
    "Microsoft.Devices/provisioningServices/enrollmentGroups/write",
    "Microsoft.Devices/provisioningServices/enrollments/write",
)
"""Data actions that change devices ("Azure permissions for Internet of Things"). Roles that only read are left out."""

PEOPLE = ("User", "Group", "ForeignGroup")


@cache
def pattern(action: str) -> re.Pattern[str]:
    """An action with wildcards, as RBAC matches it: without regard to case, ``*`` for any run of characters."""
    return re.compile(".*".join(re.escape(part) for part in action.split("*")), re.IGNORECASE)


def matches(patterns: Iterable[str] | None, action: str) -> bool:
    """Whether one of the patterns names the action."""
    return any(pattern(one).fullmatch(action) for one in patterns or ())


def allows(role: Mapping[str, Any], actions: Iterable[str], data: bool = False) -> bool:
    """Whether a role definition allows one of the actions, or data actions, once what it excludes is taken away."""
    given, taken = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    permissions = role["properties"].get("permissions") or ()
    return any(
        matches(one.get(given), action) and not matches(one.get(taken), action)
        for one in permissions
        for action in actions
    )


def definition_of(assignment: Mapping[str, Any]) -> str:
    """The last part of the role definition's id, which is the same at every scope."""
    return str(assignment["properties"]["roleDefinitionId"]).rsplit("/", 1)[-1].lower()


def by_name(roles: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Role definitions by the last part of their id."""
    return {str(role["id"]).rsplit("/", 1)[-1].lower(): role for role in roles}


def key_holders(read: Reader, resource_id: str, kind: str) -> Any:
    """How many people and groups can read or set the keys of a front door; unread when either list is.

    A group counts as one: its members are not in ARM. Service principals and managed identities are left out.
    """
    roles = read(ROLES, scope=f"subscriptions/{read.scope.account}").cell(by_name)
    assignments = read(ASSIGNMENTS).cell(list)
    for part in (roles, assignments):
        if isinstance(part, Unread):
            return part
    try:
        return holders(roles, assignments, resource_id, kind)
    except Exception as error:  # one assignment that makes no sense may be one that counts
        return Unread("not_parseable", detail=f"an assignment {oddity(error)}", operation=ASSIGNMENTS.name)


def holders(
    roles: Mapping[str, Mapping[str, Any]], assignments: Iterable[Mapping[str, Any]], resource_id: str, kind: str
) -> int | Unread:
    """The number that :func:`key_holders` tells, of lists that were read."""
    found: set[str] = set()
    for assignment in assignments:
        properties = assignment["properties"]
        if not covers(properties["scope"], resource_id):
            continue
        role = roles.get(definition_of(assignment))
        if role is None:
            return Unread("absent_field", ROLES.permission, "a role that is assigned here is not listed")
        if allows(role, KEY_RIGHTS[kind]):
            if not properties.get("principalType"):
                return Unread("absent_field", detail="an assignment does not say what its principal is")
            if properties["principalType"] in PEOPLE:
                found.add(properties["principalId"])
    return len(found)
