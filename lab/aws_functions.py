"""The functions that AWS IoT calls in the lab's estate, and the delivery streams that its rules lead to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.aws_answers import Answer, Missing, Reply, page
from lab.aws_estate import IOT_KEY
from lab.aws_policies import ACCOUNT, HOME, Document
from lab.server import CANARY

OURS: Document = {
    "StringEquals": {"AWS:SourceAccount": ACCOUNT},
    "ArnLike": {"AWS:SourceArn": f"arn:aws:iot:{HOME}:{ACCOUNT}:rule/*"},
}
ANYBODY: Document = {"StringLike": {"AWS:SourceArn": "*"}}


def callable_by(principal: Any, condition: Document | None = None) -> Document:
    """A statement of a function's policy."""
    found: Document = {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


IOT = {"Service": "iot.amazonaws.com"}
FUNCTIONS: dict[str, list[Document]] = {
    "page-duty-engineer": [callable_by(IOT, OURS)],
    "vet-partner-device": [callable_by(IOT, OURS), callable_by(IOT)],
    "allow-listed-meters": [callable_by(IOT, ANYBODY)],
    "MeterTokens": [callable_by(IOT, OURS), callable_by({"Service": "events.amazonaws.com"})],
    "PartnerTokens": [callable_by("*")],
}
"""Statements by function: held to this account; once more without; by a wildcard; beside another service; everybody.
A function that is not here has no policy."""


def function_policy(_: str, params: Mapping[str, Any]) -> Reply:
    name = params["FunctionName"].split(":")[-1]
    if name not in FUNCTIONS:
        raise Missing(name)
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": FUNCTIONS[name]}), "RevisionId": "1"}


def delivery_stream(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["DeliveryStreamName"]
    if name not in ("meter-archive", "meter-raw"):
        raise Missing(name, status=400)
    encryption = {"KeyARN": IOT_KEY["arn"], "KeyType": "CUSTOMER_MANAGED_CMK", "Status": "ENABLED"}
    splunk = {"HECEndpoint": "https://splunk.example", "HECEndpointType": "Raw", "HECToken": CANARY}
    return {
        "DeliveryStreamDescription": {
            "DeliveryStreamName": name,
            "DeliveryStreamARN": f"arn:aws:firehose:{region}:{ACCOUNT}:deliverystream/{name}",
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamType": "DirectPut",
            "VersionId": "1",
            "Destinations": [{"DestinationId": "1", "SplunkDestinationDescription": splunk}],
            "HasMoreDestinations": False,
            "DeliveryStreamEncryptionConfiguration": encryption if name == "meter-archive" else {"Status": "DISABLED"},
        }
    }


LEVELS: dict[str, list[Reply]] = {
    HOME: [
        {"logTarget": {"targetType": "DEFAULT"}, "logLevel": "ERROR"},
        {"logTarget": {"targetType": "THING_GROUP", "targetName": "samplers"}, "logLevel": "DISABLED"},
    ]
}
"""Own log levels of targets: somebody silenced a noisy group. The pilot's region never had a log."""


def logging_levels(region: str, params: Mapping[str, Any]) -> Reply:
    if region != HOME:
        raise Missing("logging", "NotConfiguredException")
    return page(LEVELS.get(region, []), params, "logTargetConfigurations", "nextToken")


ANSWERS: dict[str, Answer] = {
    "lambda.get_policy": function_policy,
    "firehose.describe_delivery_stream": delivery_stream,
    "iot.list_v2_logging_levels": logging_levels,
}
