"""The IAM roles that topic rules act with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.iam import DETAILS, behind
from collectors.aws.rules import GET_RULE, LIST_RULES, actions
from collectors.operation import Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.access import RuleRole

SERVICES: Mapping[str, str] = {
    "s3": "s3",
    "sqs": "sqs",
    "sns": "sns",
    "kinesis": "kinesis",
    "firehose": "firehose",
    "dynamoDB": "dynamodb",
    "dynamoDBv2": "dynamodb",
    "timestream": "timestream",
    "republish": "iot",
    "openSearch": "es",
    "elasticsearch": "es",
    "cloudwatchLogs": "logs",
    "cloudwatchMetric": "cloudwatch",
    "cloudwatchAlarm": "cloudwatch",
    "iotEvents": "iotevents",
    "iotAnalytics": "iotanalytics",
    "iotSiteWise": "iotsitewise",
    "stepFunctions": "states",
    "location": "geo",
    "influxDB": "secretsmanager",
}
"""Per kind of action, the prefix of the IAM actions it needs (AWS IoT Core, "AWS IoT rule actions")."""


@collector(RuleRole, "aws", LIST_RULES, GET_RULE, DETAILS)
def rule_roles(read: Reader) -> Iterator[Row]:
    """Every action of every topic rule of one region that acts with a role, with every policy of that role."""
    for listed in read(LIST_RULES):
        for reply in read(GET_RULE, ruleName=listed["ruleName"]):
            for subject, kind, action in actions(reply["rule"]):
                signed = (action.get("auth") or {}).get("sigv4") or {}
                if role := action.get("roleArn") or signed.get("roleArn"):
                    yield {
                        "resource": reply.get("ruleArn") or listed["ruleArn"],
                        "name": listed["ruleName"],
                        "subject": subject,
                        "kind": kind,
                        "service": signed.get("serviceName")
                        or SERVICES.get(kind, Unread("not_parseable", detail=f"kind of action {kind}")),
                        "role": role,
                        "documents": policies_of_role(read, role),
                    }


def policies_of_role(read: Reader, role: str) -> Any:
    """Every policy of a role, as a JSON list."""
    reached = behind(read, role)
    return reached if isinstance(reached, Unread) else reached[0]
