"""What a water company runs in Azure: two subscriptions, six hubs, three provisioning services, a hundred devices.

Every reply starts as Microsoft's own example and differs where the estate says so. Where a rule exists, one resource
keeps it and one breaks it. Times are relative to a clock, so that the estate never ages.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lab.azure_access import add_access
from lab.azure_example import LABORATORY, PRODUCTION, SCRIPT, TENANT, Body, Estate, example, group_id, identity
from lab.azure_fleet import add_certificates, add_devices
from lab.clock import now
from lab.server import CANARY


def water_company(clock: datetime | None = None, fleet: int = 60) -> Estate:
    """The estate at a moment (now, if none is given); ``fleet`` is the number of devices at the well-kept hub."""
    estate = Estate((clock or now()).replace(microsecond=0), fleet)
    for subscription, name in ((PRODUCTION, "Wasserwerk production"), (LABORATORY, f"Laboratory {SCRIPT}")):
        estate.subscriptions.append(
            example(
                "Subscriptions_List",
                id=f"/subscriptions/{subscription}",
                subscriptionId=subscription,
                tenantId=TENANT,
                displayName=name,
            )
        )
    _hubs(estate)
    _services(estate)
    _storage(estate)
    add_access(estate)
    _diagnostics(estate)
    add_certificates(estate)
    add_devices(estate)
    return estate


def add_hub(estate: Estate, subscription: str, group: str, name: str, tier: str = "S1", **properties: Any) -> None:
    """Adds a hub with Microsoft's defaults, but for the properties given."""
    body = example(
        "IotHubResource_ListBySubscription",
        id=f"{group_id(subscription, group)}/providers/Microsoft.Devices/IotHubs/{name}",
        name=name,
        location="westeurope",
        tags={"team": SCRIPT, "site": "\u202efleet\u202c", "Unit": name.removeprefix("hub-")},
        sku={"name": tier, "tier": "Basic" if tier.startswith("B") else "Standard", "capacity": 1},
    )
    held = body["properties"]
    for absent in ("networkRuleSets", "ipFilterRules"):
        held.pop(absent)
    held |= {"hostName": f"{name}.azure-devices.net", "authorizationPolicies": None, **properties}
    estate.hubs.setdefault(subscription, []).append(body)


def _rules(action: str, *masks: str, events: bool = True) -> Body:
    rules = [{"filterName": f"rule{n}", "action": "Allow", "ipMask": mask} for n, mask in enumerate(masks)]
    return {"defaultAction": action, "applyToBuiltInEventHubEndpoint": events, "ipRules": rules}


def _legacy(*rules: tuple[str, str]) -> list[Body]:
    return [{"filterName": f"rule{n}", "action": action, "ipMask": mask} for n, (action, mask) in enumerate(rules)]


def _approved(state: str) -> list[Body]:
    link = {"status": state, "description": "", "actionsRequired": "None"}
    return [{"name": "pe", "properties": {"privateEndpoint": {}, "privateLinkServiceConnectionState": link}}]


def _storage_key(account: str) -> str:
    return f"DefaultEndpointsProtocol=https;EndpointSuffix=core.windows.net;AccountName={account};AccountKey={CANARY}"


def _bus_key(namespace: str, entity: str) -> str:
    policy = f"SharedAccessKeyName=send;SharedAccessKey={CANARY}"
    return f"Endpoint=sb://{namespace}.servicebus.windows.net/;{policy};EntityPath={entity}"


def _route(name: str, *endpoints: str, enabled: bool = True) -> Body:
    return {
        "name": name,
        "source": "DeviceMessages",
        "condition": "true",
        "endpointNames": list(endpoints),
        "isEnabled": enabled,
    }


def _endpoint(name: str, **more: Any) -> Body:
    return {
        "id": identity("endpoint", name),
        "name": name,
        "subscriptionId": PRODUCTION,
        "resourceGroup": "rg-data",
        **more,
    }


def _blob(account: str) -> str:
    return f"https://{account}.blob.core.windows.net/"


