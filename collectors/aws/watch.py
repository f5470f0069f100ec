"""Who would notice: trails that record administrative calls, log groups and how long they keep, tunnels left open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil
from typing import Any

from collectors.aws.account import partition, registry
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.around import LogGroup, Recording, Tunnel

TRAILS = Operation(
    "cloudtrail.describe_trails", "cloudtrail:DescribeTrails", items="trailList", fixed=(("includeShadowTrails", True),)
)
TRAIL_STATUS = Operation("cloudtrail.get_trail_status", "cloudtrail:GetTrailStatus", shared=True)
SELECTORS = Operation("cloudtrail.get_event_selectors", "cloudtrail:GetEventSelectors", shared=True)
LOG_GROUPS = Operation("logs.describe_log_groups", "logs:DescribeLogGroups", items="logGroups", fixed=(("limit", 50),))
LIST_TUNNELS = Operation(
    "iotsecuretunneling.list_tunnels", "iot:ListTunnels", items="tunnelSummaries", fixed=(("maxResults", 100),)
)
DESCRIBE_TUNNEL = Operation(
    "iotsecuretunneling.describe_tunnel", "iot:DescribeTunnel", absent=("ResourceNotFoundException",)
)

PREFIXES = ("AWSIotLogsV2", "/aws/iot", "/aws/greengrass")
"""How the names of log groups begin that AWS IoT and Greengrass write into
(AWS IoT Core, "CloudWatch Logs"; AWS IoT Greengrass V2, "Monitor AWS IoT Greengrass logs")."""


@collector(Recording, "aws", TRAILS, TRAIL_STATUS, SELECTORS)
def trails(read: Reader) -> Iterator[Row]:
    """Whether a trail records write calls in one region; trails of the organisation and of other regions count."""
    yield {
        "resource": f"{registry(read.scope)}:trail",
        "name": f"AWS CloudTrail in {read.scope.region}",
        "recorded": recorded(read),
    }


def recorded(read: Reader) -> bool | Unread:
    """Whether one trail that covers the region is logging and keeps write calls."""
    found = read(TRAILS).cell(list)
    if isinstance(found, Unread):
        return found
    unread: Unread | None = None
    for trail in found:
        home = trail["HomeRegion"]
        if not trail.get("IsMultiRegionTrail") and home != read.scope.region:
            continue
        logging = read(TRAIL_STATUS, region=home, Name=trail["TrailARN"]).cell(lambda reply: bool(reply["IsLogging"]))
        if logging is False:
            continue
        writes = read(SELECTORS, region=home, TrailName=trail["TrailARN"]).cell(keeps_writes)
        if logging is True and writes is True:
            return True
        if writes is not False:
            unread = writes if isinstance(writes, Unread) else logging
    return unread or False


def keeps_writes(reply: Mapping[str, Any]) -> bool:
    """Whether event selectors keep write calls of the management plane."""
    plain = reply.get("EventSelectors") or ()
    if any(s.get("IncludeManagementEvents", True) and s.get("ReadWriteType", "All") != "ReadOnly" for s in plain):
        return True
    return any(manages(selector.get("FieldSelectors") or ()) for selector in reply.get("AdvancedEventSelectors") or ())


def manages(fields: Any) -> bool:
    """Whether the fields of an advanced event selector let write calls of AWS IoT's management plane through."""
    wanted = {"eventCategory": "Management", "readOnly": "false", "eventSource": "iot.amazonaws.com"}
    category = False
    for field in fields:
        value = wanted.get(field["Field"])
        category |= field["Field"] == "eventCategory"
        if value is None or not lets_through(field, value):
            return False
    return category


def lets_through(field: Mapping[str, Any], value: str) -> bool:
    """Whether every operator of a field selector lets a value through."""
    tests: Mapping[str, Callable[[list[str]], bool]] = {
        "Equals": lambda given: value in given,
        "NotEquals": lambda given: value not in given,
        "StartsWith": lambda given: value.startswith(tuple(given)),
        "NotStartsWith": lambda given: not value.startswith(tuple(given)),
        "EndsWith": lambda given: value.endswith(tuple(given)),
        "NotEndsWith": lambda given: not value.endswith(tuple(given)),
    }
    return all(test(field[operator]) for operator, test in tests.items() if field.get(operator))


@collector(LogGroup, "aws", LOG_GROUPS)
def log_groups(read: Reader) -> Iterator[Row]:
    """The log groups of AWS IoT in one region. A group without a retention keeps its events for ever."""
    for prefix in PREFIXES:
        for group in read(LOG_GROUPS, logGroupNamePrefix=prefix):
            name, scope = group["logGroupName"], read.scope
            yield {
                "resource": f"arn:{partition(scope.region)}:logs:{scope.region}:{scope.account}:log-group:{name}",
                "name": name,
                "retention_days": group.get("retentionInDays", 0),
            }


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
