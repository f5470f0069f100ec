"""An Azure subscription: how it is found, and how its ARM ids are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.operation import ROLE, Operation, Policies, permissions
from collectors.schema import Row, Unread

SUBSCRIPTIONS = Operation(
    "subscriptions.subscriptions.list", "Microsoft.Resources/subscriptions/read", items="value", shared=True
)
FIND: tuple[Operation, ...] = (SUBSCRIPTIONS,)
"""What is asked before a scan knows its subscriptions."""


def resource_group(resource_id: str) -> str:
    """The resource group in an ARM id. Raises ``ValueError`` when it has none."""
    parts = resource_id.split("/")
    return parts[[part.lower() for part in parts].index("resourcegroups") + 1]


def scope_of(resource_id: str) -> str:
    """An ARM id as the SDK puts it into a path: without the slash in front."""
    return resource_id.strip("/")


def covers(scope: str, resource_id: str) -> bool:
    """Whether what holds at a scope holds for a resource of the subscription.

    The root and management groups hold for all of it: ARM lists their assignments in those subscriptions only that
    lie below them. ARM ids ignore case.
    """
    outer, inner = scope.strip("/").lower(), resource_id.strip("/").lower()
    if not outer or outer.startswith("providers/microsoft.management/managementgroups/"):
        return True
    return inner == outer or inner.startswith(f"{outer}/")


def value_or_unread(properties: Mapping[str, Any], field: str) -> Any:
    """A field's value, or an unread cell when the API version in use does not return the field."""
    return properties[field] if field in properties else Unread("absent_field", detail=f"the reply has no {field}")


def region(resource: Mapping[str, Any]) -> str:
    """A resource's location as ARM names it, whichever of its two spellings the reply has: ``westeurope``."""
    return str(resource["location"]).replace(" ", "").lower()


def named(resource: Mapping[str, Any]) -> Row:
    """What a resource is called and where it lies, whatever else the reply says of it."""
    place = {"region": region(resource)} if isinstance(resource.get("location"), str) else {}
    return {"resource": resource["id"], "name": resource.get("name"), **place}


def id_of(resource: Mapping[str, Any]) -> str:
    """The ARM id of what holds several rows."""
    return str(resource["id"])


def custom_role(operations: Iterable[Operation], _: Mapping[str, Any]) -> dict[str, Any]:
    """A custom role, as `az role definition create --role-definition` takes it."""
    asked = tuple(operations)
    return {
        "Name": ROLE[0],
        "IsCustom": True,
        "Description": ROLE[1],
        "Actions": permissions(asked),
        "NotActions": [],
        "DataActions": permissions(asked, data=True),
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/00000000-0000-0000-0000-000000000000"],
    }


POLICIES: Policies = {"account": custom_role}
POLICY_FORMAT = "json"
