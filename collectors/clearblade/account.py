"""A ClearBlade IoT Core project: how it is found and which operations read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.operation import Operation, Policies, permissions

REGISTRIES = Operation(
    "clearblade.registries.list", "registries: read", items="deviceRegistries", shared=True, fixed=(("pageSize", 100),)
)
CREDENTIALS = Operation("clearblade.registries.credentials", "registry credentials: read")
DEVICES = Operation("clearblade.devices.list", "devices: read", items="devices", fixed=(("pageSize", 1000),))

REGIONS = ("us-central1",)
"""Region asked when the settings name none: ClearBlade's first."""

FIND: tuple[Operation, ...] = (REGISTRIES,)
"""What is asked before a scan knows that its credentials work."""


def services(operations: Iterable[Operation], _: Mapping[str, Any]) -> dict[str, Any]:
    """The services that the service account's token must reach: ClearBlade has no roles to create."""
    return {"services": permissions(operations)}


POLICIES: Policies = {"account": services}
POLICY_FORMAT = "yaml"
