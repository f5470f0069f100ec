"""What is tagged in the lab's AWS estate. moto's tagging API knows nothing of AWS IoT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.aws_answers import Answer, Missing, Reply
from lab.aws_estate import arn
from lab.aws_policies import HOME
from lab.aws_rule_targets import telemetry_key
from lab.server import CANARY

UNKNOWN = "signer"
"""A service that the API does not know outside the home region, as it does not know all in every one."""
SCRIPT = "<script>alert('tag')</script>"


def tagged(region: str) -> dict[str, dict[str, str]]:
    """The tags of every tagged resource of a region, by ARN."""
    if region != HOME:
        return {arn(region, "policy/PilotEverything"): {"team": "pilot", "Stage": "test"}}
    return {
        arn(HOME, "policy/GatewayLegacy"): {"team": "gateways", "password": CANARY},
        arn(HOME, "policy/ValveService"): {"team": "valves", "login": f"AccountKey={CANARY}"},
        arn(HOME, "rule/alarms_2019"): {"Team": "integration"},
        "arn:aws:s3:::brightwater-dashboard": {"team": "web", SCRIPT: SCRIPT},
        "arn:aws:s3:::brightwater-lake": {"team": "data"},
        telemetry_key(): {"team": "data", "cost-centre": "4711"},
    }


def get_resources(region: str, params: Mapping[str, Any]) -> Reply:
    """One page of the tagged resources of the services asked for; the last page's token is empty."""
    wanted = {one.partition(":")[0] for one in params.get("ResourceTypeFilters") or ()}
    if region != HOME and UNKNOWN in wanted:
        raise Missing(UNKNOWN, "InvalidParameterException", 400)
    found = [
        {"ResourceARN": name, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for name, tags in tagged(region).items()
        if not wanted or name.split(":")[2] in wanted
    ]
    start = int(params.get("PaginationToken") or 0)
    end = start + min(int(params.get("ResourcesPerPage") or 50), 4)
    return {"ResourceTagMappingList": found[start:end], "PaginationToken": str(end) if end < len(found) else ""}


ANSWERS: dict[str, Answer] = {"resourcegroupstaggingapi.get_resources": get_resources}
