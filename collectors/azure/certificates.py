"""CA certificates that hubs and provisioning services trust."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from collectors.azure.account import id_of, named, region, resource_group
from collectors.azure.iothub import HUBS
from collectors.azure.provisioning import SERVICES
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.device import Certificate
from collectors.x509 import certificate_facts

HUB_CERTIFICATES = Operation(
    "iothub.certificates.list_by_iot_hub", "Microsoft.Devices/IotHubs/certificates/read", items="value"
)
SERVICE_CERTIFICATES = Operation(
    "iothubprovisioningservices.dps_certificate.list",
    "Microsoft.Devices/provisioningServices/certificates/Read",
    items="value",
)


@collector(Certificate, "azure", HUBS, HUB_CERTIFICATES, where="global")
def hub_authorities(read: Reader) -> Iterator[Row]:
    """Every CA certificate registered at an IoT hub."""

    def held(hub: Mapping[str, Any]) -> Iterator[Row]:
        where = {"resource_group_name": resource_group(hub["id"]), "resource_name": hub["name"]}
        return rows(read, hub, read(HUB_CERTIFICATES, **where))

    yield from read.each(read(HUBS), held, id_of)


@collector(Certificate, "azure", SERVICES, SERVICE_CERTIFICATES, where="global")
def service_authorities(read: Reader) -> Iterator[Row]:
    """Every CA certificate registered at a Device Provisioning Service."""

    def held(service: Mapping[str, Any]) -> Iterator[Row]:
        where = {"resource_group_name": resource_group(service["id"]), "provisioning_service_name": service["name"]}
        return rows(read, service, read(SERVICE_CERTIFICATES, **where))

    yield from read.each(read(SERVICES), held, id_of)


def rows(read: Reader, hub: Mapping[str, Any], listed: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """The certificates of one hub or service. Each lies where that does."""
    return read.each(listed, partial(row, read, hub), lambda held: {**named(hub), **named(held)})


def row(read: Reader, hub: Mapping[str, Any], held: Mapping[str, Any]) -> Row:
    """The cells of one certificate. A CA that nobody proved to own is inert: the hub refuses its devices."""
    properties = held["properties"]
    verified = properties.get("isVerified")
    facts = (
        certificate_facts(certificate_bytes(properties["certificate"]), read.clock, read.memory.weak)
        if properties.get("certificate")
        else {}
    )
    created = moment(properties.get("created"))
    expiry = moment(properties.get("expiry"))
    return {
        "region": region(hub),
        "resource": held["id"],
        "name": held["name"],
        "kind": "authority",
        "hub": hub["id"],
        "active": verified,
        "possession_verified": verified,
        "age_days": read.days_since(created) if created else None,
        "expires_in_days": read.days_until(expiry) if expiry else Unread("absent_field", detail="expiry"),
        **facts,
    }


def certificate_bytes(content: str) -> bytes:
    """The certificate's bytes, PEM or DER, out of the base64 that ARM wraps them in; empty when it is none."""
    if "-----BEGIN" in content:
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return b""


def moment(text: str | None) -> datetime | None:
    """A time as HTTP writes it, which is how this API writes dates."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
