"""Topic rules: where device messages are sent, and with which secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from collectors.aws.account import RESULTS, registry
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.data import Route

LIST_RULES = Operation("iot.list_topic_rules", "iot:ListTopicRules", items="rules", shared=True, fixed=RESULTS)
GET_RULE = Operation("iot.get_topic_rule", "iot:GetTopicRule", shared=True)
QUEUE = Operation(
    "sqs.get_queue_attributes",
    "sqs:GetQueueAttributes",
    absent=("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    shared=True,
    fixed=(("AttributeNames", ("SqsManagedSseEnabled", "KmsMasterKeyId")),),
)
TOPIC = Operation("sns.get_topic_attributes", "sns:GetTopicAttributes", absent=("NotFound",), shared=True)
STREAM = Operation(
    "kinesis.describe_stream_summary",
    "kinesis:DescribeStreamSummary",
    absent=("ResourceNotFoundException",),
    shared=True,
)

DELIVERY = Operation(
    "firehose.describe_delivery_stream",
    "firehose:DescribeDeliveryStream",
    absent=("ResourceNotFoundException",),
    shared=True,
)

PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
ALWAYS_ENCRYPTED = ("s3", "dynamoDB", "dynamoDBv2", "timestream")
"""Encrypted at rest whatever the settings: Amazon S3 since January 2023, DynamoDB and Timestream always
(each service's user guide, "Encryption at rest")."""
NAMED_BY = {"sqs": "queueUrl", "sns": "targetArn", "kinesis": "streamName", "firehose": "deliveryStreamName"}
"""Per kind of action whose target is asked, the member that names it."""
Action = tuple[str, str, Mapping[str, Any]]
"""Subject, kind and settings of one action."""
IDENTITY_FUNCTIONS = ("clientid()", "principal()", "accountid()", "newuuid()", "timestamp()", "traceid()")
"""Substitutions that the message does not choose (AWS IoT Core, "AWS IoT SQL functions")."""
SECRET_HEADER = re.compile(r"^(authorization|x-api-key)$|token|secret|api-?key|password", re.IGNORECASE)
SECRET_PROPERTY = re.compile(r"password|jaas|secret|token|^ssl\.key(\.|$)", re.IGNORECASE)

TARGETS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "s3": lambda a: f"{a['bucketName']}/{a.get('key', '')}",
    "sqs": lambda a: a["queueUrl"],
    "sns": lambda a: a["targetArn"],
    "kinesis": lambda a: a["streamName"],
    "firehose": lambda a: a["deliveryStreamName"],
    "lambda": lambda a: a["functionArn"],
    "dynamoDB": lambda a: a["tableName"],
    "dynamoDBv2": lambda a: (a.get("putItem") or {}).get("tableName", ""),
    "timestream": lambda a: f"{a['databaseName']}/{a['tableName']}",
    "republish": lambda a: a["topic"],
    "http": lambda a: a["url"],
    "kafka": lambda a: a["topic"],
    "openSearch": lambda a: a["endpoint"],
    "elasticsearch": lambda a: a["endpoint"],
    "cloudwatchLogs": lambda a: a["logGroupName"],
    "cloudwatchMetric": lambda a: a["metricName"],
    "cloudwatchAlarm": lambda a: a["alarmName"],
    "iotEvents": lambda a: a["inputName"],
    "iotAnalytics": lambda a: a.get("channelName", ""),
    "stepFunctions": lambda a: a["stateMachineName"],
    "salesforce": lambda a: a["url"],
    "location": lambda a: a["trackerName"],
    "influxDB": lambda a: a["databaseName"],
}
"""Per kind of action, the member that names where it leads."""


@collector(Route, "aws", LIST_RULES, GET_RULE, QUEUE, TOPIC, STREAM, DELIVERY)
def rule_actions(read: Reader) -> Iterator[Row]:
    """Every action and error action of every topic rule of one region."""
    yield from read.each(read(LIST_RULES), partial(actions_of, read), lambda listed: str(listed["ruleName"]))


def actions_of(read: Reader, listed: Mapping[str, Any]) -> Iterator[Row]:
    """Every action and error action of one topic rule."""
    for reply in read(GET_RULE, ruleName=listed["ruleName"]):
        rule = reply["rule"]
        about = {"resource": reply.get("ruleArn") or listed["ruleArn"], "name": listed["ruleName"]}

        def row(found: Action, rule: Mapping[str, Any] = rule, about: Row = about) -> Row:
            subject, kind, action = found
            return {
                **about,
                "subject": subject,
                "hub": registry(read.scope),
                "kind": kind,
                "target": target(kind, action),
                "enabled": not rule.get("ruleDisabled", False),
                "public_acl": kind == "s3" and action.get("cannedAcl") in PUBLIC_ACLS,
                "static_secret": holds_secret(kind, action),
                "caught_errors": bool(rule.get("errorAction")),
                "reserved_from_message": kind == "republish"
                and message_chooses(action.get("topic", ""), rule.get("sql", "")),
                "encrypted_at_rest": keeps_encrypted(read, kind, action),
            }

        def named(found: Action, about: Row = about) -> Row:
            return {**about, "subject": found[0]}

        yield from read.each(actions(rule), row, named)


