"""KMS keys that protect device data: those of AWS IoT Core itself, of rule targets and of IoT buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from collectors.aws.rule_databases import DATABASE, ENDPOINTS, TABLE, database_keys, table_keys
from collectors.aws.rules import (
    DELIVERY,
    GET_RULE,
    LIST_RULES,
    QUEUE,
    STREAM,
    TOPIC,
    actions,
    delivery_encryption,
    message_decides,
    queue,
    queue_key,
    topic,
    topic_key,
)
from collectors.aws.s3 import DESCRIBE_STREAM, LIST_STREAMS, streamed_buckets
from collectors.aws.updates import GET_UPDATE, LIST_UPDATES, firmware_buckets
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row
from collectors.tables.data import Key

ENCRYPTION = Operation("iot.describe_encryption_configuration", "iot:DescribeEncryptionConfiguration", shared=True)
BUCKET_ENCRYPTION = Operation(
    "s3.get_bucket_encryption", "s3:GetEncryptionConfiguration",
    absent=("ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucket"), shared=True,
)  # fmt: skip
DESCRIBE_KEY = Operation("kms.describe_key", "kms:DescribeKey", absent=("NotFoundException",), shared=True)
ROTATION = Operation("kms.get_key_rotation_status", "kms:GetKeyRotationStatus")

PURPOSES = {"ENCRYPT_DECRYPT": "encrypt", "SIGN_VERIFY": "sign", "GENERATE_VERIFY_MAC": "mac"}


@collector(
    Key, "aws",
    DESCRIBE_KEY, ENCRYPTION, LIST_RULES, GET_RULE, QUEUE, TOPIC, STREAM, DELIVERY, LIST_UPDATES, GET_UPDATE, LIST_STREAMS,
    DESCRIBE_STREAM, BUCKET_ENCRYPTION, ROTATION, TABLE, ENDPOINTS, DATABASE,
)  # fmt: skip
def keys(read: Reader) -> Iterator[Row]:
    """Every KMS key that one region's IoT data is encrypted with, each once."""
    seen: set[str] = set()
    for named in sorted(named_keys(read)):
        region = named.split(":")[3] if named.startswith("arn:") else ""
        for reply in read(DESCRIBE_KEY, region=region, KeyId=named):
            key = reply["KeyMetadata"]
            if key["Arn"] not in seen:
                seen.add(key["Arn"])
                yield facts(read, region, key)


def facts(read: Reader, region: str, key: Mapping[str, Any]) -> Row:
    """One key. AWS rotates its own keys every year (KMS Developer Guide, "Rotate AWS KMS keys")."""
    own = key.get("KeyManager") == "CUSTOMER"
    rotatable = key.get("KeySpec") == "SYMMETRIC_DEFAULT" and key.get("Origin") == "AWS_KMS"
    row: dict[str, Any] = {
        "resource": key["Arn"],
        "name": key.get("Description") or key["KeyId"],
        "purpose": PURPOSES.get(key.get("KeyUsage", ""), "other"),
        "customer_managed": own,
        "enabled": bool(key.get("Enabled", False)),
        "rotatable": rotatable,
        "imported": key.get("Origin") == "EXTERNAL",
    }
    if not own:
        return row | {"rotates": True}
    if not rotatable:
        return row | {"rotates": False}
    rotation = read(ROTATION, region=region, KeyId=key["Arn"])
    return row | {
        "rotates": rotation.cell(lambda reply: reply["KeyRotationEnabled"]),
        "rotation_days": rotation.cell(lambda reply: reply.get("RotationPeriodInDays")),
    }


def named_keys(read: Reader) -> set[str]:
    """Ids, aliases or ARNs of the keys; a source that cannot be read leaves a gap."""
    found = {reply.get("kmsKeyArn", "") for reply in read(ENCRYPTION)}
    stores: set[str] = set()
    for rule in read(LIST_RULES):
        for reply in read(GET_RULE, ruleName=rule["ruleName"]):
            try:
                names_of_rule(read, reply["rule"], found, stores)
            except Exception as error:  # whatever a rule brings about costs the keys that it may name
                read.miss(error, str, rule["ruleName"])
    for update in read(LIST_UPDATES):
        for reply in read(GET_UPDATE, otaUpdateId=update["otaUpdateId"]):
            stores.update(firmware_buckets(reply["otaUpdateInfo"]))
    for stream in read(LIST_STREAMS):
        for reply in read(DESCRIBE_STREAM, streamId=stream["streamId"]):
            stores.update(streamed_buckets(reply))
    for bucket in sorted(stores):
        for reply in read(BUCKET_ENCRYPTION, region="global", Bucket=bucket):
            found.update(bucket_keys(reply))
    return found - {""}


def names_of_rule(read: Reader, rule: Mapping[str, Any], found: set[str], stores: set[str]) -> None:
    """Adds the keys and the buckets that a rule leads to; where the message chooses the target it names none."""
    for _, kind, action in actions(rule):
        if kind == "s3" and "${" not in action["bucketName"]:
            stores.add(action["bucketName"])
        elif kind in KEYS and not message_decides(kind, action):
            found |= KEYS[kind](read, action)


KEYS: Mapping[str, Callable[[Reader, Mapping[str, Any]], set[str]]] = {
    "sqs": lambda read, action: {queue_key(reply) for reply in queue(read, action)},
    "sns": lambda read, action: {topic_key(reply) for reply in topic(read, action)},
    "kinesis": lambda read, action: {
        reply["StreamDescriptionSummary"].get("KeyId", "") for reply in read(STREAM, StreamName=action["streamName"])
    },
    "firehose": lambda read, action: {
        delivery_encryption(reply).get("KeyARN", "")
        for reply in read(DELIVERY, DeliveryStreamName=action["deliveryStreamName"])
    },
    "dynamoDB": table_keys,
    "dynamoDBv2": table_keys,
    "timestream": database_keys,
}
"""Per kind of rule action, how to find the key of its target."""


def bucket_keys(reply: Mapping[str, Any]) -> Iterator[str]:
    """The KMS keys that a bucket's default encryption names."""
    for rule in reply["ServerSideEncryptionConfiguration"].get("Rules") or ():
        yield (rule.get("ApplyServerSideEncryptionByDefault") or {}).get("KMSMasterKeyID", "")
