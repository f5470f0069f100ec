"""Trails and log groups of the lab's AWS estate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.aws_answers import Answer, Reply, named, page
from lab.aws_policies import ACCOUNT, HOME


def trail(name: str, multi: bool) -> Reply:
    """A trail as it is described."""
    return {
        "Name": name,
        "S3BucketName": "brightwater-audit",
        "IncludeGlobalServiceEvents": multi,
        "IsMultiRegionTrail": multi,
        "HomeRegion": HOME,
        "TrailARN": f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/{name}",
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": multi,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
    }


TRAILS = [trail("europe", False), trail("object-access", True), trail("stopped-2023", True)]
"""Administration is recorded in Europe only: the trails of every region keep reads of objects, or are stopped."""


OBJECTS = [
    {"Field": "eventCategory", "Equals": ["Data"]},
    {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
]


def describe_trails(region: str, params: Mapping[str, Any]) -> Reply:
    seen = [t for t in TRAILS if t["HomeRegion"] == region or t["IsMultiRegionTrail"]]
    return {"trailList": seen}


def trail_named(arn: str) -> str:
    """The name of a trail; raises Missing."""
    return str(named(TRAILS, "TrailARN", arn)["Name"])


def event_selectors(_: str, params: Mapping[str, Any]) -> Reply:
    if trail_named(params["TrailName"]) == "object-access":
        selectors = [{"Name": "objects", "FieldSelectors": OBJECTS}]
        return {"TrailARN": params["TrailName"], "AdvancedEventSelectors": selectors}
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}
    return {"TrailARN": params["TrailName"], "EventSelectors": [selector]}


LOG_GROUPS: dict[str, dict[str, int]] = {
    HOME: {
        "AWSIotLogsV2": 365,
        "/aws/greengrass/UserComponent/meter": 14,
        "/aws/iot/fleetwise": 0,
        "/aws/lambda/vet": 0,
    }
}
"""Log groups and the days they keep; 0 is for ever."""


def log_groups(region: str, params: Mapping[str, Any]) -> Reply:
    items = []
    for name, days in LOG_GROUPS.get(region, {}).items():
        if name.startswith(params.get("logGroupNamePrefix", "")):
            group: Reply = {"logGroupName": name, "arn": f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}:*"}
            items.append(group | ({"retentionInDays": days} if days else {}))
    return page(items, params, "logGroups", "nextToken")


ANSWERS: dict[str, Answer] = {
    "cloudtrail.describe_trails": describe_trails,
    "cloudtrail.get_trail_status": lambda _, params: {"IsLogging": trail_named(params["Name"]) != "stopped-2023"},
    "cloudtrail.get_event_selectors": event_selectors,
    "logs.describe_log_groups": log_groups,
}
