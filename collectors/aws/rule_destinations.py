"""What stands behind topic rules: their destinations, and the DynamoDB tables and Timestream databases they fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import RESULTS, partition
from collectors.aws.kms import DESCRIBE_KEY
from collectors.aws.rule_databases import BACKUPS, DATABASE, ENDPOINTS, TABLE, database_name, table_key, table_name
from collectors.aws.rules import GET_RULE, LIST_RULES, actions
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.rule_targets import RuleDestination, RuleStore

DESTINATIONS = Operation(
    "iot.list_topic_rule_destinations", "iot:ListTopicRuleDestinations", shared=True, fixed=RESULTS
)
KINDS: Mapping[str, tuple[str, str]] = {
    "http": ("httpUrlSummary", "confirmationUrl"),
    "vpc": ("vpcDestinationSummary", "vpcId"),
    "influxdb": ("influxDBSummary", "endpoint"),
}
"""Per kind of destination, the member that tells it and where in it its name stands."""


@collector(RuleDestination, "aws", DESTINATIONS, LIST_RULES, GET_RULE)
def rule_destinations(read: Reader) -> Iterator[Row]:
    """Every destination that topic rules of one region may send to."""
    for reply in read(DESTINATIONS):
        listed = reply.get("destinationSummaries") or ()
        found, unread = references(read) if listed else ([], None)
        for destination in listed:
            kind = next((kind for kind, (part, _) in KINDS.items() if destination.get(part)), None)
            part, member = KINDS[kind] if kind else ("", "")
            name = str((destination.get(part) or {}).get(member) or destination["arn"])
            used = any(refers(kind, settings, destination["arn"], name) for kind, settings in found)
            strange = Unread("not_parseable", detail="kind of destination")
            yield {
                "resource": destination["arn"],
                "name": name,
                "kind": kind or strange,
                "status": destination["status"],
                "plain_http": name.lower().startswith("http:") if kind else strange,
                "in_use": used or unread or False,
            }


def references(read: Reader) -> tuple[list[tuple[str, Mapping[str, Any]]], Unread | None]:
    """Kind and settings of every rule action that can lead to a destination, and why they are not all, if so."""
    rules = read(LIST_RULES).cell(list)
    if isinstance(rules, Unread):
        return [], rules
    found: list[tuple[str, Mapping[str, Any]]] = []
    unread: Unread | None = None
    for listed in rules:
        rule = read(GET_RULE, ruleName=listed["ruleName"]).cell(lambda reply: reply["rule"], absent={})
        if isinstance(rule, Unread):
            unread = rule
        else:
            found += [(kind, settings) for _, kind, settings in actions(rule) if kind == "http" or names(settings)]
    return found, unread


def names(action: Mapping[str, Any]) -> str:
    """The ARN of the destination that an action names; empty for one that names none."""
    return str(action.get("destinationArn") or "")


def refers(kind: str, action: Mapping[str, Any], arn: str, url: str) -> bool:
    """Whether an action leads to a destination: by its ARN, or (HTTP) by its URL, which begins with the one that was
    confirmed (AWS IoT API Reference, "HttpAction")."""
    if kind != "http":
        return names(action) == arn
    return action.get("confirmationUrl") == url or str(action.get("url", "")).startswith(url)


@collector(RuleStore, "aws", LIST_RULES, GET_RULE, TABLE, BACKUPS, ENDPOINTS, DATABASE, DESCRIBE_KEY)
def rule_stores(read: Reader) -> Iterator[Row]:
    """Every DynamoDB table and Timestream database that a rule of one region writes to, each once."""
    written: dict[tuple[str, str], set[str]] = {}
    for listed in read(LIST_RULES):
        for reply in read(GET_RULE, ruleName=listed["ruleName"]):
            for _, kind, action in actions(reply["rule"]):
                if kind in ("dynamoDB", "dynamoDBv2") and (name := table_name(action)):
                    written.setdefault(("dynamodb", name), set()).add(listed["ruleName"])
                elif kind == "timestream" and (name := database_name(action)):
                    written.setdefault(("timestream", name), set()).add(listed["ruleName"])
    for (kind, name), rules in sorted(written.items()):
        facts = table(read, name) if kind == "dynamodb" else database(read, name)
        if facts is not None:
            scope, what = read.scope, "table" if kind == "dynamodb" else "database"
            yield {
                "resource": f"arn:{partition(scope.region)}:{kind}:{scope.region}:{scope.account}:{what}/{name}",
                "name": name,
                "kind": kind,
                "used_by": ", ".join(sorted(rules)),
                **facts,
            }


def table(read: Reader, name: str) -> dict[str, Any] | None:
    """What a DynamoDB table is like; None for one that does not exist."""
    found = read(TABLE, TableName=name).cell(lambda reply: dict(reply["Table"]))
    if found is None:
        return None
    unread = isinstance(found, Unread)
    return {
        "customer_key": found if unread else own_key(read, table_key(found)),
        "deletion_protected": found if unread else bool(found.get("DeletionProtectionEnabled", False)),
        "recoverable": read(BACKUPS, TableName=name).cell(recoverable),
    }


def recoverable(reply: Mapping[str, Any]) -> bool:
    """Whether a table can be restored to any moment of its last days."""
    described = reply["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription") or {}
    return bool(described.get("PointInTimeRecoveryStatus") == "ENABLED")


def database(read: Reader, name: str) -> dict[str, Any] | None:
    """What a Timestream database is like; None for one that does not exist."""
    found = read(ENDPOINTS).cell(lambda _: {})
    if not isinstance(found, Unread):
        found = read(DATABASE, DatabaseName=name).cell(lambda reply: dict(reply["Database"]))
    if found is None:
        return None
    return {"customer_key": found if isinstance(found, Unread) else own_key(read, found["KmsKeyId"])}


def own_key(read: Reader, key: str) -> bool | Unread:
    """Whether a KMS key is managed by the customer. One of another account is: only AWS's own cannot be shared."""
    if not key:
        return False
    region, account = key.split(":")[3:5] if key.startswith("arn:") else ("", read.scope.account)
    if account != read.scope.account:
        return True
    found: bool | Unread = read(DESCRIBE_KEY, region=region, KeyId=key).cell(
        lambda reply: reply["KeyMetadata"]["KeyManager"] == "CUSTOMER",
        absent=Unread("absent_field", detail="the key does not exist"),
    )
    return found
