"""Registries and devices of Google's own Cloud IoT v1, where an endpoint still speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from collectors.causes import NOTHING_THERE
from collectors.gcp import registry
from collectors.gcp.account import full_name, project, regions
from collectors.operation import Operation, Reader, Reply, collector
from collectors.schema import Row, Unread
from collectors.tables.device import Certificate, Device
from collectors.tables.hub import Hub, Log

REGISTRIES = Operation(
    "cloudiot.projects.locations.registries.list",
    "cloudiot.registries.list",
    items="deviceRegistries",
    shared=True,
    fixed=(("page_size", 1000),),
)
DEVICES = Operation(
    "cloudiot.projects.locations.registries.devices.list",
    "cloudiot.devices.list",
    items="devices",
    fixed=(("page_size", 1000),),
)
RETIRED = "ServiceRetired"
"""The code of every read while the settings name no endpoint that still speaks Cloud IoT v1."""


def full(name: str) -> str:
    """The full resource name of a registry or device."""
    return full_name("cloudiot", name)


def registries(read: Reader, region: str = "") -> Reply:
    """The registries of one location, the scope's own unless another is named."""
    region = region or read.scope.region
    return read(REGISTRIES, region, parent=f"{project(read)}/locations/{region}")


def telemetry_topics(read: Reader) -> Any:
    """Relative names of the topics that registries publish to. A retired service has none."""
    found: set[str] = set()
    for region in regions(read):
        named = registries(read, region).cell(registry_topics)
        if isinstance(named, Unread):
            if named.cause in NOTHING_THERE:
                continue
            return named
        found |= named
    return frozenset(found)


def registry_topics(found: list[dict[str, Any]]) -> set[str]:
    """The topics that registries send telemetry and state to."""
    configs = [c for r in found for c in (*r.get("eventNotificationConfigs", ()), r.get("stateNotificationConfig"))]
    return {c["pubsubTopicName"] for c in configs if c and c.get("pubsubTopicName")}


@collector(Hub, "gcp", REGISTRIES)
def hubs(read: Reader) -> Iterator[Row]:
    """Every registry of one location."""
    yield from read.each(registries(read), partial(registry.hub, full=full), partial(registry.named, full=full))


@collector(Log, "gcp", REGISTRIES)
def logs(read: Reader) -> Iterator[Row]:
    """What every registry of one location logs."""
    yield from read.each(registries(read), partial(registry.log, full=full), partial(registry.named, full=full))


@collector(Certificate, "gcp", REGISTRIES)
def authorities(read: Reader) -> Iterator[Row]:
    """The CA certificates of every registry of one location."""
    yield from read.each(registries(read), partial(registry.certificates, read, full), registry.name_of)


@collector(Device, "gcp", REGISTRIES, DEVICES)
def devices(read: Reader) -> Iterator[Row]:
    """Every device of every registry of one location."""
    known = registries(read)
    state = known.cell(len)
    if isinstance(state, Unread) and state.code == RETIRED:
        list(read(DEVICES, parent=f"{project(read)}/locations/{read.scope.region}/registries/none"))
    pairs = [(item, read(DEVICES, parent=registry.name_of(item))) for item in known]
    yield from registry.devices(read, pairs, full, state)
