"""Resource logs of hubs and provisioning services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.azure.account import named, region, scope_of
from collectors.azure.iothub import HUBS
from collectors.azure.provisioning import SERVICES
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row
from collectors.tables.hub import Log

SETTINGS = Operation("monitor.diagnostic_settings.list", "Microsoft.Insights/diagnosticSettings/read", items="value")

GROUPS = {"allLogs", "audit"}
HUB_CATEGORIES = {"Connections", "DeviceIdentityOperations"}
DESTINATIONS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")


@collector(Log, "azure", HUBS, SETTINGS, where="global", kind="iot hub")
def hub_logs(read: Reader) -> Iterator[Row]:
    """What every IoT hub logs: a category group, or both connections and changes of device identities."""

    def logged(hub: Mapping[str, Any]) -> Row:
        reply = read(SETTINGS, resource_uri=scope_of(hub["id"]))
        return row(
            hub,
            reply.cell(
                lambda found: bool(GROUPS & enabled_categories(found)) or enabled_categories(found) >= HUB_CATEGORIES
            ),
        )

    yield from read.each(read(HUBS), logged, named)


@collector(Log, "azure", SERVICES, SETTINGS, where="global", kind="provisioning service")
def service_logs(read: Reader) -> Iterator[Row]:
    """What every Device Provisioning Service logs: any category."""

    def logged(service: Mapping[str, Any]) -> Row:
        reply = read(SETTINGS, resource_uri=scope_of(service["id"]))
        return row(service, reply.cell(lambda found: bool(enabled_categories(found))))

    yield from read.each(read(SERVICES), logged, named)


def row(source: Mapping[str, Any], kept: Any) -> Row:
    """The row of one front door."""
    return {
        "region": region(source),
        "resource": source["id"],
        "name": source["name"],
        "hub": source["id"],
        "logs_connections": kept,
    }


def enabled_categories(settings: Iterable[Mapping[str, Any]]) -> set[str]:
    """Categories and category groups that are enabled in a setting with a destination."""
    return {
        str(log.get("category") or log.get("categoryGroup"))
        for setting in settings
        if any(setting["properties"].get(place) for place in DESTINATIONS)
        for log in setting["properties"].get("logs") or ()
        if log.get("enabled")
    }
