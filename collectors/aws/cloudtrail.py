"""AWS CloudTrail: whether a trail records the calls that administer AWS IoT."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from collectors.aws.account import registry
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.monitoring import Recording

TRAILS = Operation(
    "cloudtrail.describe_trails", "cloudtrail:DescribeTrails", items="trailList", fixed=(("includeShadowTrails", True),)
)


TRAIL_STATUS = Operation("cloudtrail.get_trail_status", "cloudtrail:GetTrailStatus", shared=True)


SELECTORS = Operation("cloudtrail.get_event_selectors", "cloudtrail:GetEventSelectors", shared=True)


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