def _hubs(estate: Estate) -> None:
    by_identity = {"authenticationType": "identityBased"}
    add_hub(
        estate,
        PRODUCTION,
        "rg-meters",
        "hub-meters",
        minTlsVersion="1.2",
        publicNetworkAccess="Enabled",
        networkRuleSets=_rules("Deny", "198.51.100.0/24", "203.0.113.7"),
        privateEndpointConnections=_approved("Approved"),
        restrictOutboundNetworkAccess=True,
        allowedFqdnList=["stmeters.blob.core.windows.net", "evh-meters.servicebus.windows.net"],
        disableLocalAuth=True,
        disableDeviceSAS=True,
        disableModuleSAS=True,
        routing={
            "endpoints": {
                "eventHubs": [
                    _endpoint(
                        "telemetry",
                        endpointUri="sb://evh-meters.servicebus.windows.net",
                        entityPath="meters",
                        **by_identity,
                    )
                ],
                "storageContainers": [
                    _endpoint("lake", endpointUri=_blob("stmeters"), containerName="telemetry", **by_identity)
                ],
            },
            "routes": [_route("all", "telemetry", "lake")],
        },
        storageEndpoints={
            "$default": {
                "sasTtlAsIso8601": "PT1H",
                "connectionString": _storage_key("stmeters"),
                "containerName": "uploads",
                **by_identity,
            }
        },
    )
    add_hub(
        estate,
        PRODUCTION,
        "rg-field",
        "hub-pumps",
        minTlsVersion="1.0",
        privateEndpointConnections=_approved("Pending"),
        routing={
            "endpoints": {
                "eventHubs": [_endpoint("raw", connectionString=_bus_key("evh-pumps", "raw"))],
                "serviceBusQueues": [
                    _endpoint("alarms", connectionString=_bus_key("sb-pumps", "alarms"), authenticationType="keyBased")
                ],
                "serviceBusTopics": [
                    _endpoint("work-orders", connectionString=_bus_key("sb-pumps", "orders"), authenticationType=None)
                ],
                "storageContainers": [
                    _endpoint("archive", connectionString=_storage_key("stpumps"), containerName="telemetry")
                ],
                "cosmosDBSqlContainers": [
                    _endpoint(
                        "twins",
                        endpointUri="https://cosmos-pumps.documents.azure.com/",
                        databaseName="iot",
                        containerName="state",
                        authenticationType="keyBased",
                        primaryKey=CANARY,
                        secondaryKey=CANARY,
                    )
                ],
            },
            "routes": [
                _route("raw", "raw", "alarms", "archive", "twins"),
                _route("orders", "work-orders", enabled=False),
            ],
        },
        storageEndpoints={
            "$default": {
                "sasTtlAsIso8601": "P1DT30M",
                "connectionString": _storage_key("stpumps"),
                "containerName": "uploads",
            }
        },
    )
    add_hub(
        estate,
        PRODUCTION,
        "rg-field",
        "hub-valves",
        publicNetworkAccess="Enabled",
        ipFilterRules=_legacy(("Accept", "192.0.2.0/24"), ("Reject", "198.51.100.0/24")),
        disableLocalAuth=False,
        routing={
            "endpoints": {
                "storageContainers": [
                    _endpoint("cold", endpointUri=_blob("stvalves"), containerName="cold", **by_identity)
                ]
            },
            "routes": [_route("cold", "cold")],
        },
    )
    add_hub(
        estate,
        PRODUCTION,
        "rg-field",
        "hub-sensors",
        "B1",
        minTlsVersion="1.2",
        publicNetworkAccess="Enabled",
        networkRuleSets=_rules("Deny", "1.2.3.4/5", events=False),
        disableLocalAuth=True,
    )
    add_hub(
        estate,
        LABORATORY,
        "rg-lab",
        "hub-bench",
        minTlsVersion="1.2",
        publicNetworkAccess="Disabled",
        ipFilterRules=_legacy(("Accept", "192.0.2.17"), ("Reject", "0.0.0.0/0")),
        disableLocalAuth=True,
    )
    add_hub(
        estate,
        LABORATORY,
        "rg-lab",
        "hub-trial",
        minTlsVersion="1.1",
        ipFilterRules=_legacy(("Accept", "192.0.2.17"), ("Reject", "0.0.0.0/0")),
        networkRuleSets=None,
    )


def _service(estate: Estate, subscription: str, group: str, name: str, **properties: Any) -> None:
    body = example(
        "IotDpsResource_ListBySubscription",
        id=f"{group_id(subscription, group)}/providers/Microsoft.Devices/provisioningServices/{name}",
        name=name,
        location="northeurope",
        resourcegroup=group,
        subscriptionid=subscription,
        tags={"team": SCRIPT},
    )
    body["properties"] |= {"serviceOperationsHostName": f"{name}.azure-devices-provisioning.net", **properties}
    estate.services.setdefault(subscription, []).append(body)


def _services(estate: Estate) -> None:
    link = {"location": "westeurope", "applyAllocationPolicy": True, "allocationWeight": 1}
    keyed = f"HostName=hub-pumps.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey={CANARY}"
    _service(
        estate,
        PRODUCTION,
        "rg-meters",
        "dps-meters",
        publicNetworkAccess="Enabled",
        ipFilterRules=[
            {"filterName": "office", "action": "Accept", "ipMask": "198.51.100.0/24", "target": "serviceApi"},
            {"filterName": "rest", "action": "Reject", "ipMask": "0.0.0.0/0", "target": "serviceApi"},
        ],
        disableLocalAuth=True,
        iotHubs=[
            {
                **link,
                "name": "hub-meters.azure-devices.net",
                "hostName": "hub-meters.azure-devices.net",
                "authenticationType": "SystemAssigned",
            }
        ],
    )
    _service(
        estate,
        PRODUCTION,
        "rg-field",
        "dps-field",
        disableLocalAuth=False,
        ipFilterRules=[
            {"filterName": "device", "action": "Reject", "ipMask": "0.0.0.0/0", "target": "deviceApi"},
        ],
        authorizationPolicies=[
            {
                "keyName": "provisioningserviceowner",
                "primaryKey": CANARY,
                "secondaryKey": CANARY,
                "rights": "ServiceConfig",
            }
        ],
        iotHubs=[
            {
                **link,
                "name": "hub-pumps.azure-devices.net",
                "connectionString": keyed,
                "authenticationType": "KeyBased",
            },
            {**link, "name": "hub-valves.azure-devices.net", "connectionString": keyed, "authenticationType": None},
        ],
    )
    _service(
        estate, LABORATORY, "rg-lab", "dps-old", iotHubs=[{**link, "name": "hub-trial", "connectionString": keyed}]
    )


