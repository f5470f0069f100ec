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
        "recorded": records_writes(read),
    }


def records_writes(read: Reader) -> bool | Unread:
    """Whether one trail that covers the region is logging and keeps write calls."""
    found = read(TRAILS).cell(list)
    if isinstance(found, Unread):
        return found
    unread: Unread | None = None
    for trail in found:
        if not trail.get("IsMultiRegionTrail") and trail["HomeRegion"] != read.scope.region:
            continue
        told = keeps(read, trail)
        if told is True:
            return True
        if isinstance(told, Unread):
            unread = told
    return unread or False


def keeps(read: Reader, trail: Mapping[str, Any]) -> bool | Unread:
    """Whether one trail is logging and keeps write calls, as far as the account may know.

    The trail of an organisation lies in another account. There a member may not read the event selectors, but the trail
    itself tells whether it has any of its own: one without keeps every call of the management plane.
    """
    arn, home = trail["TrailARN"], trail["HomeRegion"]
    owner = arn.split(":")[4]
    logging = read(TRAIL_STATUS, region=home, Name=arn).cell(lambda reply: bool(reply["IsLogging"]))
    if logging is False:
        return False
    if owner == read.scope.account or trail.get("HasCustomEventSelectors") is not False:
        writes = read(SELECTORS, region=home, TrailName=arn).cell(keeps_writes)
    else:
        writes = True
    if writes is False:
        return False
    missing = next((told for told in (writes, logging) if isinstance(told, Unread)), None)
    if missing and owner != read.scope.account and missing.cause == "out_of_scope_account":
        return Unread("out_of_scope_account", detail=f"the trail belongs to account {owner}")
    return missing or True


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
