"""What stands behind the topic rules of the lab's AWS estate: destinations, databases and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from moto.kms.models import kms_backends

from lab.aws_answers import SET_UP, Answer, Missing, Reply, page
from lab.aws_policies import ACCOUNT, HOME
from lab.clock import now
from lab.server import CANARY


def telemetry_key() -> str:
    """ARN of the key that telemetry is encrypted with."""
    held = kms_backends[ACCOUNT][HOME].keys.values()
    return next(key.arn for key in held if key.description == "Brightwater telemetry")


def destination(path: str, status: str, **summary: Any) -> Reply:
    """A destination as it is listed."""
    arn = f"arn:aws:iot:{HOME}:{ACCOUNT}:ruledestination/{path}"
    return {"arn": arn, "status": status, "createdAt": SET_UP, "lastUpdatedAt": SET_UP, **summary}


def web(name: str, status: str, url: str) -> Reply:
    """A web service as it is listed."""
    return destination(f"http/{name}", status, httpUrlSummary={"confirmationUrl": url})


VPC = {
    "subnetIds": ["subnet-0a1b2c3d"],
    "securityGroups": ["sg-0a1b2c3d"],
    "vpcId": "vpc-0a1b2c3d",
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotRules",
}
DESTINATIONS: dict[str, list[Reply]] = {
    HOME: [
        web("7d1e", "ENABLED", f"https://hooks.partner.example/confirm?key={CANARY}"),
        web("8e2f", "IN_PROGRESS", "https://hooks.partner.example/brightwater"),
        web("9f30", "ENABLED", "https://api.partner.example/readings"),
        web("a041", "DISABLED", "http://partner-2019.example/confirm"),
        destination("vpc/1f7c2a4b", "ERROR", vpcDestinationSummary=VPC, statusReason=f"no route; key {CANARY}"),
    ]
}
"""One confirmed, one waiting, one retired without TLS, and one that lost its way to the brokers."""


def list_destinations(region: str, params: Mapping[str, Any]) -> Reply:
    return page(DESTINATIONS.get(region, []), params, "destinationSummaries", "nextToken")


SECRETS: dict[str, tuple[bool, int]] = {"partner": (True, 20), "erp/kafka": (False, 800)}
"""Whether each secret is rotated by itself, and days since it was changed."""


def describe_secret(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["SecretId"]
    if region != HOME or name not in SECRETS:
        raise Missing(name, status=400)
    rotated, days = SECRETS[name]
    changed = now() - timedelta(days=days, hours=1)
    found: Reply = {
        "ARN": f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-q1W2e3",
        "Name": name,
        "CreatedDate": SET_UP,
        "LastChangedDate": changed,
    }
    return found | ({"RotationEnabled": True, "LastRotatedDate": changed} if rotated else {"KmsKeyId": telemetry_key()})


TABLES = ("readings", "readings-2019")
"""A table that is looked after, and the one before it."""


def describe_table(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["TableName"]
    if region != HOME or name not in TABLES:
        raise Missing(name, status=400)
    kept = name == "readings"
    found: Reply = {
        "TableName": name,
        "TableArn": f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}",
        "TableStatus": "ACTIVE",
        "DeletionProtectionEnabled": kept,
    }
    own = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": telemetry_key()}
    return {"Table": found | ({"SSEDescription": own} if kept else {})}


def describe_backups(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["TableName"]
    if region != HOME or name not in TABLES:
        raise Missing(name, "TableNotFoundException", 400)
    status = "ENABLED" if name == "readings" else "DISABLED"
    recovery = {"PointInTimeRecoveryStatus": status}
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }
    }


def describe_endpoints(region: str, _: Mapping[str, Any]) -> Reply:
    return {"Endpoints": [{"Address": f"ingest-cell1.timestream.{region}.amazonaws.com", "CachePeriodInMinutes": 1440}]}


def describe_database(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["DatabaseName"]
    if (region, name) != (HOME, "brightwater"):
        raise Missing(name, status=400)
    arn = f"arn:aws:timestream:{region}:{ACCOUNT}:database/{name}"
    return {"Database": {"Arn": arn, "DatabaseName": name, "TableCount": 1, "KmsKeyId": telemetry_key()}}


ANSWERS: dict[str, Answer] = {
    "iot.list_topic_rule_destinations": list_destinations,
    "secretsmanager.describe_secret": describe_secret,
    "dynamodb.describe_table": describe_table,
    "dynamodb.describe_continuous_backups": describe_backups,
    "timestream-write.describe_endpoints": describe_endpoints,
    "timestream-write.describe_database": describe_database,
}
