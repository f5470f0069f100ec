"""IoT hubs: their front doors, and the ways out of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from collectors.azure import addresses
from collectors.azure.account import id_of, named, region
from collectors.azure.roles import ASSIGNMENTS, ROLES, key_holders
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.data import Route
from collectors.tables.hub import Hub
from collectors.tags import tags

HUBS = Operation(
    "iothub.iot_hub_resource.list_by_subscription", "Microsoft.Devices/IotHubs/read", items="value", shared=True
)
KEYED_DEVICES = Operation(
    "iothubdata.query",
    "Microsoft.Devices/IotHubs/twins/read",
    items=".",
    fixed=(
        ("query", "SELECT COUNT() AS devices FROM devices WHERE status = 'enabled' AND authenticationType = 'sas'"),
    ),
    data=True,
)

ENDPOINTS = ("eventHubs", "serviceBusQueues", "serviceBusTopics", "storageContainers", "cosmosDBSqlContainers")
"""Kinds of routing endpoints, as the API names them."""
DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


@collector(Hub, "azure", HUBS, ASSIGNMENTS, ROLES, KEYED_DEVICES, where="global", kind="iot hub")
def hubs(read: Reader) -> Iterator[Row]:
    """Every IoT hub of the subscription."""
    yield from read.each(read(HUBS), partial(hub_row, read), named)


def hub_row(read: Reader, hub: Mapping[str, Any]) -> Row:
    """One hub's row."""
    properties = hub["properties"]
    return {
        "region": region(hub),
        "resource": hub["id"],
        "name": hub["name"],
        "tags": tags(hub.get("tags") or {}),
        "enabled": properties["state"] == "Active" if properties.get("state") else None,
        "min_tls": min_tls(properties, read.options.get("cloud", "public")),
        **addresses.cells(properties),
        "events_endpoint_filtered": events_endpoint_filtered(properties),
        "private_endpoints": private_endpoints(properties),
        "egress_restricted": properties.get("restrictOutboundNetworkAccess") is True,
        "routes": sum(1 for _ in endpoints(properties)),
        "shared_access_keys": properties.get("disableLocalAuth") is not True,
        "device_keys_allowed": not (properties.get("disableDeviceSAS") and properties.get("disableModuleSAS")),
        "devices_using_keys": devices_with_keys(read, hub),
        "key_holders": key_holders(read, hub["id"], "iot hub"),
    }


@collector(Route, "azure", HUBS, where="global")
def routes(read: Reader) -> Iterator[Row]:
    """Every routing endpoint and the file upload of every IoT hub.

    Azure encrypts at rest every kind of store that a hub can send to ("Azure data encryption at rest").
    """
    yield from read.each(read(HUBS), partial(routes_of, read), id_of)


def routes_of(read: Reader, hub: Mapping[str, Any]) -> Iterator[Row]:
    """Every routing endpoint and the file upload of one hub."""
    properties = hub["properties"]
    about = {"region": region(hub), "resource": hub["id"], "hub": hub["id"], "encrypted_at_rest": True}
    used = used_endpoints(properties)

    def subject(found: tuple[str, Mapping[str, Any]]) -> Row:
        return {**named(hub), "subject": f"{found[0]}/{found[1]['name']}", "name": found[1]["name"]}

    def row(found: tuple[str, Mapping[str, Any]]) -> Row:
        kind, endpoint = found
        return {
            **about,
            "subject": f"{kind}/{endpoint['name']}",
            "name": endpoint["name"],
            "kind": kind,
            "target": destination(endpoint),
            "enabled": endpoint["name"] in used,
            "keyed": uses_stored_key(endpoint),
        }

    yield from read.each(endpoints(properties), row, subject)
    if upload := file_upload(properties):
        yield {
            **about,
            "subject": "fileUpload",
            "name": f"{hub['name']} file upload",
            "kind": "fileUpload",
            "target": destination(upload),
            "enabled": True,
            "keyed": uses_stored_key(upload),
            "upload_hours": hours(upload.get("sasTtlAsIso8601") or "PT1H"),
        }


def min_tls(properties: Mapping[str, Any], cloud: str) -> Any:
    """The hub's own floor. Where none is set, the public cloud's platform has one and the sovereign clouds have not.

    Since 31 August 2025 the public cloud refuses TLS below 1.2 whatever the hub says, so a hub that says nothing is
    neither known to be weak nor known to be strict ("TLS support in IoT Hub").
    """
    stated = properties.get("minTlsVersion")
    if stated:
        return stated if stated in ("1.0", "1.1", "1.2", "1.3") else Unread("not_parseable", detail="minTlsVersion")
    if cloud == "public":
        return Unread("absent_field", detail="minTlsVersion is not set; the platform's own floor applies")
    return "1.0"