def _account(estate: Estate, subscription: str, group: str, name: str, **properties: Any) -> str:
    body = example(
        "StorageAccounts_List",
        id=f"{group_id(subscription, group)}/providers/Microsoft.Storage/storageAccounts/{name}",
        name=name,
        location="westeurope",
        kind="StorageV2",
        tags={"owner": SCRIPT},
    )
    held = body["properties"]
    held["primaryEndpoints"] = {
        kind: f"https://{name}.{kind}.core.windows.net/" for kind in ("blob", "dfs", "file", "queue")
    }
    held |= {"supportsHttpsTrafficOnly": True, **properties}
    estate.accounts.setdefault(subscription, []).append(body)
    return str(body["id"])


def _containers(estate: Estate, account: str, **access: str) -> None:
    estate.containers[account] = []
    for name, public in access.items():
        body = example("BlobContainers_List", id=f"{account}/blobServices/default/containers/{name}", name=name)
        body["properties"]["publicAccess"] = public
        estate.containers[account].append(body)


def _policy(estate: Estate, account: str, **rules: Body) -> None:
    body = example("ManagementPolicies_Get", id=f"{account}/managementPolicies/default")
    body["properties"]["policy"]["rules"] = [
        {"enabled": True, "name": name, "type": "Lifecycle", "definition": definition}
        for name, definition in rules.items()
    ]
    estate.policies[account] = body


def _storage(estate: Estate) -> None:
    blobs, old = ["blockBlob"], {"daysAfterModificationGreaterThan": 365}
    delete, cool = {"baseBlob": {"delete": old}}, {"baseBlob": {"tierToArchive": old}}
    strict = {"allowBlobPublicAccess": False, "allowSharedKeyAccess": False, "minimumTlsVersion": "TLS1_2"}
    meters = _account(estate, PRODUCTION, "rg-data", "stmeters", **strict)
    _containers(estate, meters, telemetry="None", uploads="None")
    _policy(
        estate,
        meters,
        old={"filters": {"blobTypes": blobs, "prefixMatch": ["telemetry", "uploads/"]}, "actions": delete},
    )
    pumps = _account(
        estate,
        PRODUCTION,
        "rg-data",
        "stpumps",
        allowBlobPublicAccess=True,
        minimumTlsVersion="TLS1_0",
        supportsHttpsTrafficOnly=False,
    )
    _containers(estate, pumps, logs="None", telemetry="Container", uploads="None")
    valves = _account(estate, PRODUCTION, "rg-data", "stvalves", allowBlobPublicAccess=True, allowSharedKeyAccess=True)
    _containers(estate, valves, cold="None")
    _policy(estate, valves, archive={"filters": {"blobTypes": blobs}, "actions": cool})
    website = _account(estate, PRODUCTION, "rg-web", "stwebsite", allowBlobPublicAccess=True)
    _containers(estate, website, images="Blob")
    _account(estate, LABORATORY, "rg-lab", "stlab")


def _diagnostic(target: str, *logs: Body, **destination: str) -> Body:
    body = example(
        "DiagnosticSettings_List", id=f"{target}/providers/microsoft.insights/diagnosticSettings/all", name="all"
    )
    places = dict.fromkeys(("storageAccountId", "eventHubAuthorizationRuleId", "workspaceId", "marketplacePartnerId"))
    body["properties"] = {"metrics": [], **places, **destination, "logs": list(logs)}
    return body


def _diagnostics(estate: Estate) -> None:
    workspace = f"{group_id(PRODUCTION, 'rg-logs')}/providers/Microsoft.OperationalInsights/workspaces/logs"
    ids = {
        body["name"]: str(body["id"])
        for held in (estate.hubs, estate.services)
        for some in held.values()
        for body in some
    }

    def log(name: str) -> Body:
        kind = "categoryGroup" if name in ("allLogs", "audit") else "category"
        return {kind: name, "enabled": True, "retentionPolicy": {"enabled": False, "days": 0}}

    kept: dict[str, tuple[list[str], Body]] = {
        "hub-meters": (["Connections", "DeviceIdentityOperations"], {"workspaceId": workspace}),
        "hub-valves": (["Connections"], {"workspaceId": workspace}),
        "hub-sensors": (["allLogs"], {}),
        "hub-bench": (["allLogs"], {"workspaceId": workspace}),
        "dps-meters": (["DeviceOperations"], {"workspaceId": workspace}),
    }
    for name, (logs, destination) in kept.items():
        estate.diagnostics[ids[name]] = [_diagnostic(ids[name], *map(log, logs), **destination)]
