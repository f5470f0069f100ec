"""Storage accounts, and which of them a hub of the subscription writes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from collectors.azure.account import named, region, resource_group
from collectors.azure.iothub import HUBS, endpoints, file_upload, storage_account
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.data import Store
from collectors.tags import tags

ACCOUNTS = Operation("storage.storage_accounts.list", "Microsoft.Storage/storageAccounts/read", items="value")
CONTAINERS = Operation(
    "storage.blob_containers.list",
    "Microsoft.Storage/storageAccounts/blobServices/containers/read",
    items="value",
    absent=("FeatureNotSupportedForAccount",),
)
LIFECYCLE = Operation(
    "storage.management_policies.get",
    "Microsoft.Storage/storageAccounts/managementPolicies/read",
    absent=("ManagementPolicyNotFound",),
    fixed=(("management_policy_name", "default"),),
)

STRONG_TLS = ("TLS1_2", "TLS1_3")


@collector(Store, "azure", ACCOUNTS, HUBS, CONTAINERS, LIFECYCLE, where="global")
def stores(read: Reader) -> Iterator[Row]:
    """Every storage account of the subscription.

    Device data is what the routing endpoints and file uploads of this subscription's hubs prove: that a hub elsewhere
    writes to an account is not seen. Firmware is not known, so ``holds_iot_data`` says what ``holds_telemetry`` says.
    Azure encrypts every account at rest ("Azure Storage encryption for data at rest").
    """
    routed = read(HUBS).cell(containers_by_account)
    yield from read.each(read(ACCOUNTS), partial(account_row, read, routed), named)


def account_row(read: Reader, routed: Any, account: Mapping[str, Any]) -> Row:
    """One account's row."""
    properties = account["properties"]
    telemetry = holds_telemetry(routed, account["name"].lower())
    row = {
        "region": region(account),
        "resource": account["id"],
        "name": account["name"],
        "tags": tags(account.get("tags") or {}),
        "kind": "storage account",
        "holds_telemetry": telemetry,
        "holds_iot_data": telemetry,
        "public": is_closed_by_switch(properties),
        "refuses_plain_http": properties.get("supportsHttpsTrafficOnly") is True
        and properties.get("minimumTlsVersion") in STRONG_TLS,
        "encrypted": True,
        "shared_keys": properties.get("allowSharedKeyAccess") is not False,
    }
    if telemetry is True:
        where = {"resource_group_name": resource_group(account["id"]), "account_name": account["name"]}
        if row["public"] is None:
            row["public"] = read(CONTAINERS, **where).cell(any_public, absent=False)
        rules = partial(deletes, containers=routed[account["name"].lower()])
        row["expires_objects"] = read(LIFECYCLE, **where).cell(rules, absent=False)
    return row


def containers_by_account(hubs: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Containers that hubs write to, by storage account; the account named "" stands for those that nothing names."""
    found: dict[str, set[str]] = {}
    for hub in hubs:
        properties = hub["properties"]
        targets = [endpoint for kind, endpoint in endpoints(properties) if kind == "storageContainers"]
        for target in [*targets, file_upload(properties)]:
            if target:
                found.setdefault(storage_account(target) or "", set()).add(target.get("containerName") or "")
    return found


def holds_telemetry(routed: Mapping[str, set[str]] | Unread, account: str) -> Any:
    """Whether a hub writes to the account; unread when the hubs are, or one hides where it writes to."""
    if isinstance(routed, Unread):
        return routed
    if account in routed:
        return True
    return (
        Unread("absent_field", detail="a hub does not name the storage account it writes to") if "" in routed else False
    )


def is_closed_by_switch(properties: Mapping[str, Any]) -> Any:
    """False when the account's own switches keep strangers out, None when its containers decide.

    Where ``allowBlobPublicAccess`` is not set, older API versions read it as true and newer ones as false: unread.
    """
    if str(properties.get("publicNetworkAccess")).lower() == "disabled":
        return False
    if str((properties.get("networkAcls") or {}).get("defaultAction")).lower() == "deny":
        return False
    allowed = properties.get("allowBlobPublicAccess")
    if allowed is None:
        return Unread("absent_field", detail="allowBlobPublicAccess is not set")
    return None if allowed else False


def any_public(containers: Iterable[Mapping[str, Any]]) -> bool:
    """Whether strangers can read one of the containers."""
    return any((one.get("properties") or {}).get("publicAccess") in ("Blob", "Container") for one in containers)


def deletes(reply: Mapping[str, Any], containers: Iterable[str]) -> bool:
    """Whether enabled rules delete block blobs in every one of the containers."""
    rules = [rule for rule in reply["properties"]["policy"].get("rules") or () if rule.get("enabled") is not False]
    return all(any(deletes_in(rule["definition"], container) for rule in rules) for container in containers)


def deletes_in(definition: Mapping[str, Any], container: str) -> bool:
    """Whether one rule deletes in a container. Rules for tagged blobs do not count: a hub tags nothing."""
    filters = definition.get("filters") or {}
    kinds = [str(kind).lower() for kind in filters.get("blobTypes") or ("blockBlob",)]
    prefixes = filters.get("prefixMatch") or ("",)
    inside = any(f"{container}/".startswith(prefix) or prefix.startswith(f"{container}/") for prefix in prefixes)
    removed = ((definition.get("actions") or {}).get("baseBlob") or {}).get("delete")
    return bool(removed) and "blockblob" in kinds and not filters.get("blobIndexMatch") and inside