def events_endpoint_filtered(properties: Mapping[str, Any]) -> Any:
    """Whether address rules cover the built-in endpoint; the legacy list never does, and no list says nothing."""
    if str(properties.get("publicNetworkAccess")).lower() == "disabled":
        return True
    if rules := properties.get("networkRuleSets"):
        return rules.get("applyToBuiltInEventHubEndpoint") is True
    if properties.get("ipFilterRules"):
        return False
    return Unread("no_data_source", detail="the hub has no address rules")


def private_endpoints(properties: Mapping[str, Any]) -> int:
    """Private endpoint connections that somebody approved."""
    states = (
        ((one.get("properties") or {}).get("privateLinkServiceConnectionState") or {}).get("status")
        for one in properties.get("privateEndpointConnections") or ()
    )
    return sum(1 for state in states if state == "Approved")


def endpoints(properties: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every custom routing endpoint with its kind."""
    held = (properties.get("routing") or {}).get("endpoints") or {}
    for kind in ENDPOINTS:
        for endpoint in held.get(kind) or ():
            yield kind, endpoint


def used_endpoints(properties: Mapping[str, Any]) -> set[str]:
    """Names of the endpoints that an enabled route sends to."""
    routing = properties.get("routing") or {}
    every = [*(routing.get("routes") or ()), routing.get("fallbackRoute") or {}]
    return {name for route in every if route.get("isEnabled") for name in route.get("endpointNames") or ()}


def file_upload(properties: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The storage that devices upload files to. ARM describes an empty one where there is none."""
    default: Mapping[str, Any] = (properties.get("storageEndpoints") or {}).get("$default") or {}
    return default if default.get("containerName") or default.get("connectionString") else None


def uses_stored_key(endpoint: Mapping[str, Any]) -> bool:
    """Whether a stored key opens the endpoint; ``keyBased`` is the default ("IotHubResource", authenticationType)."""
    return str(endpoint.get("authenticationType")).lower() != "identitybased"


def places(endpoint: Mapping[str, Any]) -> dict[str, str]:
    """What is left of the endpoint's connection string: the parts that name a place, by lower-case name."""
    parts = (part.partition("=") for part in str(endpoint.get("connectionString") or "").split(";"))
    return {name.strip().lower(): value for name, sign, value in parts if sign}


def storage_account(endpoint: Mapping[str, Any]) -> str | None:
    """Name of the storage account behind an endpoint, lower case; None when the reply does not tell."""
    named = places(endpoint)
    if account := named.get("accountname"):
        return account.lower()
    address = endpoint.get("endpointUri") or named.get("blobendpoint") or ""
    found = re.match(r"https?://([a-z0-9]{3,24})\.", address.lower())
    return found[1] if found else None


def destination(endpoint: Mapping[str, Any]) -> str | None:
    """Where an endpoint leads: its address, and the entity or container there."""
    named = places(endpoint)
    address = (
        endpoint.get("endpointUri") or named.get("endpoint") or named.get("blobendpoint") or storage_account(endpoint)
    )
    entity = endpoint.get("entityPath") or named.get("entitypath") or endpoint.get("containerName") or ""
    return "/".join(part for part in (str(address or "").rstrip("/"), str(entity)) if part) or None


def hours(duration: str) -> Any:
    """An ISO 8601 duration in hours, rounded up."""
    found = DURATION.fullmatch(duration)
    if not found or not any(found.groups()):
        return Unread("not_parseable", detail="sasTtlAsIso8601")
    days, whole, minutes, seconds = (float(part or 0) for part in found.groups())
    return math.ceil(days * 24 + whole + minutes / 60 + seconds / 3600)


def answers_queries(hub: Mapping[str, Any]) -> bool:
    """Whether the hub's tier has twin queries: the basic tier has not ("Choose the right IoT Hub tier")."""
    return str((hub.get("sku") or {}).get("tier")).lower() != "basic"


def devices_with_keys(read: Reader, hub: Mapping[str, Any]) -> Any:
    """How many enabled devices of a hub authenticate with a symmetric key."""
    if not answers_queries(hub):
        return Unread("no_data_source", detail="a hub of the basic tier answers no twin queries")
    host = hub["properties"].get("hostName")
    if not host:
        return Unread("absent_field", detail="the hub has no hostName, as while it is activated")
    return read(KEYED_DEVICES, host=host).cell(lambda found: int(found[0]["devices"]))
