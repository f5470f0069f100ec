"""What is left of replies that can hold a secret: their shape, with markers for what may be one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

MASK = "***"
KAFKA_PLAIN = frozenset({
    "acks", "bootstrap.servers", "compression.type", "security.protocol", "sasl.mechanism", "key.serializer",
    "value.serializer",
})  # fmt: skip
"""Kafka client properties that never hold a secret."""
SECRET = re.compile(r"get_secret\(\s*'([A-Za-z0-9/_+=.@:-]{1,2048})'")
"""Where a rule fetches a secret: its name or ARN, which is none itself (AWS IoT Core, "get_secret")."""
KEPT: Mapping[str, str] = {
    "aws.greengrass.clientdevices.Auth": "deviceGroups",
    "aws.greengrass.Nucleus": "runWithDefault",
}
"""Per AWS component, the one part of its configuration that is read. Others may hold passwords, proxies', say."""


def mask(value: Any) -> Any:
    """A value with the same keys, and a marker for every text but the answers to ``RequiresPrivilege``."""
    if isinstance(value, Mapping):
        return {k: v if k.lower() == "requiresprivilege" else mask(v) for k, v in value.items()}
    if isinstance(value, list):
        return [mask(item) for item in value]
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
        return reply | {"recipe": mask(json.loads(reply["recipe"]))}
    except (KeyError, TypeError, ValueError):
        return {key: value for key, value in reply.items() if key != "recipe"}


def delivery(reply: dict[str, Any]) -> dict[str, Any]:
    """A delivery stream without its destinations, whose tokens and attributes may be secret."""
    kept = ("DeliveryStreamName", "DeliveryStreamType", "DeliveryStreamEncryptionConfiguration")
    described = reply.get("DeliveryStreamDescription") or {}
    return {"DeliveryStreamDescription": {key: described[key] for key in kept if key in described}}


def presence(value: Any) -> str:
    """A marker for a text that may be secret: empty, fetched by ``get_secret`` with the secret's name, or a literal."""
    text = str(value or "")
    if "${get_secret(" not in text:
        return MASK if text else ""
    named = [f"${{get_secret('{name}', {MASK})}}" for name in dict.fromkeys(SECRET.findall(text))]
    return " ".join(named) or f"${{get_secret({MASK})}}"


def rule_without_secrets(reply: dict[str, Any]) -> dict[str, Any]:
    """A topic rule whose headers, Kafka properties, tokens and URL queries are markers."""
    rule = reply.get("rule") or {}
    for action in [*(rule.get("actions") or ()), rule.get("errorAction") or {}]:
        http = action.get("http") or {}
        for header in http.get("headers") or ():
            header["value"] = presence(header.get("value"))
        for member in ("url", "confirmationUrl"):
            if http.get(member):
                http[member] = plain_url(http[member])
        kafka = action.get("kafka") or {}
        for name, value in (kafka.get("clientProperties") or {}).items():
            if name not in KAFKA_PLAIN:
                kafka["clientProperties"][name] = presence(value)
        for header in kafka.get("headers") or ():
            header["value"] = presence(header.get("value"))
        salesforce = action.get("salesforce") or {}
        if salesforce.get("token"):
            salesforce["token"] = presence(salesforce["token"])
    return reply


def destinations(reply: dict[str, Any]) -> dict[str, Any]:
    """Destinations of topic rules whose URLs have no query, and that do not tell why one failed, which may cite a URL."""
    for listed in reply.get("destinationSummaries") or ():
        listed.pop("statusReason", None)
        for part, member in (("httpUrlSummary", "confirmationUrl"), ("influxDBSummary", "endpoint")):
            if (listed.get(part) or {}).get(member):
                listed[part][member] = plain_url(listed[part][member])
    return reply


def plain_url(url: str) -> str:
    """A URL without user, password, query and fragment."""
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", re.split(r"[?#]", url, maxsplit=1)[0])


def job_without_secrets(reply: dict[str, Any]) -> dict[str, Any]:
    """A job, its template or its document without parameters, and with a marker for each value of a URL query."""
    (reply.get("job") or {}).pop("documentParameters", None)
    for member in ("document", "documentSource"):
        if reply.get(member):
            plain = re.sub(r"(https?://)[^/@\s\"'\\]*@", r"\1", reply[member])
            reply[member] = re.sub(r"([?&][^=&\s\"'\\]+=)[^&\s\"'\\}]*", r"\1***", plain)
    return reply


REDACTED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "iot.get_topic_rule": rule_without_secrets,
    "iot.list_topic_rule_destinations": destinations,
    "iot.describe_job": job_without_secrets,
    "iot.describe_job_template": job_without_secrets,
    "iot.get_job_document": job_without_secrets,
    "greengrassv2.get_deployment": deployment,
    "greengrassv2.get_component": component,
    "firehose.describe_delivery_stream": delivery,
}
"""Replies that can hold a secret, and what takes it out before anything else sees it."""
