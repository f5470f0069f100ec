"""Who may do what in the water company's subscriptions: roles, and who they are assigned to."""

from __future__ import annotations

from lab.azure_example import LABORATORY, PRODUCTION, SCRIPT, Estate, example, group_id, identity


def _role(estate: Estate, name: str, actions: list[str], taken: list[str], data: list[str]) -> str:
    short = identity("role", name)
    body = example("RoleDefinitions_List", id=f"/providers/Microsoft.Authorization/roleDefinitions/{short}", name=short)
    permission = {"actions": actions, "notActions": taken, "dataActions": data, "notDataActions": []}
    body["properties"] |= {"roleName": name, "type": "BuiltInRole", "description": name, "permissions": [permission]}
    estate.roles.append(body)
    return short


def add_access(estate: Estate) -> None:
    """Few people over the meters, too many over the field; roles of every kind that a rule is about."""
    iot, dps, grants = (
        "Microsoft.Devices/IotHubs",
        "Microsoft.Devices/provisioningServices",
        "Microsoft.Authorization/*",
    )
    owner = _role(estate, "Owner", ["*"], [], [])
    contributor = _role(estate, "Contributor", ["*"], [f"{grants}/Delete", f"{grants}/Write"], [])
    reader = _role(estate, "Reader", ["*/read"], [], [])
    hub_data = _role(estate, "IoT Hub Data Contributor", [], [], [f"{iot}/*"])
    hub_read = _role(estate, "IoT Hub Data Reader", [], [], [f"{iot}/*/read"])
    twin_data = _role(estate, "IoT Hub Twin Contributor", [], [], [f"{iot}/twins/*"])
    dps_data = _role(estate, "Device Provisioning Service Data Contributor", [], [], [f"{dps}/*"])
    blob_data = _role(
        estate, "Storage Blob Data Contributor", ["Microsoft.Storage/*/read"], [], ["Microsoft.Storage/*"]
    )
    taken = [f"{iot}/write", f"{iot}/listkeys/action", f"{iot}/iotHubKeys/listkeys/action"]
    operator = _role(estate, "Pump \u202erotarepo\u202c", [f"{iot}/*"], taken, [])
    keys = _role(estate, SCRIPT, ["*/read", f"{iot.upper()}/LISTKEYS/Action"], [], [])

    production, laboratory = f"/subscriptions/{PRODUCTION}", f"/subscriptions/{LABORATORY}"
    company = "/providers/Microsoft.Management/managementGroups/wasserwerk"
    ids = {
        body["name"]: str(body["id"])
        for held in (estate.hubs, estate.services, estate.accounts)
        for some in held.values()
        for body in some
    }
    people = [f"operator{n}" for n in range(1, 6)]
    shared = [(company, owner, "admins", "Group"), (company, owner, "founder", "User")]
    field_group = group_id(PRODUCTION, "rg-field").lower()
    listed = {
        PRODUCTION: [
            *shared,
            (production, contributor, "cloud-team", "Group"),
            (production, contributor, "pipeline", "ServicePrincipal"),
            (production, reader, "auditors", "Group"),
            (production, hub_read, "scanner", "ServicePrincipal"),
            (production, hub_data, "analyst", "User"),
            (field_group, twin_data, "maintenance", "ServicePrincipal"),
            *((field_group, contributor, person, "User") for person in people),
            (field_group, operator, "shift", "ForeignGroup"),
            (ids["hub-pumps"], keys, "contractor", "User"),
            (ids["hub-meters"], hub_data, "update-service", "ServicePrincipal"),
            (ids["dps-meters"], dps_data, "factory", "ServicePrincipal"),
            (ids["stmeters"], blob_data, "hub-meters", "ServicePrincipal"),
        ],
        LABORATORY: [
            *shared,
            (laboratory, contributor, "researchers", "Group"),
            (group_id(LABORATORY, "rg-lab"), dps_data, "student", "User"),
        ],
    }
    for subscription, rows in listed.items():
        estate.assignments[subscription] = []
        for scope, role, principal, kind in rows:
            short = identity("assignment", scope, role, principal)
            where = scope if scope.startswith("/providers") else f"/subscriptions/{subscription}"
            body = example(
                "RoleAssignments_ListForSubscription",
                id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{short}",
                name=short,
            )
            body["properties"] |= {
                "roleDefinitionId": f"{where}/providers/Microsoft.Authorization/roleDefinitions/{role}",
                "principalId": identity("principal", principal),
                "principalType": kind,
                "scope": scope,
            }
            estate.assignments[subscription].append(body)
