"""Secrets that topic rules fetch from AWS Secrets Manager. Their values are never asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import partition
from collectors.aws.redaction import SECRET
from collectors.aws.rule_destinations import DESTINATIONS
from collectors.aws.rules import GET_RULE, LIST_RULES
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.rule_targets import Secret

DESCRIBE_SECRET = Operation(
    "secretsmanager.describe_secret", "secretsmanager:DescribeSecret", absent=("ResourceNotFoundException",)
)
ARN = re.compile(r"arn:[^:]+:secretsmanager:([^:]+):(\d{12}):secret:.+")
AWS_KEY = "alias/aws/secretsmanager"


@collector(Secret, "aws", LIST_RULES, GET_RULE, DESTINATIONS, DESCRIBE_SECRET)
def secrets(read: Reader) -> Iterator[Row]:
    """Every secret that a rule of one region, or a destination of its rules, names, each once."""
    used: dict[str, set[str]] = {}
    for secret, by in secrets_in_use(read):
        used.setdefault(secret, set()).add(by)
    for name in sorted(used):
        scope = read.scope
        made = f"arn:{partition(scope.region)}:secretsmanager:{scope.region}:{scope.account}:secret:{name}"
        yield {
            "resource": name if ARN.fullmatch(name) else made,
            "name": name,
            "used_by": ", ".join(sorted(used[name])),
            **secret_facts(read, name),
        }


def secrets_in_use(read: Reader) -> Iterator[tuple[str, str]]:
    """Name or ARN of each secret, and of the rule or destination that fetches it; what cannot be read leaves a gap."""
    for listed in read(LIST_RULES):
        for reply in read(GET_RULE, ruleName=listed["ruleName"]):
            for secret in secrets_of_rule(reply["rule"]):
                yield secret, listed["ruleName"]
    for reply in read(DESTINATIONS):
        for destination in reply.get("destinationSummaries") or ():
            if name := (destination.get("influxDBSummary") or {}).get("secretId"):
                yield name, destination["arn"]


def secrets_of_rule(rule: Mapping[str, Any]) -> set[str]:
    """The secrets that a rule's SQL or actions name."""
    return set(SECRET.findall(json.dumps(rule, default=str)))


def secret_facts(read: Reader, name: str) -> dict[str, Any]:
    """Rotation, age and key of one secret."""
    arn = ARN.fullmatch(name)
    region, account = arn.groups() if arn else ("", read.scope.account)
    if account != read.scope.account:
        other = Unread("out_of_scope_account", detail="the secret is in another account")
        return dict.fromkeys(("rotates", "changed_days", "customer_key"), other)
    found = read(DESCRIBE_SECRET, region=region, SecretId=name)
    gone = Unread("absent_field", detail="the secret does not exist")
    return {
        "rotates": found.cell(lambda reply: bool(reply.get("RotationEnabled")), absent=gone),
        "changed_days": found.cell(lambda reply: (read.clock - reply["LastChangedDate"]).days, absent=gone),
        "customer_key": found.cell(
            lambda reply: bool(reply.get("KmsKeyId")) and not reply["KmsKeyId"].endswith(AWS_KEY), absent=gone
        ),
    }
