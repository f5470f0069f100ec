"""Amazon CloudWatch Logs: the log groups of AWS IoT and Greengrass, and how long they keep events."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.aws.account import partition
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row
from collectors.tables.monitoring import LogGroup

LOG_GROUPS = Operation("logs.describe_log_groups", "logs:DescribeLogGroups", items="logGroups", fixed=(("limit", 50),))


PREFIXES = ("AWSIotLogsV2", "/aws/iot", "/aws/greengrass")
"""How the names of log groups begin that AWS IoT and Greengrass write into
(AWS IoT Core, "CloudWatch Logs"; AWS IoT Greengrass V2, "Monitor AWS IoT Greengrass logs")."""


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