def actions(rule: Mapping[str, Any]) -> Iterator[Action]:
    """Subject, kind and settings of each action of a rule, the error action last."""
    for index, action in enumerate(rule.get("actions") or ()):
        for kind, settings in action.items():
            yield f"actions[{index}].{kind}", kind, settings
    for kind, settings in (rule.get("errorAction") or {}).items():
        yield f"errorAction.{kind}", kind, settings


def target(kind: str, action: Mapping[str, Any]) -> str | None:
    """Where an action leads, in the service's own terms."""
    name = TARGETS.get(kind)
    try:
        return (name(action) or None) if name else None
    except KeyError:
        return None


def holds_secret(kind: str, action: Mapping[str, Any]) -> bool:
    """Whether a header, Kafka property or token holds a literal instead of a reference to Secrets Manager."""
    if kind == "http":
        values = [h.get("value", "") for h in action.get("headers") or () if SECRET_HEADER.search(h.get("key", ""))]
    elif kind == "kafka":
        properties = action.get("clientProperties") or {}
        values = [value for name, value in properties.items() if SECRET_PROPERTY.search(name)]
        values += [h.get("value", "") for h in action.get("headers") or () if SECRET_HEADER.search(h.get("key", ""))]
    else:
        values = [action.get("token", "")] if kind == "salesforce" else []
    return any(value and "${get_secret(" not in value for value in values)


def message_chooses(topic: str, sql: str = "") -> bool:
    """Whether a republish leads into reserved topics and the message decides where; ``$$aws`` is an escaped ``$aws``.

    A level of the incoming topic is the message's choice unless the rule's FROM clause spells it out.
    """
    clause = re.search(r"\bFROM\s+'([^']*)'", sql, re.IGNORECASE)
    levels = clause[1].split("/") if clause else []
    settled = {f"topic({n})" for n, level in enumerate(levels, 1) if not set(level) & set("+#")}
    chosen = [part.strip() for part in re.findall(r"\$\{([^}]*)\}", topic)]
    return topic.startswith(("$$aws", "$aws")) and any(part not in {*IDENTITY_FUNCTIONS, *settled} for part in chosen)


def keeps_encrypted(read: Reader, kind: str, action: Mapping[str, Any]) -> bool | Unread | None:
    """Whether the target keeps messages encrypted; nothing is said of targets that keep none."""
    found: bool | Unread | None = None
    if kind in ALWAYS_ENCRYPTED:
        return True
    if message_decides(kind, action):
        return Unread("message_decides", detail=NAMED_BY[kind])
    if kind == "sqs":
        found = queue(read, action).cell(
            lambda q: q.get("Attributes", {}).get("SqsManagedSseEnabled") == "true" or bool(queue_key(q))
        )
    elif kind == "sns":
        found = topic(read, action).cell(lambda t: bool(topic_key(t)))
    elif kind == "kinesis":
        found = read(STREAM, StreamName=action["streamName"]).cell(
            lambda s: s["StreamDescriptionSummary"]["EncryptionType"] != "NONE"
        )
    elif kind == "firehose":
        found = read(DELIVERY, DeliveryStreamName=action["deliveryStreamName"]).cell(
            lambda d: delivery_encryption(d).get("Status", "DISABLED") == "ENABLED"
        )
    return found


def queue(read: Reader, action: Mapping[str, Any]) -> Any:
    """The queue an SQS action leads to, asked in the region that its URL names."""
    host = re.match(r"sqs\.([a-z0-9-]+)\.amazonaws\.com", urlsplit(action["queueUrl"]).hostname or "")
    return read(QUEUE, region=host.group(1) if host else "", QueueUrl=action["queueUrl"])


def topic(read: Reader, action: Mapping[str, Any]) -> Any:
    """The topic an SNS action leads to, asked in the region that its ARN names."""
    return read(TOPIC, region=action["targetArn"].split(":")[3], TopicArn=action["targetArn"])


def message_decides(kind: str, action: Mapping[str, Any]) -> bool:
    """Whether the message chooses where an action leads: no call can be made with such a name."""
    return kind in NAMED_BY and "${" in str(action.get(NAMED_BY[kind]))


def delivery_encryption(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a delivery stream encrypts what it was sent and has not delivered; empty when it does not."""
    return reply["DeliveryStreamDescription"].get("DeliveryStreamEncryptionConfiguration") or {}


def queue_key(reply: Mapping[str, Any]) -> str:
    """The KMS key of a queue; empty without one."""
    return str((reply.get("Attributes") or {}).get("KmsMasterKeyId", ""))


def topic_key(reply: Mapping[str, Any]) -> str:
    """The KMS key of a topic; empty without one."""
    return str((reply.get("Attributes") or {}).get("KmsMasterKeyId", ""))
