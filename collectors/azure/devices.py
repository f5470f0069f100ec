"""Devices, out of the twins of their hub: twins never hold keys, unlike the identity registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from collectors.azure.account import id_of, region
from collectors.azure.iothub import HUBS, answers_queries
from collectors.operation import Operation, Reader, ReadFailed, collector
from collectors.schema import Row, Unread
from collectors.tables.device import Device

QUERY = (
    "SELECT deviceId, status, authenticationType, x509Thumbprint, capabilities, lastActivityTime, connectionState, "
    "parentScopes FROM devices"
)
TWINS = Operation(
    "iothubdata.query",
    "Microsoft.Devices/IotHubs/twins/read",
    items=".",
    fixed=(("query", QUERY),),
    data=True,
)
TWINS_AND_TAGS = replace(TWINS, fixed=(("query", QUERY.replace(" FROM", ", tags FROM")),))
"""Asked only where an owner's rule names a tag: tags may be long, and personal."""
Holders = Mapping[str, set[str]] | Unread
"""Enabled devices by each thumbprint they hold."""
AUTH = {"sas": "symmetric-key", "selfSigned": "self-signed", "certificateAuthority": "authority", "none": "none"}


@collector(Device, "azure", HUBS, TWINS, TWINS_AND_TAGS, where="global")
def devices(read: Reader) -> Iterator[Row]:
    """Every device of every hub that answers twin queries; a hub of the basic tier is noted as not read."""
    yield from read.each(read(HUBS), partial(devices_of, read), id_of)


def devices_of(read: Reader, hub: Mapping[str, Any]) -> Iterator[Row]:
    """Every device of one hub."""
    if not answers_queries(hub):
        basic = ReadFailed("unavailable", "BasicTier", "no twin queries")
        read.gap(basic, TWINS, hub["properties"]["hostName"], cause="no_data_source")
        return
    twins = read(TWINS_AND_TAGS if read.memory.device_tags else TWINS, host=hub["properties"]["hostName"])
    holders = twins.cell(holders_of)
    yield from read.each(twins, partial(device, read, hub, holders), partial(named, hub))


def named(hub: Mapping[str, Any], twin: Mapping[str, Any]) -> Row:
    """What a device is called, whatever else its twin says."""
    return {
        "region": region(hub),
        "resource": f"{hub['id']}/devices/{twin['deviceId']}",
        "name": twin["deviceId"],
    }


def device(read: Reader, hub: Mapping[str, Any], holders: Holders, twin: Mapping[str, Any]) -> Row:
    """One device's row."""
    connected, since = activity(read, twin)
    return {
        **named(hub, twin),
        "hub": hub["id"],
        "tags": read.device_tags(twin.get("tags")),
        "enabled": twin["status"] == "enabled" if twin.get("status") else None,
        "auth": auth(twin),
        "sharers": sharers(twin, holders),
        "credentials": len(thumbprints(twin)) if twin.get("authenticationType") == "selfSigned" else None,
        "silent_days": since,
        "ever_connected": connected,
        "edge": (twin.get("capabilities") or {}).get("iotEdge") is True,
    }


def auth(twin: Mapping[str, Any]) -> Any:
    """How a device proves who it is. One that stands behind a gateway may leave that to it."""
    kind = twin.get("authenticationType")
    if kind == "none" and twin.get("parentScopes"):
        return Unread("no_data_source", detail="the device has no credential of its own and stands behind a gateway")
    return AUTH.get(str(kind)) or Unread("not_parseable", detail="authenticationType")


def thumbprints(twin: Mapping[str, Any]) -> set[str]:
    """The certificates a device holds. A slot of zeros is empty."""
    held = twin.get("x509Thumbprint") or {}
    found = {
        str(held.get(slot) or "").replace(":", "").upper() for slot in ("primaryThumbprint", "secondaryThumbprint")
    }
    return {one for one in found if one.strip("0")}


def holders_of(twins: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Enabled devices by each thumbprint they hold."""
    held: dict[str, set[str]] = {}
    for twin in twins:
        if twin.get("status") == "enabled" and twin.get("deviceId"):
            for one in thumbprints(twin):
                held.setdefault(one, set()).add(twin["deviceId"])
    return held


def sharers(twin: Mapping[str, Any], holders: Holders) -> Any:
    """Other enabled devices of the hub with the same certificate, as far as a twin shows the credential."""
    if isinstance(holders, Unread):
        return holders
    if twin.get("authenticationType") == "none":
        return 0
    held = thumbprints(twin)
    if not held:
        return Unread("no_data_source", detail="a twin shows neither keys nor certificates that a CA signed")
    return len(set().union(*(holders.get(one, ()) for one in held)) - {twin["deviceId"]})


def activity(read: Reader, twin: Mapping[str, Any]) -> tuple[Any, Any]:
    """Whether a device was ever heard of, and days since then. The year 1 is how the service says never."""
    if twin.get("connectionState") == "Connected":
        return True, 0
    last = twin.get("lastActivityTime")
    if not last:
        unread = Unread("absent_field", detail="lastActivityTime")
        return unread, unread
    if last.startswith("0001-01-01"):
        return False, None
    try:
        moment = datetime.fromisoformat(last)
    except ValueError:
        return True, Unread("not_parseable", detail="lastActivityTime is no date")
    return True, read.days_since(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
