"""Topic rules of the lab's AWS estate."""

from __future__ import annotations

from typing import Any

from lab.aws_policies import ACCOUNT, HOME
from lab.server import CANARY

ROLE = f"arn:aws:iam::{ACCOUNT}:role/IotRules"
OLD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/IotRules2019"
READINGS_ROLE = f"arn:aws:iam::{ACCOUNT}:role/IotReadings"
QUEUES = f"https://sqs.{HOME}.amazonaws.com/{ACCOUNT}"
ERRORS = {"sqs": {"roleArn": ROLE, "queueUrl": f"{QUEUES}/rule-errors"}}


def rule(topic: str, *actions: dict[str, Any], caught: bool = True, **more: Any) -> dict[str, Any]:
    """A rule on one topic filter, with the common error action unless it has none."""
    found = {"sql": f"SELECT * FROM '{topic}'", "actions": list(actions)}
    return found | ({"error_action": ERRORS} if caught else {}) | more


def s3(bucket: str, **more: Any) -> dict[str, Any]:
    """An action that writes objects."""
    key = "${topic(2)}/${timestamp()}.json"
    return {"s3": {"roleArn": ROLE, "bucketName": bucket, "key": key, **more}}


RULES: dict[str, dict[str, dict[str, Any]]] = {
    HOME: {
        "telemetry_to_lake": rule("brightwater/+/telemetry", s3("brightwater-lake", cannedAcl="private")),
        "telemetry_to_archive": rule("brightwater/+/telemetry", s3("brightwater-archive")),
        "open_dashboard": rule(
            "brightwater/+/level", s3("brightwater-dashboard", cannedAcl="public-read"), caught=False
        ),
        "alarms": rule(
            "brightwater/+/alarm",
            {"sns": {"roleArn": ROLE, "targetArn": f"arn:aws:sns:{HOME}:{ACCOUNT}:alarms", "messageFormat": "RAW"}},
            {"lambda": {"functionArn": f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:page-duty-engineer"}},
        ),
        "alarms_2019": rule(
            "brightwater/+/alarm",
            {"sns": {"roleArn": OLD_ROLE, "targetArn": f"arn:aws:sns:{HOME}:{ACCOUNT}:alarms-2019"}},
            {"sqs": {"roleArn": OLD_ROLE, "queueUrl": f"{QUEUES}/work-orders-2019"}},
            caught=False,
        ),
        "metrics": rule(
            "brightwater/+/metrics",
            {"kinesis": {"roleArn": ROLE, "streamName": "metrics", "partitionKey": "${topic(2)}"}},
            {"kinesis": {"roleArn": ROLE, "streamName": "raw", "partitionKey": "${newuuid()}"}},
        ),
        "readings": rule(
            "brightwater/+/reading",
            {"dynamoDBv2": {"roleArn": READINGS_ROLE, "putItem": {"tableName": "readings"}}},
            {
                "timestream": {
                    "roleArn": ROLE,
                    "databaseName": "brightwater",
                    "tableName": "readings",
                    "dimensions": [{"name": "thing", "value": "${clientid()}"}],
                }
            },
        ),
        "readings_2019": rule(
            "brightwater/+/reading",
            {
                "dynamoDB": {
                    "roleArn": READINGS_ROLE,
                    "tableName": "readings-2019",
                    "hashKeyField": "meter",
                    "hashKeyValue": "${topic(2)}",
                }
            },
        ),
        "archive": rule(
            "brightwater/+/archive",
            {"firehose": {"roleArn": ROLE, "deliveryStreamName": "meter-archive"}},
            {"firehose": {"roleArn": ROLE, "deliveryStreamName": "meter-raw"}},
        ),
        "partner_signed": rule(
            "brightwater/+/partner",
            {
                "http": {
                    "url": "https://api.partner.example/readings",
                    "auth": {"sigv4": {"signingRegion": HOME, "serviceName": "execute-api", "roleArn": ROLE}},
                }
            },
        ),
        "partner_webhook": rule(
            "brightwater/+/partner",
            {
                "http": {
                    "url": f"https://hooks.partner.example/brightwater?key={CANARY}",
                    "confirmationUrl": f"https://hooks.partner.example/confirm?key={CANARY}",
                    "headers": [
                        {"key": "Authorization", "value": f"Bearer {CANARY}"},
                        {"key": "Content-Type", "value": "application/json"},
                    ],
                }
            },
        ),
        "partner_webhook_vaulted": rule(
            "brightwater/+/partner",
            {
                "http": {
                    "url": "https://hooks.partner.example/brightwater",
                    "headers": [
                        {"key": "Authorization", "value": f"Bearer ${{get_secret('partner', 'SecretString', 'key', '{ROLE}')}}"}
                    ],
                }
            },
        ),
        "erp_stream": rule(
            "brightwater/+/billing",
            {
                "kafka": {
                    "destinationArn": f"arn:aws:iot:{HOME}:{ACCOUNT}:ruledestination/vpc/1f7c2a4b",
                    "topic": "billing",
                    "clientProperties": {
                        "bootstrap.servers": "b-1.erp.example:9096",
                        "security.protocol": "SASL_SSL",
                        "sasl.mechanism": "SCRAM-SHA-512",
                        "sasl.scram.username": f"${{get_secret('erp/kafka', 'SecretString', 'user', '{ROLE}')}}",
                        "sasl.scram.password": CANARY,
                    },
                }
            },
        ),
        "crm_cases": rule(
            "brightwater/+/case",
            {"salesforce": {"token": f"{CANARY}-{CANARY}-{CANARY}", "url": "https://ingestion-1.crm.sfdcnow.com/streams/case/event"}},
            rule_disabled=True,
        ),
        "shadow_mirror": rule(
            "brightwater/+/desired",
            {"republish": {"roleArn": OLD_ROLE, "topic": "$$aws/things/${topic(2)}/shadow/update", "qos": 1}},
        ),
        "site_shadow": rule(
            "brightwater/+/total",
            {"republish": {"roleArn": ROLE, "topic": "$$aws/things/${topic(1)}/shadow/update", "qos": 1}},
        ),
        "own_shadow": rule(
            "brightwater/+/reported",
            {"republish": {"roleArn": ROLE, "topic": "$$aws/things/${clientid()}/shadow/update", "qos": 1}},
        ),
    },
    "us-east-1": {"pilot": rule("#", s3("brightwater-pilot"), caught=False)},
}  # fmt: skip
