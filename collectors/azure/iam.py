"""Role assignments that reach hubs and provisioning services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.azure.account import covers, named
from collectors.azure.iothub import HUBS
from collectors.azure.provisioning import SERVICES
from collectors.azure.roles import ASSIGNMENTS, DATA_RIGHTS, KEY_RIGHTS, ROLES, allows, by_name, definition_of
from collectors.operation import Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.access import Grant

KINDS = {"User": "person", "Group": "group", "ForeignGroup": "group", "ServicePrincipal": "service"}
TARGETS = (
    (re.compile(r"/?(providers/microsoft\.management/managementgroups/[^/]+)?"), "management group"),
    (re.compile(r"/subscriptions/[^/]+"), "account"),
    (re.compile(r"/subscriptions/[^/]+/resourcegroups/[^/]+"), "resource group"),
    (re.compile(r"/subscriptions/.*/providers/microsoft\.devices/(iothubs|provisioningservices)/[^/]+"), "hub"),
    (re.compile(r"/subscriptions/.*/providers/microsoft\.storage/storageaccounts/[^/]+"), "bucket"),
)
"""What an assignment's scope is. The root counts as a management group: both lie above every subscription."""


@collector(Grant, "azure", ASSIGNMENTS, ROLES, HUBS, SERVICES, where="global")
def grants(read: Reader) -> Iterator[Row]:
    """Every role assignment that can set or read hub keys or change devices; roles that only read are left out."""
    listing = read(ROLES, scope=f"subscriptions/{read.scope.account}")
    roles, whole = by_name(listing), not isinstance(listing.cell(len), Unread)
    doors = front_doors(read)

    def row(assignment: Mapping[str, Any]) -> Iterator[Row]:
        properties = assignment["properties"]
        role = roles.get(definition_of(assignment))
        if role is None and not whole:
            return
        data = (
            allows(role, DATA_RIGHTS, data=True)
            if role
            else Unread("absent_field", ROLES.permission, "role not listed")
        )
        keys = role and any(allows(role, rights) for rights in KEY_RIGHTS.values())
        if role and not data and not keys:
            return
        covered = doors if isinstance(doors, Unread) else sum(1 for door in doors if covers(properties["scope"], door))
        yield {
            "resource": assignment["id"],
            "name": role["properties"]["roleName"] if role else None,
            "principal": properties["principalId"],
            "principal_kind": KINDS.get(str(properties.get("principalType")), "unknown"),
            "right": role["properties"]["roleName"] if role else None,
            "target_kind": target_kind(properties["scope"]),
            "holds_iot_data": covered if isinstance(covered, Unread) else covered > 0,
            "iot_data_role": data,
            "hubs_covered": covered,
        }

    yield from read.each(read(ASSIGNMENTS), row, named)


def front_doors(read: Reader) -> Any:
    """Ids of every hub and provisioning service; unread when either list is."""
    found: list[str] = []
    for operation in (HUBS, SERVICES):
        ids = read(operation).cell(lambda items: [item["id"] for item in items])
        if isinstance(ids, Unread):
            return ids
        found += ids
    return found


def target_kind(scope: str) -> str:
    """What an assignment's scope is."""
    return next((kind for shape, kind in TARGETS if shape.fullmatch(scope.lower().rstrip("/"))), "other")
