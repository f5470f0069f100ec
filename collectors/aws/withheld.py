"""What is left of replies about Greengrass components: their shape, without the values that may be secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

MASK = "***"
KEPT: Mapping[str, str] = {
    "aws.greengrass.clientdevices.Auth": "deviceGroups",
    "aws.greengrass.Nucleus": "runWithDefault",
}
"""Per AWS component, the one part of its configuration that is read. Others may hold passwords, proxies', say."""


def masked(value: Any) -> Any:
    """A value with the same keys, and a marker for every text but the answers to ``RequiresPrivilege``."""
    if isinstance(value, Mapping):
        return {k: v if k.lower() == "requiresprivilege" else masked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return MASK if isinstance(value, str) else value


def configuration(component: str, merge: str) -> str:
    """The part of a configuration that is read, as JSON; a marker when nothing is, or when it is no JSON."""
    try:
        parsed = json.loads(merge)
    except ValueError:
        return MASK
    part = KEPT.get(component)
    return json.dumps({part: parsed[part]} if isinstance(parsed, Mapping) and part in parsed else {})


def deployment(reply: dict[str, Any]) -> dict[str, Any]:
    """A deployment without the configuration values of its components."""
    for name, component in (reply.get("components") or {}).items():
        update = component.get("configurationUpdate") or {}
        if update.get("merge"):
            update["merge"] = configuration(name, update["merge"])
    return reply


def component(reply: dict[str, Any]) -> dict[str, Any]:
    """A component whose recipe, parsed, has no scripts, variables or default values; no recipe if it is no JSON."""
    try:
        return reply | {"recipe": masked(json.loads(reply["recipe"]))}
    except (KeyError, TypeError, ValueError):
        return {key: value for key, value in reply.items() if key != "recipe"}


def delivery(reply: dict[str, Any]) -> dict[str, Any]:
    """A delivery stream without its destinations, whose tokens and attributes may be secret."""
    kept = ("DeliveryStreamName", "DeliveryStreamType", "DeliveryStreamEncryptionConfiguration")
    described = reply.get("DeliveryStreamDescription") or {}
    return {"DeliveryStreamDescription": {key: described[key] for key in kept if key in described}}


WITHHELD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "greengrassv2.get_deployment": deployment,
    "greengrassv2.get_component": component,
    "firehose.describe_delivery_stream": delivery,
}
"""Replies that can hold a secret, and what takes it out."""
