"""The project itself: its bindings, its audit configuration, and whether the retired service's API is still on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.gcp.account import PROJECT, PROJECT_POLICY, full_name, project
from collectors.gcp.policy import grants
from collectors.gcp.pubsub import TELEMETRY, telemetry
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, any_of
from collectors.tables.access import Grant
from collectors.tables.hub import Detection

FOLDER = Operation("cloudresourcemanager.folders.get", "resourcemanager.folders.get", shared=True)
FOLDER_POLICY = Operation(
    "cloudresourcemanager.folders.getIamPolicy", "resourcemanager.folders.getIamPolicy", shared=True
)
ORGANIZATION_POLICY = Operation(
    "cloudresourcemanager.organizations.getIamPolicy", "resourcemanager.organizations.getIamPolicy", shared=True
)
SERVICES = Operation(
    "serviceusage.services.list",
    "serviceusage.services.list",
    items="services",
    fixed=(("filter", "state:ENABLED"), ("pageSize", 200)),
)

AUDITED = frozenset(f"{service}.googleapis.com" for service in ("cloudkms", "privateca", "pubsub", "secretmanager")) | {
    "allServices"
}
"""Services whose data-access logs tell who read device data and keys."""
LONGEST_ANCESTRY = 12
"""Folders nest up to ten levels (Resource Manager, "Quotas and limits")."""


@collector(Grant, "gcp", PROJECT_POLICY, PROJECT, *TELEMETRY, where="global")
def project_grants(read: Reader) -> Iterator[Row]:
    """Who may do what with the whole project, by bindings of its own."""
    known = telemetry(read)
    data = known if isinstance(known, Unread) else any_of(known.values())
    for policy in read(PROJECT_POLICY, resource=project(read)):
        full = full_name("cloudresourcemanager", project(read))
        yield from grants(read, policy, full, read.scope.account, "account", data)


def audits(read: Reader) -> Iterator[Any]:
    """The audit configuration of the project and of everything above it, from which it inherits."""
    yield read(PROJECT_POLICY, resource=project(read)).cell(audit_configs)
    above = read(PROJECT, name=project(read)).cell(lambda found: found.get("parent", ""))
    for _ in range(LONGEST_ANCESTRY):
        if isinstance(above, Unread):
            yield above
            return
        if above.startswith("organizations/"):
            yield read(ORGANIZATION_POLICY, resource=above).cell(audit_configs)
            return
        if not above.startswith("folders/"):
            return
        yield read(FOLDER_POLICY, resource=above).cell(audit_configs)
        above = read(FOLDER, name=above).cell(lambda found: found.get("parent", ""))


def audit_configs(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a policy's audit configuration that concern the IoT services."""
    return [config for config in policy.get("auditConfigs") or () if config["service"] in AUDITED]


def logs_data(levels: list[Any]) -> Any:
    """Whether reads and writes of data are logged for one of the services. What several levels log adds up."""
    kinds: dict[str, set[str]] = {}
    for configs in levels:
        for config in () if isinstance(configs, Unread) else configs:
            logged = {log["logType"] for log in config.get("auditLogConfigs") or ()}
            kinds[config["service"]] = kinds.get(config["service"], set()) | logged
    everywhere = kinds.get("allServices", set())
    whole = any({"DATA_READ", "DATA_WRITE"} <= found | everywhere for found in kinds.values())
    return any_of((whole, *(configs for configs in levels if isinstance(configs, Unread))))


def exempt_identities(levels: list[Any]) -> Any:
    """How many identities are exempt from data-access logs."""
    found: set[str] = set()
    for configs in levels:
        if isinstance(configs, Unread):
            return configs
        for config in configs:
            for entry in config.get("auditLogConfigs") or ():
                if entry["logType"] in ("DATA_READ", "DATA_WRITE"):
                    found |= set(entry.get("exemptedMembers") or ())
    return len(found)


def lists_retired_api(services: list[dict[str, Any]]) -> bool:
    """Whether the API of Cloud IoT Core is among those enabled."""
    return any(service["name"].endswith("/services/cloudiot.googleapis.com") for service in services)


@collector(
    Detection,
    "gcp",
    PROJECT_POLICY,
    PROJECT,
    FOLDER,
    FOLDER_POLICY,
    ORGANIZATION_POLICY,
    SERVICES,
    where="global",
)
def detection(read: Reader) -> Iterator[Row]:
    """Whether somebody would notice what happens in one project."""
    levels = list(audits(read))
    yield {
        "resource": full_name("cloudresourcemanager", project(read)),
        "name": read.scope.account,
        "data_access_logged": logs_data(levels),
        "audit_exemptions": exempt_identities(levels),
        "retired_api_enabled": read(SERVICES, parent=project(read)).cell(lists_retired_api),
    }
