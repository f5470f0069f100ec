"""Azure: the lab answers in the shapes that Microsoft's SDK and examples have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from collectors.azure import session
from collectors.rate_limit import RateLimiter
from lab.azure import Azure
from lab.azure_example import PRODUCTION, Body, example
from lab.cloud import Lab


def client(lab: Lab, service: str) -> Any:
    """The SDK's client for one service, as a scan makes it."""
    return session.connect(PRODUCTION, lab.azure.settings(), (), RateLimiter(500)).client(service)


def unknown_fields(model: Any, raw: Any, path: str = "") -> set[str]:
    """Fields of a reply that the SDK's model of it does not know."""
    if isinstance(raw, list):
        pairs = zip(model or [], raw, strict=False)
        return set().union(*(unknown_fields(one, other, path) for one, other in pairs))
    if not isinstance(raw, dict) or not hasattr(model, "_attr_to_rest_field"):
        return set()
    known = {each._rest_name: name for name, each in model._attr_to_rest_field.items()}
    found = {f"{path}{name}" for name in raw if name not in known}
    for name, value in raw.items():
        if name in known:
            found |= unknown_fields(getattr(model, known[name]), value, f"{path}{name}.")
    return found


def lost_fields(kept: Any, raw: Any, path: str = "") -> set[str]:
    """Fields of a reply that are gone once the SDK has parsed it and written it again."""
    if isinstance(raw, list):
        return set().union(*(lost_fields(one, other, path) for one, other in zip(kept or [], raw, strict=False)))
    if not isinstance(raw, dict):
        return set()
    found = {f"{path}{name}" for name, value in raw.items() if value is not None and name not in kept}
    for name, value in raw.items():
        if name in kept:
            found |= lost_fields(kept[name], value, f"{path}{name}.")
    return found


METERS = f"subscriptions/{PRODUCTION}/resourceGroups/rg-meters/providers/Microsoft.Devices/IotHubs/hub-meters"


def held(bodies: dict[str, list[Body]], name: str) -> list[Body]:
    """What hangs at the resource with a name."""
    return next(some for resource, some in bodies.items() if resource.endswith(f"/{name}"))


SHAPES: dict[str, tuple[str, Callable[[Azure], list[Body]], dict[str, str]]] = {
    "subscriptions.subscriptions.list": ("Subscriptions_List", lambda lab: lab.estate.subscriptions, {}),
    "iothub.iot_hub_resource.list_by_subscription": (
        "IotHubResource_ListBySubscription", lambda lab: lab.estate.hubs[PRODUCTION], {},
    ),
    "iothubprovisioningservices.iot_dps_resource.list_by_subscription": (
        "IotDpsResource_ListBySubscription", lambda lab: lab.estate.services[PRODUCTION], {},
    ),
    "storage.storage_accounts.list": ("StorageAccounts_List", lambda lab: lab.estate.accounts[PRODUCTION], {}),
    "authorization.role_assignments.list_for_subscription": (
        "RoleAssignments_ListForSubscription", lambda lab: lab.estate.assignments[PRODUCTION], {},
    ),
    "authorization.role_definitions.list": (
        "RoleDefinitions_List", lambda lab: lab.estate.roles, {"scope": f"subscriptions/{PRODUCTION}"},
    ),
    "iothub.certificates.list_by_iot_hub": (
        "Certificates_ListByIotHub",
        lambda lab: held(lab.estate.certificates, "hub-pumps"),
        {"resource_group_name": "rg-field", "resource_name": "hub-pumps"},
    ),
    "iothubprovisioningservices.dps_certificate.list": (
        "DpsCertificate_List",
        lambda lab: held(lab.estate.certificates, "dps-meters"),
        {"resource_group_name": "rg-meters", "provisioning_service_name": "dps-meters"},
    ),
    "monitor.diagnostic_settings.list": (
        "DiagnosticSettings_List",
        lambda lab: held(lab.estate.diagnostics, "hub-meters"),
        {"resource_uri": METERS},
    ),
    "storage.blob_containers.list": (
        "BlobContainers_List",
        lambda lab: held(lab.estate.containers, "stpumps"),
        {"resource_group_name": "rg-data", "account_name": "stpumps"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_the_lab_answers_in_fields_that_the_sdk_knows(lab: Lab, name: str) -> None:
    operation, estate, params = SHAPES[name]
    service, group, method = name.split(".")
    reply = getattr(getattr(client(lab, service), group), method)(**params)
    models = list(getattr(reply, "value", reply))
    raw = estate(lab.azure)
    assert len(models) == len(raw)
    found = set[str]()
    for model, body in zip(models, raw, strict=True):
        if hasattr(model, "_attr_to_rest_field"):
            found |= unknown_fields(model, body)
        else:
            found |= lost_fields(model.serialize(keep_readonly=True), body)
    theirs = paths(example(operation))
    assert not {one for one in found if one not in theirs}


def test_the_lab_lists_private_endpoints_as_a_bare_list(lab: Lab) -> None:
    links = client(lab, "iothub").private_endpoint_connections.list("rg-meters", "hub-meters")
    assert [link.properties.private_link_service_connection_state.status for link in links] == ["Approved"]


def paths(body: Any, path: str = "") -> set[str]:
    """Every field of a reply, as dotted paths."""
    if isinstance(body, list):
        return set().union(*(paths(one, path) for one in body))
    if not isinstance(body, dict):
        return set()
    return {f"{path}{name}" for name in body}.union(*(paths(value, f"{path}{name}.") for name, value in body.items()))
