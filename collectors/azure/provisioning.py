"""Device Provisioning Services: where devices enrol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from collectors.azure import addresses
from collectors.azure.account import named, region, value_or_unread
from collectors.azure.iothub import private_endpoints
from collectors.azure.roles import ASSIGNMENTS, ROLES, key_holders
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.hub import Hub
from collectors.tags import tags

SERVICES = Operation(
    "iothubprovisioningservices.iot_dps_resource.list_by_subscription",
    "Microsoft.Devices/provisioningServices/Read",
    items="value",
    shared=True,
)


@collector(Hub, "azure", SERVICES, ASSIGNMENTS, ROLES, where="global", kind="provisioning service")
def services(read: Reader) -> Iterator[Row]:
    """Every Device Provisioning Service of the subscription.

    Its address rules count where they close the service API: devices may enrol from anywhere.
    """
    yield from read.each(read(SERVICES), partial(service_row, read), named)


def service_row(read: Reader, service: Mapping[str, Any]) -> Row:
    """One service's row."""
    properties = service["properties"]
    local = value_or_unread(properties, "disableLocalAuth")
    return {
        "region": region(service),
        "resource": service["id"],
        "name": service["name"],
        "tags": tags(service.get("tags") or {}),
        "enabled": properties["state"] == "Active" if properties.get("state") else None,
        **addresses.cells(properties, ("all", "serviceapi")),
        "private_endpoints": private_endpoints(properties),
        "shared_access_keys": local if isinstance(local, Unread) else local is not True,
        "key_holders": key_holders(read, service["id"], "provisioning service"),
        "key_linked_hubs": key_linked(properties.get("iotHubs") or ()),
    }


def key_linked(links: Iterable[Mapping[str, Any]]) -> Any:
    """How many linked hubs are reached with a key, the default ("IotHubDefinitionDescription").

    A link without the field comes from an API version that does not know it.
    """
    kinds = [value_or_unread(link, "authenticationType") for link in links]
    for kind in kinds:
        if isinstance(kind, Unread):
            return kind
    return sum(1 for kind in kinds if str(kind or "KeyBased").lower() == "keybased")
