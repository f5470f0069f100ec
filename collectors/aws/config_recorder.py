"""AWS Config: whether its recorder keeps what AWS IoT policies said before they were changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.operation import Operation, Reader
from collectors.schema import Unread

RECORDERS = Operation(
    "config.describe_configuration_recorders", "config:DescribeConfigurationRecorders", items="ConfigurationRecorders"
)
RECORDER_STATUS = Operation(
    "config.describe_configuration_recorder_status", "config:DescribeConfigurationRecorderStatus",
    items="ConfigurationRecordersStatus",
)  # fmt: skip

POLICY = "AWS::IoT::Policy"


def policies_recorded(read: Reader) -> bool | Unread:
    """Whether the region's recorder runs and covers AWS IoT policies.

    Only a recorder that the customer manages counts: one that belongs to an AWS service is not listed
    (AWS Config API Reference, "DescribeConfigurationRecorders").
    """
    names: set[str] | Unread = read(RECORDERS).cell(
        lambda recorders: {r["name"] for r in recorders if covers(r.get("recordingGroup") or {})}
    )
    if isinstance(names, Unread) or not names:
        return names if isinstance(names, Unread) else False
    recorded: bool | Unread = read(RECORDER_STATUS).cell(
        lambda states: any(running(state) for state in states if state["name"] in names)
    )
    return recorded


def covers(group: Mapping[str, Any]) -> bool:
    """Whether a recording group has AWS IoT policies in it.

    An empty one has every supported type. A group without a strategy is of the time before types could be excluded
    (AWS Config API Reference, "RecordingGroup").
    """
    strategy = (group.get("recordingStrategy") or {}).get("useOnly")
    if strategy == "EXCLUSION_BY_RESOURCE_TYPES":
        return POLICY not in ((group.get("exclusionByResourceTypes") or {}).get("resourceTypes") or ())
    everything = not group or strategy == "ALL_SUPPORTED_RESOURCE_TYPES" or bool(group.get("allSupported"))
    return everything or POLICY in (group.get("resourceTypes") or ())


def running(state: Mapping[str, Any]) -> bool:
    """Whether a recorder is switched on, and its latest recording did not fail."""
    return bool(state.get("recording")) and state.get("lastStatus") != "Failure"
