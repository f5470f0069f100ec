"""Secure tunnels into devices of the lab's AWS estate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lab.aws_answers import Answer, Missing, Reply, page
from lab.aws_policies import ACCOUNT, HOME
from lab.clock import now


def hours_ago(hours: float) -> datetime:
    """A time before now."""
    return now() - timedelta(hours=hours)


TUNNELS: dict[str, list[tuple[str, str, float, int]]] = {
    HOME: [
        ("pump-limerick repair", "OPEN", 0.5, 60),
        ("vendor access, do not close", "OPEN", 9, 720),
        ("meter-cork last month", "CLOSED", 700, 720),
    ]
}
"""Secure tunnels: description, status, hours since they were opened, minutes they may stay open."""


def tunnel(region: str, index: int) -> Reply:
    """A tunnel as it is listed."""
    description, status, hours, _ = TUNNELS[region][index]
    identifier = f"7c1d2e3f-0000-4000-8000-00000000000{index}"
    return {
        "tunnelId": identifier,
        "tunnelArn": f"arn:aws:iot:{region}:{ACCOUNT}:tunnel/{identifier}",
        "status": status,
        "description": description,
        "createdAt": hours_ago(hours),
        "lastUpdatedAt": hours_ago(hours),
    }


def list_tunnels(region: str, params: Mapping[str, Any]) -> Reply:
    items = [tunnel(region, index) for index in range(len(TUNNELS.get(region, [])))]
    return page(items, params, "tunnelSummaries", "nextToken")


def describe_tunnel(region: str, params: Mapping[str, Any]) -> Reply:
    for index, (_, _, _, minutes) in enumerate(TUNNELS.get(region, [])):
        found = tunnel(region, index)
        if found["tunnelId"] == params["tunnelId"]:
            return {"tunnel": found | {"timeoutConfig": {"maxLifetimeTimeoutMinutes": minutes}}}
    raise Missing(params["tunnelId"])


ANSWERS: dict[str, Answer] = {
    "iotsecuretunneling.list_tunnels": list_tunnels,
    "iotsecuretunneling.describe_tunnel": describe_tunnel,
}
