"""Settings of the device registry itself: who hears of changes, what can be searched, the key it is encrypted with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from collectors.aws.account import registry
from collectors.aws.config_recorder import RECORDER_STATUS, RECORDERS, policies_recorded
from collectors.aws.kms import DESCRIBE_KEY, ENCRYPTION
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.fleet import Registry

EVENTS = Operation("iot.describe_event_configurations", "iot:DescribeEventConfigurations")
EVENT_RULES = Operation("events.list_rules", "events:ListRules", items="Rules")
INDEXING = Operation("iot.get_indexing_configuration", "iot:GetIndexingConfiguration")

KINDS = {"certificate_events": "CERTIFICATE", "authority_events": "CA_CERTIFICATE", "policy_events": "POLICY"}
TELLING_CALLS = frozenset({
    "AttachPolicy", "AttachPrincipalPolicy", "CreateKeysAndCertificate", "CreatePolicy", "CreatePolicyVersion",
    "RegisterCACertificate", "RegisterCertificate", "RegisterCertificateWithoutCA", "SetDefaultPolicyVersion",
    "UpdateCACertificate", "UpdateCertificate",
})  # fmt: skip
"""API calls that give a device a credential or a right."""


@collector(Registry, "aws", EVENTS, EVENT_RULES, RECORDERS, RECORDER_STATUS, INDEXING, ENCRYPTION, DESCRIBE_KEY)
def registries(read: Reader) -> Iterator[Row]:
    """The device registry of one region."""
    events = read(EVENTS)
    own = read(ENCRYPTION).cell(lambda found: found["encryptionType"] == "CUSTOMER_MANAGED_KMS_KEY")
    yield {
        "resource": f"{registry(read.scope)}:registry",
        "name": f"Device registry in {read.scope.region}",
        **{column: events.cell(partial(publishes_events, kind=kind)) for column, kind in KINDS.items()},
        "api_alerts": read(EVENT_RULES).cell(lambda rules: any(hears_of_changes(rule) for rule in rules)),
        "policies_recorded": policies_recorded(read),
        "connections_indexed": read(INDEXING).cell(connections_indexed),
        "customer_key": own,
        "key_usable": usable(read) if own is True else own if isinstance(own, Unread) else None,
    }


def publishes_events(events: Mapping[str, Any], kind: str) -> bool:
    """Whether events of a kind are on; they are off unless set (AWS IoT Core, "Event messages")."""
    return bool(((events.get("eventConfigurations") or {}).get(kind) or {}).get("Enabled", False))


def connections_indexed(settings: Mapping[str, Any]) -> bool:
    """Whether fleet indexing keeps which things are connected; it does not unless set
    (AWS IoT Core, "Managing thing indexing")."""
    things = settings.get("thingIndexingConfiguration") or {}
    return things.get("thingIndexingMode", "OFF") != "OFF" and things.get("thingConnectivityIndexingMode") == "STATUS"


def hears_of_changes(rule: Mapping[str, Any]) -> bool:
    """Whether an enabled rule matches API calls of AWS IoT that give a device a credential or a right."""
    if not str(rule.get("State", "")).startswith("ENABLED"):
        return False
    try:
        pattern = json.loads(rule.get("EventPattern") or "{}")
        detail = pattern.get("detail") or {}
        calls = {call for call in detail.get("eventName") or () if isinstance(call, str)}
    except (ValueError, TypeError, AttributeError):
        return False
    iot = "aws.iot" in (pattern.get("source") or ()) or "iot.amazonaws.com" in (detail.get("eventSource") or ())
    return iot and (not calls or bool(calls & TELLING_CALLS))


def usable(read: Reader) -> bool | Unread:
    """Whether AWS IoT can use the customer's key, by its own word and by the state of the key."""
    settings = read(ENCRYPTION).cell(dict)
    if isinstance(settings, Unread):
        return settings
    if (settings.get("configurationDetails") or {}).get("configurationStatus") == "UNHEALTHY":
        return False
    key = str(settings["kmsKeyArn"])
    state: bool | Unread = read(
        DESCRIBE_KEY, region=key.split(":")[3] if key.startswith("arn:") else "", KeyId=key
    ).cell(lambda found: found["KeyMetadata"]["KeyState"] == "Enabled", absent=False)
    return state
