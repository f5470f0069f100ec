"""Registries and devices of ClearBlade IoT Core, which speaks Cloud IoT v1."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from collectors.clearblade.account import CREDENTIALS, DEVICES, REGISTRIES
from collectors.gcp import registry
from collectors.operation import Reader, Reply, collector
from collectors.schema import Row, Unread
from collectors.tables.device import Certificate, Device
from collectors.tables.hub import Hub, Log


def full(name: str) -> str:
    """The id of a registry or device: ClearBlade's resource name as it is."""
    return name


def registries(read: Reader) -> Reply:
    """The registries of the scope's region."""
    return read(REGISTRIES, parent=f"projects/{read.scope.account}/locations/{read.scope.region}")


@collector(Hub, "clearblade", REGISTRIES)
def hubs(read: Reader) -> Iterator[Row]:
    """Every registry of one region."""
    yield from read.each(registries(read), partial(registry.hub, full=full), partial(registry.named, full=full))


@collector(Log, "clearblade", REGISTRIES)
def logs(read: Reader) -> Iterator[Row]:
    """What every registry of one region logs."""
    yield from read.each(registries(read), partial(registry.log, full=full), partial(registry.named, full=full))


@collector(Certificate, "clearblade", REGISTRIES)
def authorities(read: Reader) -> Iterator[Row]:
    """The CA certificates of every registry of one region."""
    yield from read.each(registries(read), partial(registry.certificates, read, full), registry.name_of)


@collector(Device, "clearblade", REGISTRIES, CREDENTIALS, DEVICES)
def devices(read: Reader) -> Iterator[Row]:
    """Every device of every registry of one region. Each registry has credentials of its own."""
    known = registries(read)
    complete: Any = known.cell(len)
    pairs = []
    for item in known:
        opened = read(CREDENTIALS, registry=registry.name_of(item))
        let_in = opened.cell(bool)
        if isinstance(let_in, Unread):
            complete = let_in
            list(opened)  # notes that devices are missing
        else:
            pairs.append((item, read(DEVICES, parent=registry.name_of(item))))
    yield from registry.devices(read, pairs, full, complete)
