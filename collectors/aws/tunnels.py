"""Secure tunnels of AWS IoT into devices."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from collectors.operation import Operation, Reader, collector
from collectors.schema import Row
from collectors.tables.edge import Tunnel

LIST_TUNNELS = Operation(
    "iotsecuretunneling.list_tunnels", "iot:ListTunnels", items="tunnelSummaries", fixed=(("maxResults", 100),)
)


DESCRIBE_TUNNEL = Operation(
    "iotsecuretunneling.describe_tunnel", "iot:DescribeTunnel", absent=("ResourceNotFoundException",)
)


@collector(Tunnel, "aws", LIST_TUNNELS, DESCRIBE_TUNNEL)
def tunnels(read: Reader) -> Iterator[Row]:
    """Every secure tunnel of one region; closed ones stay in the list for a while and are only listed."""
    for listed in read(LIST_TUNNELS):
        opened = listed["status"] == "OPEN"
        row: dict[str, Any] = {
            "resource": listed["tunnelArn"],
            "name": listed.get("description") or listed["tunnelId"],
            "open": opened,
            "age_hours": ceil((read.clock - listed["createdAt"]).total_seconds() / 3600),
        }
        if opened:
            row["lifetime_minutes"] = read(DESCRIBE_TUNNEL, tunnelId=listed["tunnelId"]).cell(
                lambda reply: reply["tunnel"]["timeoutConfig"]["maxLifetimeTimeoutMinutes"]
            )
        yield row
